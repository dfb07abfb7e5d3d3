"""What a SAM template promises, checked without deploying it."""

import ast
import json
import re
import tempfile
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner
from cloudformation_validate import Diagnostic, RegoEngine, TemplateContent

from support.documents import ROOT
from support.handlers import variables
from trials.template import TemplateError, merged_properties, read_template, sam

RULES = ROOT / "tests" / "rules"
PROVIDED = ("AWS_", "POWERTOOLS_", "_X_AMZN_")  # read by the runtime, the SDK and Powertools
RUNTIME = {"boto3", "botocore"}  # in Lambda's Python runtime
NEWER = {"eventbridgev2"}  # services of 2026 that the SDK in the runtime may not know yet
PACKAGES = {
    "aws_durable_execution_sdk_python": "aws-durable-execution-sdk-python",
    "aws_lambda_powertools": "aws-lambda-powertools",
}  # where the import has another name

DATA = {"zoneinfo": "tzdata"}  # what a module of the standard library lacks where the system does not bring it
# Actions that AWS lets nobody narrow to a resource, and the account's own statement in a key policy.
NO_RESOURCE = {
    "kms:*",
    "xray:PutTraceSegments on *",
    "xray:PutTelemetryRecords on *",
    "xray:GetSamplingRules on *",
    "xray:GetSamplingTargets on *",
    "cloudwatch:PutMetricData on *",
} | {
    f"logs:{action} on *"
    for action in (
        "CreateLogDelivery",
        "DeleteLogDelivery",
        "DescribeLogGroups",
        "DescribeResourcePolicies",
        "GetLogDelivery",
        "ListLogDeliveries",
        "PutResourcePolicy",
        "UpdateLogDelivery",
    )
}


def findings(path: Path) -> list[str]:
    """What cfn-lint and our rules say about a template and about what SAM makes of it, as `E9101 message`.

    cfn-lint itself does not translate SAM, so it passes whatever a SAM resource says.
    """
    found = linted(path)
    if is_sam(path):
        try:
            made = translated(path)
        except TemplateError as refused:
            return [*found, f"SAM {refused}"]
        with tempfile.TemporaryDirectory() as folder:
            (copy := Path(folder) / "translated.json").write_text(json.dumps(made))
            found += [each for each in linted(copy) if each not in found]
    return found


def linted(path: Path) -> list[str]:
    """What cfn-lint and our rules say about a template as it stands, which is what a reader hears."""
    runner = _runner()
    runner.config = ConfigMixIn(["--template", str(path), "--append-rules", str(RULES)])
    return [f"{match.rule.id} {match.message}" for match in runner.run()]


@cache
def _runner() -> Runner:
    """With all rules loaded, which takes longer than most templates do."""
    return Runner(ConfigMixIn(["--append-rules", str(RULES)]))


def is_sam(path: Path) -> bool:
    return sam.is_sam(read_template(path))


def translated(path: Path) -> dict[str, Any]:
    """The CloudFormation template that SAM makes of a template; raises what SAM refuses."""
    return sam.translated(read_template(path))


def objections(path: Path) -> list[str]:
    """What AWS's own validator objects to in a template and in what SAM makes of it, as `F1020 message`."""
    made = translated(path) if is_sam(path) else None
    found = [each for each in validated(path.read_text()) if not _made_by_sam(each, made)]
    if made:
        of_sam = set(made["Resources"]) - set(read_template(path)["Resources"])
        found += [each for each in validated(json.dumps(made)) if not _version_of_sam(each, of_sam)]
    return [f"{each.rule_id} {each.message}" for each in found]


def validated(text: str) -> list[Diagnostic]:
    diagnostics = _validator().validate_template(TemplateContent(text)).diagnostics
    return [each for each in diagnostics if each.severity.name not in ("INFO", "DEBUG")]


@cache
def _validator() -> RegoEngine:
    return RegoEngine()


def _made_by_sam(each: Diagnostic, made: dict[str, Any] | None) -> bool:
    """It misses what SAM makes, since it does not translate events: the mapping, rule or version of a function."""
    missed = re.search(r"'(?:\$\{)?([A-Za-z0-9]+)(\.(?:Version|Alias))?[.\w}]*'", each.message)
    if not made or not missed or each.rule_id not in ("F1018", "F1020", "F6101"):
        return False
    return missed[1] in made["Resources"]


def _version_of_sam(each: Diagnostic, of_sam: set[str]) -> bool:
    """VersionDeletionPolicy sets one of the two policies that the validator wants of a version."""
    return each.rule_id == "W3011" and bool(each.entity and each.entity.logical_id in of_sam)


def functions(path: Path) -> dict[str, tuple[Path, str]]:
    """The module file and the function name of each function's handler."""
    template = read_template(path)
    found = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = merged_properties(template, resource)
            module, _, function = properties["Handler"].rpartition(".")
            found[name] = (path.parent / properties.get("CodeUri", ".") / f"{module}.py", function)
    return found


def names(module: Path) -> set[str]:
    """What a module defines at its top level."""
    found: set[str] = set()
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            found |= {
                each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            }
    return found


def imports(module: Path) -> set[str]:
    """Top-level packages that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def modules(module: Path) -> set[Path]:
    """A module and the modules beside it that it imports, directly or not."""
    found: set[Path] = set()
    todo = [module]
    while todo:
        each = todo.pop()
        if each not in found:
            found.add(each)
            todo += [each.parent / f"{name}.py" for name in imports(each) if (each.parent / f"{name}.py").exists()]
    return found


def variables_read(module: Path) -> set[str]:
    """Names read as `os.environ["NAME"]` by a module and those it imports from beside it."""
    found: set[str] = set()
    for each in modules(module):
        for node in ast.walk(ast.parse(each.read_text())):
            if (
                isinstance(node, ast.Subscript)
                and ast.unparse(node.value) == "os.environ"
                and isinstance(node.slice, ast.Constant)
            ):
                found.add(str(node.slice.value))
    return {name for name in found if not name.startswith(PROVIDED)}


def variables_set(path: Path, function: str) -> set[str]:
    return {name for name in variables(read_template(path))[function] if not name.startswith(PROVIDED)}


def clients(folder: Path) -> set[str]:
    """The services that an example's modules make clients of."""
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    return set(re.findall(r"boto3\.(?:client|resource)\(\"([a-z0-9-]+)\"", text))


def requirements(folder: Path) -> dict[str, str]:
    """The pinned packages of an example; raises `ValueError` for a line that is not `name==version`."""
    found = {}
    for line in (folder / "requirements.txt").read_text().split():
        name, _, version = line.partition("==")
        if not version:
            raise ValueError(f"{line} is not pinned")
        found[name] = version
    return found


@cache
def locked() -> dict[str, set[str]]:
    """The versions of each package in the lock file."""
    found: dict[str, set[str]] = {}
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        found.setdefault(package["name"], set()).add(package.get("version", ""))
    return found


def statements(path: Path) -> list[dict[str, Any]]:
    """Every policy statement that a template writes, wherever it stands."""
    found: list[dict[str, Any]] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "Effect" in value and ("Action" in value or "NotAction" in value):
                found.append(value)
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(read_template(path))
    return found


def wildcards(statement: dict[str, Any]) -> list[str]:
    """Actions and, in a role's policy, resources that are wider than they look; a Deny may be as wide as it likes."""
    if statement["Effect"] == "Deny":
        return []

    def listed(key: str) -> list[Any]:
        value = statement.get(key, [])
        return value if isinstance(value, list) else [value]

    wide = [str(action) for action in listed("Action") if str(action).endswith(":*") or action == "*"]
    wide += ["NotAction"] if "NotAction" in statement else []
    if "Principal" not in statement:  # a resource policy's "*" is the resource it is attached to
        wide += [f"{action} on *" for action in listed("Action") if "*" in listed("Resource")]
    return wide
