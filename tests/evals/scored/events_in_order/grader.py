"""Events on a Custom Event Bus: in order for each order, once for each change, and kept when Account cannot take them.

canary-e9d5461c-aws-serverless-eda: not for training
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore.validate import validate_parameters

from evals.harness import Missing, environment, intercepted, text
from evals.iam import allows, resolved, statements
from evals.scoring import Checks, Severity
from evals.system import said
from support.handlers import Context
from support.templates import translated
from trials.local_aws import LocalAws
from trials.template import Model, Resource, read_template, references

CHECKS = Checks()
BUS_ARN = "arn:aws:events:us-east-1:123456789012:event-busv2/orders/abcdefghijklmnopqrstuvwxy"
BUS, SUBSCRIBER = "AWS::EventsV2::EventBus", "AWS::EventsV2::Subscriber"
A_WHILE = 300  # seconds: the default, after which an event is given up


def model(answer: Path) -> Model:
    text(answer, "template.yaml")
    return Model(read_template(answer / "template.yaml"), answer / "template.yaml")


def whole(answer: Path, aws: LocalAws) -> dict[str, Any]:
    """What SAM makes of the template."""
    with environment(answer, aws):  # SAM asks for the region
        return made_of(answer / "template.yaml", text(answer, "template.yaml"))


@lru_cache(maxsize=1)
def made_of(template: Path, _: str) -> dict[str, Any]:
    return translated(template)


def only(answer: Path, kind: str) -> Resource:
    given = model(answer).of(kind)
    if len(given) != 1:
        raise Missing(f"{len(given)} resources are an {kind}")
    return given[0]


def change(number: int, order: str = "o-1") -> dict[str, Any]:
    return {"change_id": f"c-{number}", "order_id": order, "kind": "OrderPaid", "cents": 1200}


def publish(answer: Path, aws: LocalAws, *changes: dict[str, Any], result: dict[str, Any] | None = None) -> list[Any]:
    """The entries that the publisher puts on the bus, checked by the SDK's model; each has this result."""
    service = botocore.session.get_session().get_service_model("eventbridgev2")
    entries: list[Any] = []

    def put(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation not in ("PutEvents", "PutRawEvents"):
            return really()
        shape = service.operation_model(operation).input_shape
        if shape is None:
            raise Missing(f"{operation} takes nothing")
        validate_parameters(parameters, shape)
        entries.extend(parameters["Entries"])
        own = result or {"SuccessCode": "PUBLISHED"}
        failed = len(parameters["Entries"]) if "ErrorCode" in own else 0
        return {"FailedEntryCount": failed, "Entries": [{"EventId": "e", **own} for _ in parameters["Entries"]]}

    variables = whole(answer, aws)["Resources"]["Publish"]["Properties"].get("Environment", {}).get("Variables", {})
    with environment(answer, aws, **dict.fromkeys(variables, BUS_ARN)) as here, intercepted(put):
        here.load("publish").handler({"changes": list(changes)}, Context())
    return entries


def metadata(answer: Path, aws: LocalAws, *changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry.get("SystemMetadata", {}) for entry in publish(answer, aws, *changes)]


def may(answer: Path, aws: LocalAws, role: str, action: str, value: Any) -> bool:
    """Whether a role of the template, and its policies beside it, allow an action on what `value` refers to."""
    made = whole(answer, aws)
    documents = [each["PolicyDocument"] for each in made["Resources"][role]["Properties"].get("Policies", [])]
    for policy in made["Resources"].values():
        if policy["Type"] in ("AWS::IAM::Policy", "AWS::IAM::RolePolicy") and role in references(policy["Properties"]):
            documents.append(policy["Properties"]["PolicyDocument"])
    given = [one for document in resolved(made, documents) for one in statements(document)]
    return allows(given, action, str(resolved(made, value)))


@CHECKS(Severity.ASKED)
def the_bus_keeps_events(answer: Path, aws: LocalAws) -> Iterator[str]:
    if not model(answer).of(BUS) or not model(answer).of(SUBSCRIBER):
        yield f"there is no {BUS} with a {SUBSCRIBER}"


@CHECKS(Severity.LOSES)
def thirty_days_are_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    for bus in model(answer).of(BUS):
        days = bus.only("StorageConfiguration", "RetentionPeriodInDays")
        if days is None or int(days) < 30:
            yield f"the bus keeps events for {days} days"


@CHECKS(Severity.LOSES)
def an_orders_events_stay_in_order(answer: Path, aws: LocalAws) -> Iterator[str]:
    subscriber = only(answer, SUBSCRIBER)
    if subscriber.only("Type") != "FIFO":
        yield f"events come in any order: the subscriber is {subscriber.only('Type')}"
    how = subscriber.only("InvokeConfiguration", "LambdaParameters", "InvocationType")
    if how != "REQUEST_RESPONSE":
        yield f"order ends at Lambda's own queue: the function is invoked by {how}"
    if "Account" not in references(subscriber.only("InvokeConfiguration", "TargetArn")):
        yield "the subscriber does not invoke Account"


@CHECKS(Severity.BLOCKS)
def each_order_is_a_group(answer: Path, aws: LocalAws) -> Iterator[str]:
    groups = [each.get("EventGroupId") for each in metadata(answer, aws, change(1), change(2), change(3, "o-2"))]
    if None in groups or groups[0] != groups[1] or groups[0] == groups[2]:
        yield f"two changes of an order and one of another have the groups {groups}"


@CHECKS(Severity.DOUBLES)
def a_repeat_is_one_event(answer: Path, aws: LocalAws) -> Iterator[str]:
    ids = [metadata(answer, aws, change(number))[0].get("DeduplicationId") for number in (1, 1, 2)]
    if None in ids or ids[0] != ids[1] or ids[0] == ids[2]:
        yield f"a change, its repeat and the next change are known by {ids}"


@CHECKS(Severity.LOSES)
def a_refused_event_is_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    try:
        publish(answer, aws, change(1), change(2), result={"ErrorCode": "ThrottlingException"})
    except Exception:
        return
    yield "an event that the bus refused counts as published"


@CHECKS(Severity.BLOCKS)
def a_duplicate_is_success(answer: Path, aws: LocalAws) -> Iterator[str]:
    try:
        publish(answer, aws, change(1), result={"SuccessCode": "DEDUPLICATED"})
    except Exception as error:
        yield f"an event that is there already is an error: {error}"


@CHECKS(Severity.LOSES)
def what_account_cannot_take_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    """The subscriber's role sends it: the queue's policy alone lets nothing in."""
    subscriber = only(answer, SUBSCRIBER)
    letters = subscriber.only("OnFailureConfiguration", "Arn")
    if not letters:
        yield "what Account cannot take is gone"
        return
    for role in references(subscriber.only("InvokeConfiguration", "RoleArn")):
        if not may(answer, aws, role, "sqs:SendMessage", letters):
            yield f"{role} may not send to the dead letters: they are lost"
    alarms = [each for each in model(answer).of("AWS::CloudWatch::Alarm") if each.only("AlarmActions")]
    if not [each for each in alarms if references(each.body) & references(letters)]:
        yield "nobody is called when Account could not take an event"


@CHECKS(Severity.LOSES)
def account_may_be_down_for_a_while(answer: Path, aws: LocalAws) -> Iterator[str]:
    policy = only(answer, SUBSCRIBER).only("RetryPolicy") or {}
    tries, age = policy.get("MaxRetryAttempts"), policy.get("MaxEventAgeInSeconds")
    if not tries or not age or int(tries) <= 5 or int(age) < A_WHILE:
        yield f"Account is given up after {tries} retries or {age} s; the defaults are 5 and 300"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    subscriber = only(answer, SUBSCRIBER)
    for role in references(subscriber.only("InvokeConfiguration", "RoleArn")):
        trust = statements(model(answer).resources[role].only("AssumeRolePolicyDocument") or {})
        if not any("events.amazonaws.com" in str(each) and "sts:AssumeRole" in str(each) for each in trust):
            yield f"EventBridge may not assume {role}"
        if not may(answer, aws, role, "lambda:InvokeFunction", subscriber.only("InvokeConfiguration", "TargetArn")):
            yield f"{role} may not invoke Account"
    own = whole(answer, aws)["Resources"]["Publish"]["Properties"]["Role"]
    role = next(iter(references(own)))
    if not may(answer, aws, role, "events:PutEvents", subscriber.only("EventBusArn")):
        yield "Publish may not put events"


@CHECKS(Severity.BLOCKS)
def it_can_be_deployed(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E0", "E1", "E2", "E3", "SAM")
