"""What an SQS queue that feeds a Lambda function must have so that no message is lost or done twice needlessly.

Use on any template:  uvx cfn-lint -a tests/rules template.yaml
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cfnlint.rules._rule import CloudFormationLintRule, RuleMatch
from cfnlint.template.template import Template

RETENTION = 345_600  # four days, the default
SECTION = "references/eda-patterns.md#queue-worker"


@dataclass(frozen=True)
class Consumer:
    """A queue of the template and the function of the template that it feeds, as SAM event or as mapping."""

    path: list[str | int]  # of the mapping's properties
    mapping: dict[str, Any]
    queue: str
    redrive: Any
    kept: Any  # seconds that the queue retains a message
    visible: Any
    timeout: Any


def consumers(cfn: Template) -> Iterator[Consumer]:
    resources = cfn.get_resources()
    shared = cfn.template.get("Globals", {}).get("Function", {})
    for path, mapping, source, function in _mappings(resources):
        if resources.get(source, {}).get("Type") == "AWS::SQS::Queue":
            queue = resources[source].get("Properties", {})
            properties = resources.get(function, {}).get("Properties", {})
            timeout = properties.get("Timeout", shared.get("Timeout", 3))
            visible, kept = queue.get("VisibilityTimeout", 30), queue.get("MessageRetentionPeriod", RETENTION)
            yield Consumer(path, mapping, source, queue.get("RedrivePolicy"), kept, visible, timeout)


def _mappings(resources: dict[str, Any]) -> Iterator[tuple[list[str | int], dict[str, Any], str, str]]:
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource.get("Type") == "AWS::Lambda::EventSourceMapping":
            source, function = properties.get("EventSourceArn"), properties.get("FunctionName")
            yield ["Resources", name, "Properties"], properties, logical_id(source), logical_id(function)
        elif resource.get("Type") == "AWS::Serverless::Function":
            for event, body in properties.get("Events", {}).items():
                if body.get("Type") == "SQS":
                    path = ["Resources", name, "Properties", "Events", event, "Properties"]
                    yield path, body.get("Properties", {}), logical_id(body.get("Properties", {}).get("Queue")), name


def logical_id(value: Any) -> str:
    """What `!Ref X` or `!GetAtt X.Arn` refers to; empty for anything else."""
    if isinstance(value, dict) and len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref" and isinstance(argument, str):
            return argument
        if function == "Fn::GetAtt":
            return str(argument[0]) if isinstance(argument, list) else str(argument).split(".")[0]
    return ""


class VisibilityTimeout(CloudFormationLintRule):
    id = "E9101"
    shortdesc = "A queue hides a message at least six times as long as its function may run, plus the batching window"
    description = "Otherwise a throttled or slow batch reappears while it is still being worked on."
    source_url = SECTION
    tags: list[str] = ["sqs", "lambda", "design for failures and duplicates"]  # noqa: RUF012

    def match(self, cfn: Template) -> list[RuleMatch]:
        matches = []
        for each in consumers(cfn):
            window = each.mapping.get("MaximumBatchingWindowInSeconds", 0)
            if not all(isinstance(value, int) for value in (each.timeout, window, each.visible)):
                continue
            least = 6 * each.timeout + window
            if each.visible < least:
                message = (
                    f"{each.queue}: VisibilityTimeout is {each.visible}, 6 x {each.timeout} + {window} needs {least}"
                )
                matches.append(RuleMatch(["Resources", each.queue], message))
        return matches


class PartialBatch(CloudFormationLintRule):
    id = "E9102"
    shortdesc = "An SQS mapping reports single failed messages"
    description = "Otherwise one bad message sends its whole batch back, and the good ones are done again."
    source_url = SECTION
    tags: list[str] = ["sqs", "lambda", "design for failures and duplicates"]  # noqa: RUF012

    def match(self, cfn: Template) -> list[RuleMatch]:
        return [
            RuleMatch(each.path, "add FunctionResponseTypes: [ReportBatchItemFailures]")
            for each in consumers(cfn)
            if "ReportBatchItemFailures" not in each.mapping.get("FunctionResponseTypes", [])
        ]


class Redrive(CloudFormationLintRule):
    id = "E9103"
    shortdesc = "A queue that feeds a function has a dead-letter queue and gives a message at least three receives"
    description = "Without one, poison is retried until it expires and is deleted unseen."
    source_url = SECTION
    tags: list[str] = ["sqs", "lambda", "design for failures and duplicates"]  # noqa: RUF012

    def match(self, cfn: Template) -> list[RuleMatch]:
        matches = []
        for each in consumers(cfn):
            path: list[str | int] = ["Resources", each.queue]
            if each.redrive is None:
                matches.append(RuleMatch(path, f"give {each.queue} a RedrivePolicy with a dead-letter queue"))
            elif isinstance(each.redrive, dict):
                receives = each.redrive.get("maxReceiveCount")
                if isinstance(receives, int) and receives < 3:
                    message = (
                        f"{each.queue}: maxReceiveCount {receives}: throttled receives count too, allow at least 3"
                    )
                    matches.append(RuleMatch(path, message))
        return matches


class DeadLetterRetention(CloudFormationLintRule):
    id = "E9104"
    shortdesc = "A dead-letter queue keeps a message longer than its source does"
    description = "A message brings its age along: one that waited in the source is deleted from the other sooner."
    source_url = SECTION
    tags: list[str] = ["sqs", "lambda", "design for failures and duplicates"]  # noqa: RUF012

    def match(self, cfn: Template) -> list[RuleMatch]:
        matches = []
        resources = cfn.get_resources()
        for each in consumers(cfn):
            target = each.redrive.get("deadLetterTargetArn") if isinstance(each.redrive, dict) else None
            dead = logical_id(target)
            if resources.get(dead, {}).get("Type") != "AWS::SQS::Queue":
                continue
            kept = resources[dead].get("Properties", {}).get("MessageRetentionPeriod", RETENTION)
            if isinstance(kept, int) and isinstance(each.kept, int) and kept <= each.kept:
                message = (
                    f"{dead}: MessageRetentionPeriod {kept} is not above the {each.kept} of {each.queue}: set 1209600"
                )
                matches.append(RuleMatch(["Resources", dead], message))
        return matches
