"""What a Lambda function's own settings must not be, whatever invokes it."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

from cfnlint.rules.resources.lmbd import SnapStartSupported

sys.path.append(str(Path(__file__).parent))
import _model as model

COLD = "references/performance-optimization.md#cold-start"
TIMEOUTS = "references/performance-optimization.md#retries-and-timeouts"
RUNTIMES = "references/deployment-best-practices.md#runtimes"
TRACES = "references/observability-best-practices.md#traces"
ROUNDS = "references/serverless-patterns.md#storage-first-and-small-patterns"
KEPT = "references/security-best-practices.md#what-an-environment-keeps"
EDGE = "references/security-best-practices.md#the-edge-of-an-api"
SINGULAR, SHARED, FAILURES = "speedy, simple, singular", "share nothing", "design for failures and duplicates"
LEAST_TMP = 512  # MB, the default
NOTICE = timedelta(days=180)  # what AWS gives
BATCHES = {"SQS": 10, "Kinesis": 100, "DynamoDB": 100, "MSK": 100, "SelfManagedKafka": 100, "MQ": 100}

SECRET_NAME = re.compile(
    r"(password|passwd|passphrase|secret|(api|access|private|secret|signing|encryption)_?key"
    r"|(access|api|auth|bearer|bot|github|gitlab|refresh|slack)_?token)$",
    re.IGNORECASE,
)
LOCATION = re.compile(r"(arn|name|id|path|parameter|location|prefix)$", re.IGNORECASE)
# A dynamic reference to a secret, unless to one of its fields that is none.
RESOLVED = re.compile(
    r"\{\{resolve:(?:ssm-secure:|secretsmanager:(?!.*:(?:username|host|port|dbname|engine|proxy)(?::[^}]*)?\}\}))",
    re.IGNORECASE,
)
HANDED_OUT = ("SecretAccessKey", "ClientSecret")  # attributes that are a secret


def where(function: model.Resource, *keys: str) -> model.Where:
    """Where a function's property stands: in the function, or in Globals."""
    path = function.at(*keys)
    shared = model.Node(function.template, None, ["Globals", "Function"])
    return path if path[-1] == keys[-1] or not model.GLOBALS.get(function.type) else _deepest(shared, path, *keys)


def _deepest(shared: model.Node, own: model.Where, *keys: str) -> model.Where:
    try:
        path = shared.at(*keys)
    except KeyError:
        return own
    return path if path[-1] == keys[-1] else own


class SnapStart(model.Rule):
    id = "E9620"
    shortdesc = "A function with SnapStart has nothing that SnapStart excludes"
    description = "Provisioned concurrency, a file system, /tmp above 512 MB, an image: Lambda refuses the function."
    section = COLD
    tags = ["lambda", SINGULAR]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for function in template.functions:
            if all(value == "PublishedVersions" for value in function.values("SnapStart", "ApplyOn")):
                for path, what, remedy in self._excluded(template, function):
                    yield path, f"{function.name}: SnapStart excludes {what}: {remedy}"

    def _excluded(self, template: model.Model, function: model.Resource) -> Iterator[tuple[model.Where, str, str]]:
        versions = [
            version for version in template.of("AWS::Lambda::Alias", "AWS::Lambda::Version")
            if version.refers("FunctionName") is function
        ]  # fmt: skip
        for holder in (function, *versions):
            if None not in holder.values("ProvisionedConcurrencyConfig"):
                yield holder.at("ProvisionedConcurrencyConfig"), "provisioned concurrency", "take one of the two"
        if all(isinstance(each, list) and each for each in function.values("FileSystemConfigs")):
            yield where(function, "FileSystemConfigs"), "a file system", "take S3 or remove SnapStart"
        sizes = function.numbers("EphemeralStorage", "Size", default=LEAST_TMP)
        if model.certain(lambda size: size > LEAST_TMP, sizes):
            what, remedy = f"a /tmp of {sizes[0]} MB", f"set {LEAST_TMP} or remove SnapStart"
            yield where(function, "EphemeralStorage"), what, remedy
        if function.only("PackageType") == "Image":
            yield where(function, "SnapStart"), "container images", "package it as Zip or remove SnapStart"
        runtimes = function.values("Runtime")
        known = SnapStartSupported.SnapStartSupported()._is_runtime_valid  # type: ignore[no-untyped-call]
        sam = function.type.startswith("AWS::Serverless")  # that of a plain function is cfn-lint's E2530
        if sam and all(isinstance(each, str) and not known(each) for each in runtimes):
            yield where(function, "Runtime"), f"the runtime {runtimes[0]}", "remove SnapStart"


class Runtime(model.Rule):
    id = "W9621"
    shortdesc = "A function's runtime is supported for another half year"
    description = "Once it is deprecated nobody mends its flaws, and later the function can no longer be changed."
    section = RUNTIMES
    tags = ["lambda", SINGULAR]

    def __init__(self) -> None:
        super().__init__()
        self.config_definition = {"today": {"default": "", "type": "string"}}  # -x W9621:today=2027-01-31

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        given = self.config.get("today")
        today = date.fromisoformat(given) if given else date.today()
        for function in template.functions:
            runtimes = [str(value) for value in function.values("Runtime")]
            ends = [_end(each) for each in runtimes]
            path = where(function, "Runtime")
            if all(each and today < each <= today + NOTICE for each in ends):
                successor = _runtimes()[runtimes[0]]["successor"] or "a newer one"
                yield path, f"{runtimes[0]} is deprecated on {ends[0]}: move to {successor}"


@cache
def _runtimes() -> dict[str, dict[str, str | None]]:
    """The dates of each runtime, as cfn-lint ships them."""
    data = resources.files("cfnlint.data.AdditionalSpecs") / "LmbdRuntimeLifecycle.json"
    lifecycles: dict[str, dict[str, str | None]] = json.loads(data.read_text())
    return lifecycles


def _end(runtime: str) -> date | None:
    ends = _runtimes().get(runtime, {}).get("deprecated")
    return date.fromisoformat(ends) if ends else None


class DefaultTimeout(model.Rule):
    id = "W9622"
    shortdesc = "A function that works through batches says how long that may take"
    description = "The default of three seconds is for the whole batch: a slow one is cut off and comes again."
    section = TIMEOUTS
    tags = ["lambda", "sqs", "kinesis", "dynamodb", FAILURES]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        said: list[str] = []
        for mapping in template.mappings:
            function = mapping.function
            if not function or not function.is_function or mapping.kind not in BATCHES or function.name in said:
                continue
            sizes = mapping.numbers("BatchSize", default=BATCHES[mapping.kind])
            if function.absent("Timeout") and model.certain(lambda size: size > 1, sizes):
                said.append(function.name)
                message = f"{function.name} has the default of 3 s for a batch of up to {sizes[0]}"
                yield function.resource_path, f"{message}: set Timeout to what the slowest batch takes"


class Tracing(model.Rule):
    id = "I9623"
    shortdesc = "A function is traced"
    description = "Without a trace nobody sees which of the services behind a slow or failed request was to blame."
    section = TRACES
    tags = ["lambda", "xray", FAILURES]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for function in template.functions:
            sam = function.type.startswith("AWS::Serverless")
            if function.absent(*(["Tracing"] if sam else ["TracingConfig"])):
                remedy = "Tracing: Active" if sam else "TracingConfig: { Mode: Active }"
                yield function.resource_path, f"{function.name} leaves no trace: set {remedy}"


class Secret(model.Rule):
    id = "E9624"
    shortdesc = "No secret stands in an environment variable"
    description = "Whoever may read the function's configuration reads it too, and it cannot be rotated alone."
    section = KEPT
    tags = ["lambda", "secretsmanager", SHARED]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for function in template.functions:
            variables = function.only("Environment", "Variables")
            if not isinstance(variables, dict) or model.is_intrinsic(variables):
                continue
            for name, value in variables.items():
                kinds = [_exposed(template, str(name), each) for each in template.possible(value)]
                path = where(function, "Environment", "Variables", name)
                if all(kinds):
                    remedy = "store it in Secrets Manager, hand over its ARN, and read it at run time"
                    yield path, f"{name} holds {kinds[0]} in plain text: {remedy}"


def _exposed(template: model.Model, name: str, value: Any) -> str:
    """What secret a variable holds, or nothing."""
    named = bool(SECRET_NAME.search(name))
    written = model.text(value)
    if RESOLVED.search(written or json.dumps(value, default=str)):
        return "a resolved secret"
    if isinstance(value, dict):
        attribute = written[2:-1].partition(".")[2]
        if attribute in HANDED_OUT:
            return f"the attribute {attribute}"
        for reference in sorted(model.references(value)):
            parameter = template.parameters.get(reference)
            if isinstance(parameter, dict) and _hidden(reference, parameter, named and written == f"${{{reference}}}"):
                return f"the parameter {reference}"
        return ""
    literal = isinstance(value, str | int) and not isinstance(value, bool) and not re.search(r"/|arn:|\{\{", str(value))
    return "a literal" if named and literal and str(value).strip() else ""


def _hidden(name: str, parameter: dict[str, Any], named: bool) -> bool:
    default = str(parameter.get("Default", ""))
    if LOCATION.search(name) or re.search(r"/|arn:", default):
        return False
    plain = str(parameter.get("Type")) in ("String", "AWS::SSM::Parameter::Value<String>")
    return bool(model.flag(parameter.get("NoEcho"))) or (named and plain)


class PublicUrl(model.Rule):
    id = "W9625"
    shortdesc = "A function URL asks who calls, or the function's concurrency is reserved"
    description = "A public URL has no throttle: a flood takes the account's concurrency from every other function."
    section = EDGE
    tags = ["lambda", "concurrent requests, not total"]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for function, url in template.urls:
            public = all(value == "NONE" for value in url.values("AuthType"))
            if public and function.absent("ReservedConcurrentExecutions"):
                message = f"anyone may call {function.name} as often as they like"
                yield url.at("AuthType"), f"{message}: AuthType AWS_IAM, or set ReservedConcurrentExecutions"


class Loop(model.Rule):
    id = "W9626"
    shortdesc = "A function may not write where it is triggered from"
    description = "What it writes triggers it again; Lambda ends such a loop of its own after some rounds, at a price."
    section = ROUNDS
    tags = ["lambda", "sqs", "sns", "s3", FAILURES]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        sources = [(each.function, each.source, "sqs:SendMessage") for each in template.mappings if each.kind == "SQS"]
        sources += [
            (one.endpoint, one.topic, "sns:Publish") for one in template.subscriptions if one.protocol == "lambda"
        ]
        for function, source, action in sources:
            statement = _allowing(function, action, partial(_names, resource=source))
            if function and source and statement:
                message = f"{function.name} may send to {source.name}, which triggers it"
                yield statement.path, f"{message}: take {action} away, or send the next round to another one"
        for function, bucket, prefix in _written(template):
            statement = _allowing(function, "s3:PutObject", partial(_covers, bucket=bucket, prefix=prefix))
            if statement:
                where = f"under {prefix!r} in" if prefix else "anywhere in"
                message = f"{function.name} may write {where} {bucket.name}, which triggers it"
                yield statement.path, f"{message}: write to another bucket, or filter by a prefix that it may not write"


def _allowing(function: model.Resource | None, action: str, meant: Callable[[model.Node], bool]) -> model.Node | None:
    """The statement that lets a function do something to what is meant, named by the template."""
    for statement in function.template.of_function(function)[0] if function and function.is_function else []:
        written = statement.only("Effect") == "Allow" and statement.path and not statement.absent("Action")
        if written and model.names_action(statement, action) and meant(statement):
            return statement
    return None


def _names(statement: model.Node, resource: model.Resource | None) -> bool:
    written = [each for value in statement.values("Resource") for each in model.listed(value)]
    return resource is not None and resource in [statement.template.resource(each) for each in written]


def _written(template: model.Model) -> Iterator[tuple[model.Resource, model.Resource, str]]:
    """Functions that objects made in a bucket trigger, the bucket, and the prefix; a suffix tells too little."""
    triggers: list[tuple[model.Resource | None, model.Resource | None, model.Node, str]] = [
        (event.owner, event.refers("Bucket"), event, "Events") for event in template.events if event.kind == "S3"
    ]
    for bucket in template.of(model.BUCKET):
        for item in bucket.items("NotificationConfiguration", "LambdaConfigurations"):
            triggers.append((item.refers("Function"), bucket, item, "Event"))
    for function, source, node, made in triggers:
        kinds = [str(each) for value in node.values(made) for each in model.listed(value)]
        key = node.child("Filter", "S3Key")
        rules = list(key.items("Rules")) if isinstance(key.body, dict) else []
        filters = {str(each.only("Name")).lower(): each.only("Value") for each in rules}
        prefix = filters.get("prefix", "")
        created = any(each.startswith(("s3:ObjectCreated:*", "s3:ObjectCreated:Put")) for each in kinds)
        if function and source and created and "suffix" not in filters and isinstance(prefix, str):
            yield function, source, prefix


def _covers(statement: model.Node, bucket: model.Resource, prefix: str) -> bool:
    """A statement is for objects of a bucket that may begin with a prefix."""
    names = {f"${{{bucket.name}}}", f"${{{bucket.name}.Arn}}", model.text(bucket.only("BucketName"))} - {""}
    for value in statement.values("Resource"):
        for resource in model.listed(value):
            written = model.text(resource)
            name, _, key = re.sub(r"^arn:[^:]*:s3:::", "", written).partition("/")
            objects = key or not (written.startswith("arn:") or written.endswith(".Arn}"))  # SAM's are for all of them
            start = re.split(r"[*?$]", key)[0]
            if name in names and objects and (start.startswith(prefix) or prefix.startswith(start)):
                return True
    return False
