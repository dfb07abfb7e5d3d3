"""What the code of a Python or Node.js handler needs of its template: names, variables and calls of AWS.

Python is parsed. JavaScript and TypeScript are read by a few expressions over source without comments, and only where
one spelling is the rule: cfn-lint brings no parser of theirs. What is not sure is left out.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
SCRIPTS = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx")
REQUIRED = (  # parameters of AWS's calls that cannot be missing
    *("TableName", "QueueUrl", "TopicArn", "Bucket", "FunctionName", "SecretId", "StreamName", "KeyId", "UserPoolId"),
    *("stateMachineArn", "DeliveryStreamName", "Name"),
)


@dataclass(frozen=True)
class Call:
    """A call of AWS: the service as boto3 or the SDK's package names it, and the operation, in camel case."""

    service: str
    operation: str
    where: str  # file and line


@dataclass
class Code:
    """`names` are what the handler's module has, None if not known; `variables` are those that it cannot do without."""

    names: set[str] | None = None
    variables: dict[str, str] = field(default_factory=dict)  # and where each is read
    calls: list[Call] = field(default_factory=list)


# ---- Python


@dataclass
class Module:
    name: str
    tree: ast.Module
    functions: dict[str, list[Function]] = field(default_factory=dict)  # and the methods of classes, by the class
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)  # local name: module, and name in it or ""
    clients: dict[str, str] = field(default_factory=dict)  # local name: service, or service and "." for a resource's
    star: bool = False

    def __post_init__(self) -> None:
        for node in self.tree.body:
            if isinstance(node, Function):
                self.functions[node.name] = [node]
            elif isinstance(node, ast.ClassDef):
                self.functions[node.name] = [each for each in node.body if isinstance(each, Function)]
        for inner in ast.walk(self.tree):
            if isinstance(inner, ast.ImportFrom):
                above = self.name.split(".")[: -inner.level] if inner.level else []
                origin = ".".join([*above, *([inner.module] if inner.module else [])])
                self.star = self.star or any(each.name == "*" for each in inner.names)
                for alias in inner.names:
                    self.imported[alias.asname or alias.name] = (origin, alias.name)
            elif isinstance(inner, ast.Import):
                for alias in inner.names:
                    self.imported[alias.asname or alias.name.partition(".")[0]] = (alias.name, "")
        made: dict[str, set[str]] = {}
        for inner in ast.walk(self.tree):
            if isinstance(inner, ast.Assign):
                for target in inner.targets:
                    if name := dotted(target):
                        made.setdefault(name, set()).add(_made(inner.value))
        for _ in range(2):  # a table is made of a resource
            for name, services in made.items():
                (service,) = services if len(services) == 1 else ("",)
                source, _, method = service.partition("|")
                resolved = service if not method else "dynamodb" if self.clients.get(source) == "dynamodb." else ""
                if resolved:
                    self.clients[name] = resolved


def _made(value: ast.expr) -> str:
    """The service of the client that an expression makes, `name|Table` for a table of a resource; empty for others."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return ""
    name, method = dotted(value.func.value), value.func.attr
    first = value.args[0] if value.args else next((each.value for each in value.keywords if not each.arg), None)
    if name == "boto3" and method in ("client", "resource") and isinstance(first, ast.Constant):
        foreign = any("key" in (each.arg or "key") or "token" in (each.arg or "") for each in value.keywords)
        return "" if foreign else f"{first.value!s}{'.' if method == 'resource' else ''}"
    if method == "Table":
        made = _made(value.func.value)
        return "dynamodb" if made == "dynamodb." else f"{name}|Table" if name else ""
    return ""


def dotted(node: ast.expr) -> str:
    """`a.b` as text; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def of_python(sources: dict[str, str], module: str, handler: str) -> Code | None:
    """What a handler of some modules needs; None where they cannot be parsed. `sources` are by dotted name."""
    modules: dict[str, Module] = {}
    for name, source in sources.items():
        try:
            modules[name] = Module(name, ast.parse(source))
        except (SyntaxError, ValueError):
            if name == module:
                return None
    modules |= {name.removesuffix(".__init__"): each for name, each in modules.items() if name.endswith(".__init__")}
    start = modules.get(module)
    if not start:
        return None
    code = Code(None if start.star else set(_bound(start.tree)))
    guarded: set[str] = set()
    nodes = list(_reached(modules, start, handler))
    for within, node in nodes:
        _variables(code, guarded, within, node)
        for inner in _walked(node):
            if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
                _called(code, modules, within, inner, inner.func)
    code.variables = {name: where for name, where in code.variables.items() if name not in guarded | {"*"}}
    if "*" in guarded:
        code.variables = {}
    return code


def is_placeholder(source: str) -> bool:
    """Nothing but comments, which somebody replaces once the function is there."""
    return not ast.parse(source).body


def _bound(tree: ast.AST) -> Iterator[str]:
    """The names that a module binds itself, whatever the conditions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((each.asname or each.name).partition(".")[0] for each in node.names)
        else:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            yield from _bound(node)


def _reached(modules: dict[str, Module], start: Module, handler: str) -> Iterator[tuple[Module, ast.AST]]:
    """What runs: the top of each module that is imported, and the functions that the handler's names lead to."""
    tops, seen = [start], set()
    while tops:
        module = tops.pop()
        if module.name in seen:
            continue
        seen.add(module.name)
        for node in module.tree.body:
            if not isinstance(node, Function | ast.ClassDef):
                yield module, node
            if isinstance(node, ast.Import):
                tops += [modules[each.name] for each in node.names if each.name in modules]
        for origin, name in module.imported.values():  # those within functions too
            tops += [modules[path] for path in (origin, f"{origin}.{name}".strip(".")) if path in modules]
    waiting, done = [(start, handler)], set()
    while waiting:
        module, name = waiting.pop()
        if (module.name, name) in done:
            continue
        done.add((module.name, name))
        if name not in module.functions and name in module.imported:
            origin, there = module.imported[name]
            waiting += [(modules[origin], there)] if origin in modules else []
        for function in module.functions.get(name, []):
            yield module, function
            for inner in ast.walk(function):
                if isinstance(inner, ast.Name):
                    waiting.append((module, inner.id))
                elif isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
                    origin, there = module.imported.get(inner.value.id, ("", ""))
                    path = f"{origin}.{there}".strip(".") if there else origin
                    waiting += [(modules[path], inner.attr)] if path in modules else []


def _walked(node: ast.AST) -> Iterator[ast.AST]:
    """Everything below a node, what only runs as a script left out."""
    if isinstance(node, ast.If) and "__main__" in ast.dump(node.test):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _walked(child)


def _variables(code: Code, guarded: set[str], module: Module, top: ast.AST) -> None:
    """Variables that are read as `os.environ["X"]`, unless the code anywhere asks first or has another value."""
    for node in _walked(top):
        if isinstance(node, ast.Subscript) and _environ(module, node.value) and isinstance(node.slice, ast.Constant):
            name = str(node.slice.value)
            if isinstance(node.ctx, ast.Load):
                code.variables.setdefault(name, f"{module.name.replace('.', '/')}.py:{node.lineno}")
            else:
                guarded.add(name)
        elif isinstance(node, ast.Compare) and any(_environ(module, each) for each in node.comparators):
            guarded.add(str(node.left.value) if isinstance(node.left, ast.Constant) else "*")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            told = node.args[0] if node.args else None
            asked = _environ(module, node.func.value) or dotted(node.func) == "os.getenv"
            if asked and node.func.attr in ("get", "getenv", "setdefault", "pop") and isinstance(told, ast.Constant):
                guarded.add(str(told.value))
            elif asked and node.func.attr == "update":
                guarded.add("*")
        elif isinstance(node, ast.Try) or (isinstance(node, ast.If | ast.IfExp) and "env" in ast.dump(node.test)):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Subscript) and _environ(module, inner.value):
                    guarded.add(str(inner.slice.value) if isinstance(inner.slice, ast.Constant) else "*")
        elif isinstance(node, ast.Name) and "dotenv" in node.id:
            guarded.add("*")


def _environ(module: Module, node: ast.expr) -> bool:
    name = dotted(node)
    return name == "os.environ" or (name == "environ" and module.imported.get(name) == ("os", "environ"))


def _called(code: Code, modules: dict[str, Module], module: Module, call: ast.Call, function: ast.Attribute) -> None:
    name = dotted(function.value)
    service = module.clients.get(name, "") or _made(function.value)
    if not service and name in module.imported and module.imported[name][0] in modules:
        origin, there = module.imported[name]
        service = modules[origin].clients.get(there, "")
    method = function.attr
    if method in ("get_paginator", "paginate") and call.args and isinstance(call.args[0], ast.Constant):
        method = str(call.args[0].value)
    if service and not service.endswith(".") and "|" not in service:
        operation = "".join(part[:1].upper() + part[1:] for part in method.split("_"))
        code.calls.append(Call(service, operation, f"{module.name.replace('.', '/')}.py:{call.lineno}"))


# ---- JavaScript and TypeScript

TOKENS = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)""", re.S
)
IMPORTS = re.compile(
    r"(?:import\s*(?:type\s*)?\{([^}]*)\}\s*from|(?:const|let|var)\s*\{([^}]*)\}\s*=\s*require\s*\()\s*"
    r"[\"']@aws-sdk/(client|lib)-([a-z0-9-]+)[\"']"
)
SET = r"process\.env\.{0}\s*(?:\|\||\?\?|\?(?!\.)|[=!]==?|=(?!=)|&&|\)\s*(?:\|\||\?\?|\?|&&|\{{|return|throw))"


FUNCTIONS = re.compile(  # those of a module's top, up to the next line that is not indented
    r"^(?:(?:export\s+)?(?:default\s+)?(?:async\s+)?function\s*\*?\s*(?P<declared>\w+)"
    r"|(?:(?:export\s+)?(?:const|let|var)\s+|(?:module\.)?exports\.)(?P<bound>\w+)[^=\n]*="
    r"\s*(?:async\s*)?(?:function\b|\(|\w+\s*=>)).*(?:\n(?:[ \t})\]].*)?)*",
    re.M,
)
EXPORTED = re.compile(r"^(?:(?:module\.)?exports\s*=|export)\s*\{([^{}]*)\}", re.M)


def _run(source: str, handler: str) -> str:
    """The source without the functions of its top that the handler does not lead to, line for line."""
    rest = EXPORTED.sub("", FUNCTIONS.sub("", source))
    names = {handler}
    for exported in EXPORTED.finditer(source):
        for written in exported[1].split(","):
            pair = {word for word in re.findall(r"\w+", written) if word != "as"}
            names |= pair if handler in pair else set()
    led, left = [rest], list(FUNCTIONS.finditer(source))
    while led:
        names |= set(re.findall(r"\w+", " ".join(led)))
        led = [one[0] for one in left if one["declared"] in names or one["bound"] in names]
        left = [one for one in left if one["declared"] not in names and one["bound"] not in names]
    spans = {one.span() for one in left}
    return FUNCTIONS.sub(lambda one: "\n" * one[0].count("\n") if one.span() in spans else one[0], source)


def of_script(path: Path, handler: str) -> Code:
    """What a handler in JavaScript or TypeScript needs."""
    source = TOKENS.sub(
        lambda token: token["text"] or "\n" * token["comment"].count("\n"), path.read_text(errors="replace")
    )
    code = Code({handler} if re.search(rf"\b{re.escape(handler)}\b|export\s*\*|exports\s*\[", source) else set())
    run = _run(source, handler)
    for reading in re.finditer(r"process\.env\.([A-Za-z_][A-Za-z0-9_]*)", run):
        name = reading[1]
        strict = re.search(rf"\b(?:{'|'.join(REQUIRED)}):\s*process\.env\.{name}\b", run)
        kept = re.search(
            rf"\b(?:const|let|var)\s+(\w+)[^=;\n]*=\s*process\.env\.{name}\b!?\s*(?:as\s+string\s*)?[;\n]", source
        )
        if kept and not strict:
            strict = re.search(rf"\b(?:{'|'.join(REQUIRED)}):\s*{kept[1]}\b", run)
            asked = re.search(rf"if\s*\([^)]*\b{kept[1]}\b", source)
            strict = None if asked else strict
        asked = re.search(SET.format(name), source) or re.search(rf"!\s*process\.env\.{name}\b", source)
        other = re.search(
            rf"[\"']{name}[\"']|process\.env\s*\)|process\.env\s*\[|=\s*process\.env\s*[;\n]|dotenv", source
        )
        if strict and not asked and not other:
            code.variables.setdefault(name, f"{path.name}:{run[: reading.start()].count(chr(10)) + 1}")
    foreign = re.search(r"accessKeyId|\bcredentials\s*[:,}]|AssumeRole", source)  # calls under another role
    for clause in [] if foreign else IMPORTS.finditer(source):
        for written in (clause[1] or clause[2]).split(","):
            names = re.split(r"\s+as\s+|\s*:\s*", written.strip().removeprefix("type "))
            operation, local = names[0].strip(), names[-1].strip()
            for construction in (
                re.finditer(rf"\bnew\s+{re.escape(local)}\s*\(", run) if operation.endswith("Command") else ()
            ):
                line = run[: construction.start()].count("\n") + 1
                service = f"{clause[3]}-{clause[4]}".removeprefix("client-")
                code.calls.append(Call(service, operation.removesuffix("Command"), f"{path.name}:{line}"))
    return code
