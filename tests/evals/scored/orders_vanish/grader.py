"""The rule of the new bus may send, to its target and to its dead letters, and nobody else's may.

canary-1a5303fe-aws-serverless-eda: not for training
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.harness import Missing, intercepted
from evals.iam import allows, arn, listed, resolved, statements
from evals.scoring import Checks, Severity
from evals.system import System, said
from trials.local_aws import LocalAws, LocalAwsError, wait_for
from trials.template import references

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
EVENTS = "events.amazonaws.com"


def deployed(answer: Path, aws: LocalAws) -> System:
    return System(answer, aws, OnCallTopicArn=ON_CALL)


def order(name: str) -> str:
    return json.dumps({"order_id": name, "lines": [{"sku": "s-1", "count": 2}]})


def came(system: System) -> list[str]:
    """The orders that wait for the warehouse, once something is there."""
    try:
        bodies = wait_for("an order", lambda: system.messages("Warehouse"), timeout=2)
    except LocalAwsError:
        bodies = []
    return [json.loads(body)["detail"]["order_id"] for body in bodies]


def target(system: System) -> tuple[str, dict[str, Any]]:
    """The rule that sends to the warehouse, and how."""
    for name, rule in system.of_kind("AWS::Events::Rule").items():
        for way in rule.get("Targets", []):
            if references(way.get("Arn")) == {"Warehouse"}:
                return name, way
    raise Missing("no rule sends to Warehouse")


def may_send(system: System, rule: str, queue: str) -> bool:
    policies = system.of_kind("AWS::SQS::QueuePolicy").values()
    own = [each for each in policies if queue in resolved(system.template, listed(each["Queues"]))]
    given = [one for each in own for one in statements(resolved(system.template, each["PolicyDocument"]))]
    source = arn(system.template, rule)
    return allows(given, "sqs:SendMessage", arn(system.template, queue), EVENTS, source=source)


@CHECKS(Severity.ASKED)
def paid_orders_reach_the_warehouse(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    kept = system.deliver("Publish", order("o-1"))
    if kept or (orders := came(system)) != ["o-1"]:
        yield f"of one paid order the warehouse gets {orders if not kept else 'nothing'}, reported: {kept}"


@CHECKS(Severity.LOSES)
def the_rule_may_send(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    if not may_send(system, target(system)[0], "Warehouse"):
        yield "the queue's policy does not admit the rule: its events are dropped"


@CHECKS(Severity.LOSES)
def what_cannot_be_delivered_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    rule, way = target(system)
    letters = references(way.get("DeadLetterConfig"))
    if not letters:
        yield "what the rule cannot deliver is gone: it has no dead-letter queue"
    yield from (f"the rule may not send to {queue}" for queue in letters if not may_send(system, rule, queue))


@CHECKS(Severity.EXPOSES)
def nobody_elses_rule_may_send(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E9307", "E9109")


@CHECKS(Severity.COSTS)
def only_paid_orders_reach_the_warehouse(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    event = {"EventBusName": system.id("Shop"), "Source": "shop.payments", "DetailType": "OrderRefunded"}
    aws.client("events").put_events(Entries=[event | {"Detail": '{"order_id": "o-2"}'}])
    system.deliver("Publish", order("o-3"))
    if (orders := came(system)) != ["o-3"]:
        yield f"of a refund and a paid order, o-3, the warehouse gets {orders}"


@CHECKS(Severity.HIDES)
def somebody_is_called(answer: Path, aws: LocalAws) -> Iterator[str]:
    """On a queue of dead letters that fills, or on the rule's own metrics."""
    system = deployed(answer, aws)
    rule, way = target(system)
    alarms = [alarm for alarm in system.of_kind("AWS::CloudWatch::Alarm").values() if alarm.get("AlarmActions")]
    letters = [alarm for alarm in alarms if references(alarm) & references(way.get("DeadLetterConfig"))]
    if not letters and not [alarm for alarm in alarms if rule in references(alarm)]:
        yield "nobody is called when an order cannot be delivered"
    if not [alarm for alarm in alarms if "PaidDlq" in references(alarm)]:
        yield "nobody is called any more when an order cannot be published"


@CHECKS(Severity.LOSES)
def a_refused_event_is_published_later(answer: Path, aws: LocalAws) -> Iterator[str]:
    def refused(operation: str, _: dict[str, Any], really: Any) -> Any:
        if operation == "PutEvents":
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": ""}]}
        return really()

    system = deployed(answer, aws)
    with intercepted(refused):
        if not system.deliver("Publish", order("o-4")):
            yield "an event that EventBridge refused is reported as published"
    yield from said(answer, "E91", "E3", "E0", "SAM")


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    system.deliver("Publish", order("o-5"))
    yield from system.denied()
