"""Whether a function's code can change anything beyond itself, read from what its modules import and use."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

HARMLESS = {  # modules of Python whose use nobody outside the function can see
    *("__future__", "abc", "base64", "binascii", "calendar", "collections", "contextlib", "copy", "csv", "dataclasses"),
    *("datetime", "decimal", "enum", "functools", "gzip", "hashlib", "hmac", "html", "io", "itertools", "json"),
    *("logging", "math", "operator", "os", "pprint", "random", "re", "secrets", "statistics", "string", "struct"),
    *("sys", "textwrap", "time", "traceback", "types", "typing", "urllib.parse", "uuid", "zlib", "zoneinfo"),
    *("aws_durable_execution_sdk_python", "aws_xray_sdk", "pydantic", "typing_extensions"),
    *("aws_lambda_powertools.logging", "aws_lambda_powertools.metrics", "aws_lambda_powertools.tracing"),
    *("aws_lambda_powertools.event_handler", "aws_lambda_powertools.utilities.batch"),
    *("aws_lambda_powertools.utilities.data_classes", "aws_lambda_powertools.utilities.typing"),
}
POWERTOOLS = {"Logger", "Metrics", "Tracer", "single_metric"}  # of the package itself
OF_OS = {"environ", "getenv", "path"}
UNTOLD = {"__import__", "eval", "exec", "compile", "globals"}  # with these anything may be called
NODE = {
    "assert",
    "buffer",
    "crypto",
    "events",
    "path",
    "punycode",
    "querystring",
    "string_decoder",
    "url",
    "util",
    "zlib",
}
WRITES_LOGS = (
    "@aws/durable-execution-sdk-js",
    "aws-lambda",
    "@middy/core",
    *(f"@aws-lambda-powertools/{name}" for name in ("logger", "metrics", "tracer")),
)
IMPORTS = re.compile(r"""\b(?:require\s*\(\s*|from\s+|import\s+|import\s*\(\s*)(['"])([^'"]+)\1""")
UNTOLD_SCRIPT = re.compile(
    r"""\bfetch\b|\bXMLHttpRequest\b|\bWebSocket\b|\bEventSource\b|\beval\b|\bFunction\s*\(|\bglobalThis\b"""
    r"""|\bprocess\s*(?:\.\s*(?!env\b|stdout\b|stderr\b|version\b|memoryUsage\b)|\[)|\brequire\s*(?!\s*\(\s*['"])"""
    r"""|\bimport\s*\(\s*(?!['"])|\bawslambda\b|\.invoke\b"""
)
SCRIPTS = ("", ".js", ".mjs", ".cjs", ".ts", ".mts", "/index.js", "/index.mjs", "/index.ts")


def calls_nothing(folder: Path, handler: str, runtime: str) -> bool:
    """Whether all that the code can leave behind is its answer and its log; False wherever that cannot be told."""
    module = handler.rsplit(".", 1)[0]
    try:
        if runtime.startswith("python"):
            start = folder / (module.replace(".", "/") + ".py")
            return start.is_file() and all(harmless(tree, folder) for _, tree in modules(start, folder))
        start = next((path for end in SCRIPTS[1:6] if (path := folder / f"{module}{end}").is_file()), folder)
        return runtime.startswith("nodejs") and start.is_file() and all(map(harmless_script, scripts(start)))
    except (OSError, SyntaxError, ValueError):
        return False


READS = re.compile(r"(?:batch_?)?(?:get|head|list|describe|query|scan|select|detect)(?:_|[A-Z]|$)", re.IGNORECASE)
OF_SDK = re.compile(r"@aws-sdk/(?:client-[\w-]+|lib-dynamodb|util-dynamodb|s3-request-presigner)$")
COMMANDS = re.compile(r"\b([A-Z]\w*)Command\b(?!Input|Output)")
MADE = re.compile(r"\bnew\s+([A-Z]\w*)")
PLAIN_MADE = re.compile(r"(?:Client|Command|Error|Logger|Tracer|Metrics)$|^(?:Date|Map|Set|Promise|URL|RegExp|Array)$")
PLAIN_CALLS = {  # methods of Python whose use nobody outside the function can see, beside those of its own code
    *("client", "resource", "Session", "Table", "Bucket", "Object", "paginate", "generate_presigned_url", "read"),
    *("decode", "encode", "loads", "dumps", "items", "keys", "values", "append", "extend", "format", "split", "join"),
    *("strip", "lower", "upper", "replace", "startswith", "endswith", "info", "debug", "warning", "error", "exception"),
    *("readlines", "readline", "splitlines", "iter_lines", "isoformat", "now", "utcnow", "unquote_plus", "unquote"),
    *("getLogger", "setLevel", "sort", "count", "index", "Key", "Attr", "eq", "rfind", "find", "time", "sub"),
}


def only_reads(folder: Path, handler: str, runtime: str) -> bool:
    """Whether code that calls AWS can do nothing there but read; False wherever that cannot be told."""
    module = handler.rsplit(".", 1)[0]
    try:
        if runtime.startswith("python"):
            start = folder / (module.replace(".", "/") + ".py")
            return start.is_file() and all(reads(tree, folder) for _, tree in modules(start, folder))
        start = next((path for end in SCRIPTS[1:6] if (path := folder / f"{module}{end}").is_file()), folder)
        return runtime.startswith("nodejs") and start.is_file() and all(map(reading_script, scripts(start)))
    except (OSError, SyntaxError, ValueError):
        return False


WRITES = re.compile(
    r"(?i)(?:put|delete|update|send|publish|create|start|stop|invoke|write|upload|copy|batch_w|transact|tag|untag|execute"
    r"|post|save|remove|add|set|change|purge|receive|restore|abort|complete|register)(?:_|[A-Z]|$)"
)


def reads(tree: ast.Module, folder: Path) -> bool:
    nodes = list(ast.walk(tree))
    named = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
    called = [node.func.attr for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    if any(WRITES.match(name) for name in named) or any(getattr(node, "id", "") == "getattr" for node in nodes):
        return False
    seen = all(name in PLAIN_CALLS | own or READS.match(name) for name in called)
    return seen and harmless(tree, folder, ("boto3", "botocore"))


def reading_script(text: str) -> bool:
    names = [name for _, name in IMPORTS.findall(text)]
    others = [name for name in names if not OF_SDK.match(name)]
    made = all(PLAIN_MADE.search(name) for name in MADE.findall(text))
    return made and all(map(READS.match, COMMANDS.findall(text))) and harmless_script(text, others)


def script_text(folder: Path, handler: str, runtime: str) -> str:
    """The text of the module in JavaScript or TypeScript that holds a handler; empty for any other."""
    module = handler.rsplit(".", 1)[0]
    places = (folder / f"{module}{end}" for end in SCRIPTS[1:6])
    path = next((place for place in places if runtime.startswith("nodejs") and place.is_file()), None)
    return path.read_text(encoding="utf-8", errors="replace") if path else ""


def modules(start: Path, folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    """A module and those of the function's own that it imports, to the last."""
    todo, seen = [start], set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            tree = ast.parse(path.read_text(encoding="utf-8-sig"))
            yield path, tree
            todo += [own for name, _ in imported(tree) for own in own_files(name, folder, path)]


def imported(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """The modules that are imported anywhere in the code, dots before those that are relative, and names from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((each.name, []) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), [each.name for each in node.names]


def own_files(name: str, folder: Path, importer: Path) -> list[Path]:
    """The function's own files that an import reaches; of a package, all of them."""
    level = len(name) - len(name.lstrip("."))
    start = importer.parents[level - 1] if level else folder
    place = start / name.lstrip(".").replace(".", "/")
    if place.is_dir():
        return sorted(place.rglob("*.py"))
    return [path] if (path := place.with_suffix(".py")).is_file() else []


def harmless(tree: ast.Module, folder: Path, besides: tuple[str, ...] = ()) -> bool:
    for name, names in imported(tree):
        if name.split(".")[0] in besides:
            continue
        if name == "aws_lambda_powertools" and names:
            if not POWERTOOLS.issuperset(names):
                return False
        elif not (known(name) or name.startswith(".") or own_files(name, folder, folder / "module.py")):
            return False
        if name == "os" and names and not OF_OS.issuperset(names):
            return False
        if name == "urllib" and names != ["parse"]:
            return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in UNTOLD:
            return False
        if isinstance(node, ast.Attribute) and node.attr == "invoke":
            return False
        if isinstance(node, ast.Attribute) and reaches_out(ast.unparse(node)):
            return False
    return True


def reaches_out(attribute: str) -> bool:
    module, _, rest = attribute.partition(".")
    return (module == "os" and rest.split(".")[0] not in OF_OS) or attribute.startswith("sys.modules")


def known(name: str) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:length]) in HARMLESS for length in range(1, len(parts) + 1))


def scripts(start: Path) -> Iterator[str]:
    """A module in JavaScript or TypeScript and those that it reaches by a relative path, to the last."""
    todo, seen = [start], set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            text = path.read_text(encoding="utf-8-sig")
            yield text
            for _, name in IMPORTS.findall(text):
                if name.startswith("."):
                    module = next((p for end in SCRIPTS if (p := path.parent / f"{name}{end}").is_file()), None)
                    if module is None:
                        raise ValueError(f"{name} is not beside {path}")
                    todo.append(module)


def harmless_script(text: str, names: list[str] | None = None) -> bool:
    names = [name for _, name in IMPORTS.findall(text)] if names is None else names
    return not UNTOLD_SCRIPT.search(text) and all(
        name.startswith((".", *WRITES_LOGS)) or name.removeprefix("node:") in NODE for name in names
    )
