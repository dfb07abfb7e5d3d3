"""What a template deploys, named as its author named it, so that SAM's translation and CDK's synthesis compare.

Show what differs:  uv run --directory tests python -m support.deployed queue_worker
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from support.documents import ROOT
from support.shapes import KEYS, SHAPES
from support.templates import findings, translated
from trials.local_aws import REGION
from trials.local_aws.synthesis import synthesise
from trials.template import own_names, read_template, without_bootstrap

Row = tuple[str, str, str, str]  # resource, property, here, there
Facts = dict[str, dict[str, Any]]
NOTHING = "-"
IDENTITY = ("AWS::IAM::Role", "AWS::IAM::Policy")
POLICIES = {  # of resources, with the property that lists those resources
    "AWS::SQS::QueuePolicy": "Queues",
    "AWS::SNS::TopicPolicy": "Topics",
    "AWS::S3::BucketPolicy": "Bucket",
}
DROPPED = ("Code", "Role", "RoleArn", "Tags", "Layers", "RoutingConfiguration")
# What AWS's managed policies for functions allow, as docs.aws.amazon.com/aws-managed-policy/latest/reference/ has them.
LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
TRACES = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
SAMPLING = ("xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:GetSamplingStatisticSummaries")
READS = (
    "sqs:GetQueueUrl",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
    "secretsmanager:DescribeSecret",
    "kinesis:DescribeStreamConsumer",
)
MANAGED = {
    "AWSCodeDeployRoleForLambdaLimited": (  # without its reading of packages from buckets
        "cloudwatch:DescribeAlarms",
        "lambda:GetAlias",
        "lambda:GetProvisionedConcurrencyConfig",
        "lambda:UpdateAlias",
    ),
    "AWSLambdaBasicExecutionRole": LOGS,
    "AWSLambdaBasicDurableExecutionRolePolicy": (
        *LOGS,
        "lambda:CheckpointDurableExecution",
        "lambda:GetDurableExecutionState",
    ),
    "AWSXrayWriteOnlyAccess": TRACES + SAMPLING,
    "AWSLambdaSQSQueueExecutionRole": (
        *LOGS,
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    ),
    "AWSLambdaKinesisExecutionRole": (
        *LOGS,
        "kinesis:DescribeStream",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
        "kinesis:ListStreams",
        "kinesis:SubscribeToShard",
    ),
    "AWSLambdaDynamoDBExecutionRole": (
        *LOGS,
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    ),
}


CDKS_OWN = {"W3005": "CDK makes each function wait for its role, which it refers to anyway"}  # by rule of cfn-lint
# Differences that are the tools' own and break no promise, each with the reason.
Expected = list[tuple[Callable[[str, str, str, str], bool], str]]
EXPECTED: Expected = [
    (
        lambda resource, _, sam, cdk: resource.startswith("role") and sam == "*" and cdk not in ("*", NOTHING),
        "SAM attaches managed policies that name no resource, CDK grants on the one",
    ),
    (
        lambda _, name, __, cdk: name in SAMPLING and cdk == NOTHING,
        "SAM's managed policy reads sampling rules, which neither runtime nor state machine needs",
    ),
    (
        lambda _, name, sam, __: name.split(" ")[-1] in READS and sam == NOTHING,
        "CDK's grants to whoever sends to a queue or reads it hold what its SDK might look up",
    ),
    (
        lambda _, name, sam, cdk: (
            name == "lambda:InvokeFunction"
            and set(cdk.split(",")) - {f"{each}:*" for each in sam.split(",")} == set(sam.split(","))
        ),
        "CDK's leave to invoke holds for a function's versions and aliases too",
    ),
    (
        lambda _, name, sam, cdk: name == "assumed by" and cdk.startswith(sam) and "aws:SourceArn" in cdk,
        "CDK's role of a state machine says for whose machines, SAM's does not",
    ),
    (
        lambda resource, name, _, cdk: resource.startswith("Schedule ") and name == "Name" and cdk == NOTHING,
        "SAM names a schedule after its event, CDK leaves it to CloudFormation",
    ),
    (
        lambda resource, name, sam, cdk: (
            resource.startswith("Permission apigateway")
            and name == "SourceArn"
            and all(each.startswith(sam.rstrip("*")) for each in cdk.split(", "))
        ),
        "CDK lets an API invoke its function route by route",
    ),
    (
        lambda _, name, sam, cdk: name == "denied without TLS" and (sam, cdk) == ("sqs:SendMessage", "sqs:*"),
        "enforceSSL denies every action without TLS, ours only the one that writes",
    ),
]


def expected(row: Row, among: Expected = EXPECTED) -> str:
    """Why a difference may be; empty for one that is ours to mend."""
    return next((reason for may, reason in among if may(*row)), "")


def objections(synthesised: Path) -> list[str]:
    """What cfn-lint and our rules say about a synthesised template that is not CDK's own doing."""
    return [each for each in findings(synthesised) if not each.startswith(tuple(CDKS_OWN))]


def without_hashes(synthesised: Path) -> Any:
    """A synthesised template without what names its assets, and its versions by them."""
    text = re.sub(r'"S3Key": "\w+\.zip"', '"S3Key": "…"', synthesised.read_text())
    text = re.sub(r"(CurrentVersion\w{8})\w{32}", r"\1", text)
    return json.loads(re.sub(r'"aws:asset:path": "asset\.\w+"', '"aws:asset:path": "…"', text))


def facts(template: dict[str, Any]) -> Facts:
    """Each thing that a plain CloudFormation template deploys, with its properties; permissions by role."""
    resources = template["Resources"]
    name = Names(resources)
    found: Facts = {}
    for logical_id, resource in resources.items():
        kind, properties = resource["Type"], name.plain(resource.get("Properties", {}))
        if kind in IDENTITY:
            for role, actions in roles(name, logical_id, kind, properties):
                merge(found.setdefault(f"role of {role}", {}), actions)
        elif kind in POLICIES:
            holders = properties[POLICIES[kind]]
            for holder in holders if isinstance(holders, list) else [holders]:
                merge(found.setdefault(f"policy of {holder}", {}), statements(properties["PolicyDocument"]))
        elif kind != "AWS::CDK::Metadata":
            short = kind.rsplit("::", 1)[-1].removeprefix("Global")
            shaped = SHAPES[kind](properties) if kind in SHAPES else properties
            kept = {key: value for key, value in shaped.items() if key not in DROPPED}
            kept |= (
                {"DeletionPolicy": policy} if (policy := resource.get("DeletionPolicy", "Delete")) != "Delete" else {}
            )
            title = KEYS[kind](name.of(logical_id), shaped) if kind in KEYS else name.of(logical_id)
            rows = found.setdefault(f"{short} {title}", {})
            for path, value in flat(kept).items():  # several permissions of one service are one row
                rows[path] = value if rows.get(path, value) == value else f"{rows[path]}, {value}"
    for key in ("Parameters", "Outputs"):
        for own, each in template.get(key, {}).items():
            found[f"{key[:-1]} {own}"] = flat({k: v for k, v in name.plain(each).items() if k != "Description"})
    return found


class Names:
    """What resources are called in the comparison, and values that refer to them by those names."""

    def __init__(self, resources: dict[str, Any]) -> None:
        self._names = own_names({"Resources": resources})
        for logical_id, resource in resources.items():
            if resource["Type"] == "AWS::Lambda::EventSourceMapping":  # neither tool lets its author name one
                self._names[logical_id] = f"mapping of {self.plain(resource['Properties']['FunctionName'])}"
            if resource["Type"] == "AWS::ApiGatewayV2::Integration":
                called = resource["Properties"].get("IntegrationUri") or resource["Properties"]["IntegrationSubtype"]
                self._names[logical_id] = f"integration of {self.plain(called)}"
            if resource["Type"] == "AWS::Lambda::Version":  # both name it by a hash
                self._names[logical_id] = f"version of {self.plain(resource['Properties']['FunctionName'])}"
            if resource["Type"] == "AWS::ApiGatewayV2::Authorizer":
                self._names[logical_id] = f"authorizer {resource['Properties']['AuthorizerType']}"

    def of(self, logical_id: str) -> str:
        return self._names.get(logical_id, logical_id)

    def plain(self, value: Any) -> Any:
        """The value with references and joined texts written out, as `<Orders.Arn>`."""
        if isinstance(value, list):
            return [self.plain(each) for each in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, inner),) = value.items()
            if key == "Ref":
                return f"<{self.of(inner)}>"
            if key == "Fn::GetAtt":
                owner, attribute = inner if isinstance(inner, list) else inner.split(".", 1)
                return f"<{self.of(owner)}>" if attribute == "Id" else f"<{self.of(owner)}.{attribute}>"
            if key == "Fn::Join":
                return inner[0].join(str(self.plain(each)) for each in inner[1])
            if key == "Fn::Sub":
                text, given = (inner, {}) if isinstance(inner, str) else inner
                for own, replacement in given.items():
                    text = text.replace(f"${{{own}}}", str(self.plain(replacement)))
                return re.sub(r"\$\{([^!.}]+)([^}]*)\}", lambda found: f"<{self.of(found[1])}{found[2]}>", text)
        return {key: self.plain(inner) for key, inner in value.items()}


def roles(name: Names, logical_id: str, kind: str, properties: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a role or a policy of its own lets a role do, by action: the resources, and the conditions."""
    documents = [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    documents += [each["PolicyDocument"] for each in properties.get("Policies", [])]
    owners = [own.strip("<>") for own in properties["Roles"]] if kind == "AWS::IAM::Policy" else [name.of(logical_id)]
    allowed: dict[str, Any] = {}
    for statement in [each for document in documents for each in document["Statement"]]:
        condition = statement.get("Condition")
        for action in listed(statement["Action"]):
            reach = [f"{each} if {texts(condition)}" if condition else each for each in listed(statement["Resource"])]
            merge(allowed, {action: reach})
    for arn in properties.get("ManagedPolicyArns", []):
        merge(allowed, {action: ["*"] for action in MANAGED[str(arn).rsplit("/", 1)[-1]]})
    for statement in properties.get("AssumeRolePolicyDocument", {}).get("Statement", []):
        merge(allowed, {"assumed by": [f"{texts(statement['Principal'])} {texts(statement.get('Condition', ''))}"]})
    for owner in owners:
        yield owner_of(owner), allowed


def owner_of(role: str) -> str:
    """The function, state machine or rule that a generated role belongs to."""
    return re.sub(r"\.?(ServiceRole|Role|EventsRole|DefaultPolicy)(\.DefaultPolicy)?$", "", role) or role


def statements(document: dict[str, Any]) -> dict[str, Any]:
    """A resource's policy: who may or may not do what, and the conditions."""
    found: dict[str, Any] = {}
    for each in document["Statement"]:
        principal = texts(each["Principal"]).replace("AWS=*", "*")
        conditions = list(alternatives(each.get("Condition", {})))
        if each["Effect"] == "Deny" and conditions == ["aws:SecureTransport=false"]:
            merge(found, {"denied without TLS": listed(each["Action"])})
        else:
            merge(found, {f"{each['Effect']} {principal} {action}": conditions for action in listed(each["Action"])})
    return found


def alternatives(condition: dict[str, Any]) -> Iterator[str]:
    """A condition once for each value of the one key that has several: one statement or many say the same."""
    keys = [(operator, key, value) for operator, inner in condition.items() for key, value in inner.items()]
    several = [each for each in keys if isinstance(each[2], list)]
    if len(several) == 1:
        operator, key, values = several[0]
        for value in values:
            yield texts({**condition, operator: {**condition[operator], key: value}})
    else:
        yield texts(condition) if condition else ""


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def texts(value: Any) -> str:
    """A principal or a condition as one line, whatever its form."""
    if isinstance(value, dict):
        return " ".join(
            sorted(
                f"{key}={texts(inner)}" if not isinstance(inner, dict) else texts(inner) for key, inner in value.items()
            )
        )
    if isinstance(value, list):
        return ",".join(sorted(texts(each) for each in value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, values in more.items():
        into[key] = sorted({*into.get(key, []), *values})


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Properties by their path; lists whose order means nothing are sorted."""
    if isinstance(value, dict) and value:
        return {k: v for key, inner in value.items() for k, v in flat(inner, f"{path}.{key}".strip(".")).items()}
    if isinstance(value, list) and value and not all(isinstance(each, str | int | float) for each in value):
        ordered = sorted(value, key=lambda each: json.dumps(flat(each), sort_keys=True))
        return {k: v for at, inner in enumerate(ordered) for k, v in flat(inner, f"{path}[{at}]").items()}
    if isinstance(value, list):
        return {path: ", ".join(sorted(map(texts, value)))}
    return {} if value in ({}, []) else {path: as_data(value)}


def as_data(value: Any) -> Any:
    """JSON in a text counts by what it says; `true` and `"true"` are one to CloudFormation, and so are 5 and "5"."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.dumps(json.loads(value), sort_keys=True)
        except ValueError:
            return value
    return texts(value)


def differences(here: Facts, there: Facts) -> list[Row]:
    """What the one has and the other has not, or has differently."""
    return [
        (resource, name, texts(ours.get(name, NOTHING)), texts(theirs.get(name, NOTHING)))
        for resource in sorted(here.keys() | there.keys())
        for ours, theirs in [(here.get(resource, {}), there.get(resource, {}))]
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name, NOTHING) != theirs.get(name, NOTHING)
    ]


def shown(rows: list[Row]) -> Table:
    made = Table("Resource", "Property", "SAM", "CDK", "Why it may")
    for row in rows:
        made.add_row(*row, expected(row) or "[bold red]it may not")
    return made


def compare(name: str, synthesised: Path) -> list[Row]:
    """What an example's template.yaml and its synthesised stack deploy differently."""
    template = ROOT / "examples" / name / "template.yaml"
    sam = translated(template)
    for own, resource in read_template(template)["Resources"].items():
        if definition := resource.get("Properties", {}).get("DefinitionUri"):
            del sam["Resources"][own]["Properties"]["DefinitionS3Location"]
            sam["Resources"][own]["Properties"]["DefinitionString"] = (template.parent / definition).read_text()
    return differences(facts(sam), facts(without_bootstrap(read_template(synthesised))))


if __name__ == "__main__":
    os.environ["AWS_DEFAULT_REGION"] = REGION  # SAM asks for one
    with tempfile.TemporaryDirectory() as out:
        made = synthesise("python", Path(out))
        for wanted in sys.argv[1:] or made:
            Console(width=180).print(wanted, shown(compare(wanted, made[wanted])))
