"""What the code of a function asks of its template: a handler that is there, variables and permissions."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))
import _code as reader
import _model as model

PACKAGING = "references/deployment-best-practices.md#packaging"
KEPT = "references/security-best-practices.md#what-an-environment-keeps"
ROLE = "references/security-best-practices.md#permissions"
TAGS = ["lambda", "speedy, simple, singular"]
# Variables that Lambda sets, or the system, or a layer.
GIVEN = re.compile(
    r"(AWS|_X_AMZN|LAMBDA|POWERTOOLS|NODE|PYTHON|LD|LC|DD|OTEL)_.*|_HANDLER|PATH|HOME|TZ|LANG|PWD|TMPDIR"
)
SERVICES = {  # how IAM calls what boto3 or the SDK's package calls otherwise
    **{"stepfunctions": "states", "sfn": "states", "eventbridge": "events", "cloudwatch-logs": "logs"},
    **{"cognito-identity-provider": "cognito-idp", "sesv2": "ses", "iot-data": "iot", "iot-data-plane": "iot"},
    **{"apigatewaymanagementapi": "execute-api", "dynamodbstreams": "dynamodb", "dynamodb-streams": "dynamodb"},
    **{"lib-dynamodb": "dynamodb", "bedrock-runtime": "bedrock", "bedrock-agent-runtime": "bedrock"},
}
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
ACTIONS = {  # of operations whose action has another name; any of several is enough
    **dict.fromkeys(("s3:UploadFile", "s3:UploadFileobj", "s3:CopyObject", "s3:UploadPart"), ("PutObject",)),
    **dict.fromkeys(("s3:CreateMultipartUpload", "s3:CompleteMultipartUpload"), ("PutObject",)),
    **dict.fromkeys(("s3:DownloadFile", "s3:DownloadFileobj", "s3:HeadObject"), ("GetObject", "GetObjectVersion")),
    **dict.fromkeys(("s3:ListObjectsV2", "s3:ListObjects", "s3:HeadBucket"), ("ListBucket",)),
    "s3:GetObject": ("GetObject", "GetObjectVersion"),
    "s3:DeleteObject": ("DeleteObject", "DeleteObjectVersion"),
    "s3:DeleteObjects": ("DeleteObject", "DeleteObjectVersion"),
    "s3:ListBuckets": ("ListAllMyBuckets",),
    **dict.fromkeys(("dynamodb:TransactWriteItems", "dynamodb:TransactWrite"), WRITES),
    **dict.fromkeys(("dynamodb:TransactGetItems", "dynamodb:TransactGet"), ("GetItem",)),
    **{f"dynamodb:{name}": (f"{name}Item",) for name in ("Put", "Get", "Update", "Delete", "BatchWrite", "BatchGet")},
    "dynamodb:BatchWriter": ("BatchWriteItem",),
    **{f"sqs:{name}Batch": (name,) for name in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")},
    "sns:PublishBatch": ("Publish",),
    "lambda:Invoke": ("InvokeFunction",),
    "execute-api:PostToConnection": ("ManageConnections", "Invoke"),
    "ses:SendBulkEmail": ("SendBulkEmail", "SendBulkTemplatedEmail", "SendEmail"),
    **dict.fromkeys(("bedrock:Converse", "bedrock:InvokeModel"), ("InvokeModel",)),
}
OWN = ("s3:AbortMultipartUpload", "s3:ListParts")  # of an upload of one's own
SHARED = ("s3", "sqs", "sns", "kms", "secretsmanager", "lambda")  # what a policy of the resource may grant, too


@dataclass(frozen=True, eq=False)
class Handler:
    """A function whose code lies beside the template or in it, and what it needs."""

    function: model.Resource
    module: str
    name: str
    code: reader.Code
    files: tuple[str, ...]  # that are there, where the module's is not; empty if it is
    shared: bool  # with another function


@lru_cache(maxsize=1)
def handlers(template: model.Model) -> list[Handler]:
    return [each for function in template.functions for each in _handler(template, function)]


def _handler(template: model.Model, function: model.Resource) -> Iterator[Handler]:
    runtime, handler = function.only("Runtime"), function.only("Handler")
    if not isinstance(runtime, str) or not isinstance(handler, str) or "." not in handler:
        return
    module, _, name = handler.rpartition(".")
    others = [each for each in template.functions if each is not function and _module(each) == module]
    inline = [function.only("InlineCode"), function.only("Code", "ZipFile")]
    for source in inline:
        if isinstance(source, str) and source.strip() and runtime.startswith("python"):
            code = reader.of_python({"index": source}, "index", name)
            if code and not reader.is_placeholder(source):
                yield Handler(function, module, name, code, (), False)
            return
    folder = _folder(template, function)
    if not folder:
        return
    if runtime.startswith("python"):
        yield from _of_python(function, folder, module, name)
    elif runtime.startswith("nodejs"):
        yield from _of_script(function, folder, module, name, bool(others))


def _module(function: model.Resource) -> str:
    return str(function.only("Handler")).rpartition(".")[0]


def _folder(template: model.Model, function: model.Resource) -> Path | None:
    """Where the function's code lies as its author wrote it."""
    uri = function.only("CodeUri") if function.type.startswith("AWS::Serverless") else function.only("Code")
    if not isinstance(uri, str) or "://" in uri or not template.file or uri.endswith((".zip", ".jar")):
        return None
    folder = template.file.parent / uri
    return folder if folder.is_dir() else None


def _metadata(function: model.Resource) -> dict[str, Any]:
    metadata = function.template.raw(function.resource_path).get("Metadata")
    return metadata if isinstance(metadata, dict) else {}


def _of_python(function: model.Resource, folder: Path, module: str, name: str) -> Iterator[Handler]:
    paths = [
        path for path in sorted(folder.rglob("*.py")) if not {"node_modules", ".aws-sam", ".venv"} & set(path.parts)
    ]
    sources = {
        ".".join(path.relative_to(folder).with_suffix("").parts): path.read_text(errors="replace")
        for path in paths[:200]
    }
    dots = module.replace("/", ".")
    if dots in sources:
        code = reader.of_python(sources, dots, name)
        if code:
            yield Handler(function, module, name, code, (), False)
        return
    built = not function.absent("Layers") or "BuildMethod" in _metadata(function) or f"{dots}.__init__" in sources
    first = dots.partition(".")[0]
    last = dots.rpartition(".")[2]
    known = "." not in dots or any(
        first == dotted.partition(".")[0] or last == dotted.rpartition(".")[2] for dotted in sources
    )
    if sources and not built and known:
        yield Handler(
            function, module, name, reader.Code(None), tuple(str(each.relative_to(folder)) for each in paths), False
        )


def _of_script(function: model.Resource, folder: Path, module: str, name: str, shared: bool) -> Iterator[Handler]:
    metadata = _metadata(function)
    entries = (
        metadata.get("BuildProperties", {}).get("EntryPoints") if metadata.get("BuildMethod") == "esbuild" else None
    )
    candidates = [folder / f"{module}{ending}" for ending in reader.SCRIPTS]
    if isinstance(entries, list):
        stem = module.rpartition("/")[2]
        candidates = [
            folder / entry_point
            for entry_point in entries
            if isinstance(entry_point, str) and Path(entry_point).stem == stem
        ] or candidates
    for path in candidates:
        if path.is_file():
            yield Handler(function, module, name, reader.of_script(path, name), (), shared)
            return
    scripts = [
        script
        for script in sorted(folder.rglob("*.*"))
        if script.suffix in reader.SCRIPTS and "node_modules" not in script.parts
    ]
    built = not function.absent("Layers") or metadata or (folder / "tsconfig.json").exists()
    manifest = folder / "package.json"
    built = built or (manifest.is_file() and '"build"' in manifest.read_text(errors="replace"))
    plain = [each for each in scripts if each.suffix in (".js", ".mjs", ".cjs")]
    if plain and len(plain) == len(scripts) and not built:
        yield Handler(
            function, module, name, reader.Code(None), tuple(str(each.relative_to(folder)) for each in plain), shared
        )


class Missing(model.Rule):
    id = "E9631"
    shortdesc = "The handler that a function names is in its code"
    description = "Otherwise every invocation ends before the code begins, with Runtime.ImportModuleError or the like."
    section = PACKAGING
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for handler in handlers(template):
            name = handler.function.name
            if handler.files:
                stem = handler.module.rpartition("/")[2].rpartition(".")[2]
                near = [file for file in handler.files if Path(file).stem == stem]
                hint = f"it has {(near or list(handler.files))[0]}"
                yield (
                    handler.function.at("Handler"),
                    f"{name}: its code has no {handler.module}, {hint}: mend Handler or CodeUri",
                )
            elif handler.code.names is not None and handler.name not in handler.code.names:
                message = f"{name}: {handler.module} has no {handler.name}"
                yield handler.function.at("Handler"), f"{message}: name the function that is there in Handler"


class Unset(model.Rule):
    id = "E9632"
    shortdesc = "A variable that a function's code cannot do without is set"
    description = "Python ends with KeyError when it loads; JavaScript hands undefined to AWS, which refuses the call."
    section = KEPT
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for handler in handlers(template):
            variables = handler.function.values("Environment", "Variables", default={})
            known = [value for value in variables if isinstance(value, dict) and not model.is_intrinsic(value)]
            if len(known) < len(variables):
                continue
            names = {str(key) for value in known for key in value}
            if "AWS_LAMBDA_EXEC_WRAPPER" in names:
                continue
            for name, where in sorted(handler.code.variables.items()):
                given = name in names or GIVEN.fullmatch(name) or self._by_others(template, name)
                if not given and not (handler.shared and self._elsewhere(template, name)):
                    message = f"{handler.function.name} reads {name} ({where}), which nothing sets"
                    yield handler.function.resource_path, f"{message}: add it to Environment.Variables"

    def _by_others(self, template: model.Model, name: str) -> bool:
        """A resource that is no function has such a key: Greengrass runs functions with variables of its own."""
        others = [each for each in template.resources.values() if not each.is_function]
        return any(f"'{name}':" in str(each.body) for each in others)

    def _elsewhere(self, template: model.Model, name: str) -> bool:
        """Another function, which may share the file, has it."""
        return any(name in str(each.only("Environment", "Variables")) for each in template.functions)


class Denied(model.Rule):
    id = "E9633"
    shortdesc = "A function's role may do what its code calls"
    description = "Otherwise AWS answers AccessDenied, and only when the line is reached."
    section = ROLE
    tags = ["iam", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for handler in handlers(template):
            name = handler.function.name
            statements, whole = template.of_function(handler.function)
            if not whole or handler.shared:
                continue
            granted = [one for one in statements if one.only("Effect") != "Deny"]
            said: set[str] = set()
            for call in handler.code.calls:
                actions = needed(call)
                may = any(model.names_action(one, action) for one in granted for action in actions)
                if actions and actions[0] not in said and not may and not _by_resource(template, actions[0]):
                    said.add(actions[0])
                    message = f"{name} calls {actions[0]} ({call.where}), which its role is not granted"
                    yield handler.function.resource_path, f"{message}: allow it on the resource that is meant"


def needed(call: reader.Call) -> list[str]:
    """The actions any of which a call needs; none for one that IAM does not know."""
    service = SERVICES.get(call.service, call.service)
    known = model.iam().get(service, {}).get("Actions", {})
    special = ACTIONS.get(f"{service}:{call.operation}")
    if f"{service}:{call.operation}" in OWN or service == "sts":
        return []
    if special:
        return [f"{service}:{each}" for each in special]
    return [f"{service}:{call.operation}"] if call.operation.lower() in known else []


def _by_resource(template: model.Model, action: str) -> bool:
    """A policy of a resource names principals of AWS, so it may grant what the role does not."""
    service = action.partition(":")[0]
    types = (*model.POLICIES, model.KEY, "AWS::SecretsManager::ResourcePolicy", "AWS::Lambda::Permission")
    held = [each for each in template.of(*types) if f"::{service}::" in each.type.lower()]
    return service in SHARED and any("'AWS'" in str(each.body) for each in held)
