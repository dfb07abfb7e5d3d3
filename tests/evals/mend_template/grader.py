"""cfn-lint and the rules of this skill find nothing, and the function may do its work and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.harness import environment, graded, text
from evals.iam import allows, arn, resolved, statements
from support import templates
from trials.local_aws import LocalAws
from trials.template import read_template

NEEDED = ("dynamodb:GetItem", "dynamodb:PutItem")
KEPT = {"Orders": "AWS::SQS::Queue", "Shipments": "AWS::DynamoDB::Table", "ShipOrders": "AWS::Serverless::Function"}


def granted(path: Path) -> list[dict[str, Any]]:
    """The statements of the roles that SAM makes, their ARNs filled in."""
    template = templates.translated(path)
    roles = [each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::IAM::Role"]
    policies = [policy["PolicyDocument"] for role in roles for policy in role.get("Policies", [])]
    return [each for policy in resolved(template, policies) for each in statements(policy)]


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "template.yaml")
    path = answer / "template.yaml"
    yield from (each for each in templates.findings(path) if each.startswith("E"))
    template = read_template(path)
    resources = template["Resources"]
    if {name: resources.get(name, {}).get("Type") for name in KEPT} != KEPT:
        yield f"{', '.join(KEPT)} are not all there any more"
        return
    shipping = resources["ShipOrders"]["Properties"]
    if shipping.get("Handler") != "app.handler" or shipping.get("Timeout") != 60:
        yield "the handler or its timeout is another one"
    mappings = [each for each in shipping.get("Events", {}).values() if each["Type"] == "SQS"]
    if len(mappings) != 1 or resolved(template, mappings[0]["Properties"]["Queue"]) != arn(template, "Orders"):
        yield "the queue does not feed the function any more"
    with environment(answer, aws):  # SAM asks for the region
        given, table = granted(path), arn(template, "Shipments")
    for action in NEEDED:
        if not allows(given, action, table):
            yield f"the function may not {action} in its table"
    if allows(given, "dynamodb:DeleteTable", table) or allows(given, "dynamodb:PutItem", f"{table}-other"):
        yield "the function may do more than its work"
    stack = aws.create("mended", {"Resources": {n: r for n, r in resources.items() if r["Type"] == "AWS::SQS::Queue"}})
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=stack.resources["Orders"], AttributeNames=["All"])
    if "RedrivePolicy" not in attributes["Attributes"]:
        yield "the queue that was deployed has no dead-letter queue"
