"""Each consumer gets exactly the events it asked for; what the bus refuses is sent again; nothing is done twice."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import botocore.session
import pytest
from event_router.scenario import ORDERS, REVIEWED, SHIPPED
from hypothesis import given
from hypothesis import strategies as st

from support.documents import ROOT
from support.environments import IN_BOTH, fails_as
from support.handlers import Context, Died, Example, event
from trials.local_aws import LocalAws
from trials.template import read_template

TEMPLATE = read_template(ROOT / "examples" / "event_router" / "template.yaml")
RESOURCES = TEMPLATE["Resources"]
TO_SHIP = RESOURCES["Ship"]["Properties"]["Events"]["Placed"]["Properties"]
TO_REVIEW = RESOURCES["ToReview"]["Properties"]
THROTTLED = {"code": "ThrottlingException"}


@pytest.fixture
def shop(request: pytest.FixtureRequest, example: Callable[..., Example]) -> Example:
    return example(
        "event_router", getattr(request, "param", "python"), AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts"
    )


@pytest.fixture
def publisher(shop: Example, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = shop.environment("publish")
    if not shop.node:
        monkeypatch.setattr(module.time, "sleep", lambda _: None)
    return module


@pytest.fixture
def ship(shop: Example) -> ModuleType:
    return shop.environment("ship")


class Bus:
    """Takes what it is given, except that `refuse(detail)` fails single entries with a 200 for the request."""

    def __init__(self, refuse: Callable[[str], bool] = lambda _: False, code: str = "InternalFailure") -> None:
        self.refuse, self.code = refuse, code
        self.requests: list[list[dict[str, Any]]] = []
        self.taken: list[str] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.requests.append(Entries)
        answers: list[dict[str, str]] = []
        for each in Entries:
            if self.refuse(each["Detail"]):
                answers.append({"ErrorCode": self.code, "ErrorMessage": "not taken"})
            else:
                self.taken.append(json.loads(each["Detail"])["metadata"]["event_id"])
                answers.append({"EventId": str(len(self.taken))})
        return {"FailedEntryCount": len([a for a in answers if "ErrorCode" in a]), "Entries": answers}


def entries(publisher: ModuleType, count: int, size: int = 10) -> list[dict[str, Any]]:
    return [publisher.entry("OrderPlaced", f"e-{n}", {"order_id": f"o-{n}", "note": "x" * size}) for n in range(count)]


def envelope(data: dict[str, Any], source: str = "shop.orders", kind: str = "OrderPlaced") -> dict[str, Any]:
    whole = {**event(ROOT / "examples" / "event_router"), "source": source, "detail-type": kind}
    return {**whole, "detail": {"metadata": {"event_id": f"placed-{data.get('order_id')}", "version": 1}, "data": data}}


def matches(aws: LocalAws, pattern: dict[str, Any], data: dict[str, Any], **changed: str) -> bool:
    found = aws.client("events").test_event_pattern(
        EventPattern=json.dumps(pattern), Event=json.dumps(envelope(data, **changed))
    )
    return bool(found["Result"])


@pytest.mark.parametrize("data", ORDERS, ids=lambda data: str(data["order_id"]))
def test_an_order_reaches_the_consumers_that_asked_for_it(aws: LocalAws, data: dict[str, Any]) -> None:
    assert matches(aws, TO_SHIP["Pattern"], data) == (data["order_id"] in SHIPPED)
    assert matches(aws, TO_REVIEW["EventPattern"], data) == (data["order_id"] in REVIEWED)


@pytest.mark.parametrize(
    ("source", "kind", "shipped"),
    [
        ("shop.orders", "OrderPlaced", True),
        ("shop.", "OrderPlaced", True),
        ("workshop.orders", "OrderPlaced", False),
        ("shop.orders", "OrderCancelled", False),
    ],
)
def test_only_the_shops_own_placed_orders_are_shipped(aws: LocalAws, source: str, kind: str, shipped: bool) -> None:
    assert matches(aws, TO_SHIP["Pattern"], {"order_id": "o", "country": "US"}, source=source, kind=kind) == shipped


@pytest.mark.parametrize(("total", "reviewed"), [(999.99, False), (1000, True), (1000.01, True), ("1000", False)])
def test_the_limit_is_a_number_and_inclusive(aws: LocalAws, total: Any, reviewed: bool) -> None:
    assert matches(aws, TO_REVIEW["EventPattern"], {"total": total, "country": "US"}) == reviewed


@pytest.mark.e2e
@pytest.mark.parametrize("country", [{}, {"country": "US"}, {"country": "XX"}, {"country": {"code": "US"}}], ids=str)
@pytest.mark.parametrize("held", [{}, {"held": True}, {"held": False}, {"held": {"since": "today"}}], ids=str)
def test_no_order_falls_between_the_rules(aws: LocalAws, country: dict[str, Any], held: dict[str, Any]) -> None:
    order = {"order_id": "o", "total": 10, **country, **held}

    assert matches(aws, TO_SHIP["Pattern"], order) != matches(aws, TO_REVIEW["EventPattern"], order)


def test_an_order_whose_country_nobody_gave_waits_for_a_human(aws: LocalAws) -> None:
    assert not matches(aws, TO_SHIP["Pattern"], {"order_id": "o"})  # it might be embargoed
    assert matches(aws, TO_REVIEW["EventPattern"], {"order_id": "o"})


@pytest.mark.e2e
@given(count=st.integers(0, 40), size=st.integers(0, 400_000))
def test_no_request_has_more_than_ten_entries_or_a_megabyte_and_none_is_left_out(count: int, size: int) -> None:
    publisher = PUBLISHER[0]
    bus = Bus()
    vars(publisher)["events"] = bus
    sent = entries(publisher, count, size)

    publisher.publish(sent)

    assert bus.taken == [f"e-{n}" for n in range(count)]
    for batch in bus.requests:
        assert 1 <= len(batch) <= 10
        assert sum(len((e["Source"] + e["DetailType"] + e["Detail"]).encode()) for e in batch) < 1_000_000


PUBLISHER: list[ModuleType] = []


@pytest.fixture(autouse=True)
def _publisher_for_hypothesis(publisher: ModuleType) -> None:
    PUBLISHER[:] = [publisher]


def test_only_the_refused_entries_are_sent_again(publisher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = {"e-3": 2, "e-11": 1}

    def refuse(detail: str) -> bool:
        event_id = json.loads(detail)["metadata"]["event_id"]
        failures[event_id] = failures.get(event_id, 0) - 1
        return failures[event_id] >= 0

    bus = Bus(refuse)
    monkeypatch.setattr(publisher, "events", bus)
    publisher.publish(entries(publisher, 12))

    assert sorted(bus.taken) == sorted(f"e-{n}" for n in range(12))
    assert [len(batch) for batch in bus.requests] == [10, 2, 2, 1]


def test_what_the_bus_never_takes_is_an_error(publisher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus(lambda detail: "e-1" in detail)
    monkeypatch.setattr(publisher, "events", bus)

    with pytest.raises(publisher.NotPublished, match="1 events after 4 attempts"):
        publisher.publish(entries(publisher, 3))

    assert bus.taken == ["e-0", "e-2"]


def documented(heading: str) -> list[str]:
    """The codes of a PutEvents entry that AWS's model lists under a heading."""
    model: Any = botocore.session.get_session().get_service_model("events")
    text = str(model.shape_for("PutEventsResultEntry").members["ErrorCode"].documentation)
    retryable, _, permanent = text.partition("Non-retryable errors include:")
    return re.findall(r"(\w+)(?:</a> )?</code>", retryable if heading == "Retryable" else permanent)


def test_the_codes_that_may_pass_are_those_that_the_model_calls_retryable(publisher: ModuleType) -> None:
    assert sorted(publisher.MAY_PASS) == sorted(documented("Retryable"))
    assert len(documented("Non-retryable")) >= 7


@pytest.mark.parametrize("code", [*documented("Non-retryable"), "ACodeOfNextYear"])
def test_what_would_be_refused_again_is_an_error_at_once(
    publisher: ModuleType, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    bus = Bus(lambda detail: "e-1" in detail, code)
    monkeypatch.setattr(publisher, "events", bus)

    with pytest.raises(publisher.NotPublished, match=f"{code}.*e-1"):
        publisher.publish(entries(publisher, 3))

    assert bus.taken == ["e-0", "e-2"]
    assert len(bus.requests) == 1


def test_beside_a_hopeless_entry_a_throttled_one_is_still_sent_again(
    publisher: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttled, malformed = ["e-2"], "e-1"

    def refuse(detail: str) -> bool:
        bus.code = "MalformedDetail" if malformed in detail else "ThrottlingException"
        return malformed in detail or bool(throttled and throttled[0] in detail and throttled.pop())

    bus = Bus(refuse)
    monkeypatch.setattr(publisher, "events", bus)

    with pytest.raises(publisher.NotPublished, match="MalformedDetail"):
        publisher.publish(entries(publisher, 3))

    assert sorted(bus.taken) == ["e-0", "e-2"]
    assert [len(batch) for batch in bus.requests] == [3, 1]


def test_an_event_too_large_for_the_bus_is_refused_before_any_is_sent(
    publisher: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = Bus()
    monkeypatch.setattr(publisher, "events", bus)

    with pytest.raises(publisher.NotPublished, match="pointer to S3"):
        publisher.publish([*entries(publisher, 12), *entries(publisher, 1, size=1_000_000)])

    assert bus.requests == []


@IN_BOTH
def test_a_throttled_bus_only_delays(publisher: ModuleType, aws: LocalAws, context: Context) -> None:
    aws.fault(service="events", operation="PutEvents", error=THROTTLED, times=2)

    publisher.handler({"orders": ORDERS}, context)


def test_a_producers_repeat_has_the_same_id(publisher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus()
    monkeypatch.setattr(publisher, "events", bus)
    for _ in range(2):
        publisher.handler({"orders": ORDERS[:1]}, Context())

    assert bus.taken == ["placed-plain", "placed-plain"]


def shipments(shop: Example) -> list[str]:
    found = shop.aws.client("dynamodb").scan(TableName=shop.stack.resources["Shipments"], ConsistentRead=True)["Items"]
    return sorted(item["order_id"]["S"] for item in found)


@IN_BOTH
def test_the_sample_event_opens_one_shipment_however_often_it_comes(
    ship: ModuleType, shop: Example, context: Context
) -> None:
    for _ in range(3):
        ship.handler(event(shop.folder), context)

    assert shipments(shop) == ["o-1001"]


@IN_BOTH
def test_a_replay_does_not_open_again_what_has_been_sent(ship: ModuleType, shop: Example, context: Context) -> None:
    ship.handler(event(shop.folder), context)
    dynamodb, table = shop.aws.client("dynamodb"), shop.stack.resources["Shipments"]
    sent = {**dynamodb.scan(TableName=table)["Items"][0], "status": {"S": "SENT"}}
    dynamodb.put_item(TableName=table, Item=sent)

    ship.handler({**event(shop.folder), "replay-name": "after-the-incident"}, context)

    assert dynamodb.scan(TableName=table)["Items"] == [sent]


@IN_BOTH
def test_twice_at_once_is_one_shipment(shop: Example) -> None:
    environments = [shop.environment("ship") for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda module: module.handler(event(shop.folder), Context()), environments))

    assert shipments(shop) == ["o-1001"]


@IN_BOTH
def test_a_field_that_the_consumer_does_not_know_is_no_new_version(
    ship: ModuleType, shop: Example, context: Context
) -> None:
    ship.handler(envelope({"order_id": "o-1", "country": "US", "loyalty": {"tier": 3}}), context)

    assert shipments(shop) == ["o-1"]


@IN_BOTH
@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"metadata": {"event_id": "e", "version": 2}, "data": {"order_id": "o", "country": "US"}},
        {"metadata": {"event_id": "", "version": 1}, "data": {"order_id": "o", "country": "US"}},
        {"metadata": {"event_id": "e", "version": 1}, "data": {"country": "US"}},
        {"metadata": {"event_id": "e", "version": 1}, "data": {"order_id": ["o"], "country": "US"}},
    ],
    ids=["empty", "next version", "no id", "no order", "wrong type"],
)
def test_what_it_cannot_read_is_an_error_so_that_lambda_keeps_it(
    ship: ModuleType, shop: Example, context: Context, detail: dict[str, Any]
) -> None:
    with fails_as("ValidationError", "ZodError"):
        ship.handler({**event(shop.folder), "detail": detail}, context)

    assert shipments(shop) == []


@IN_BOTH
def test_a_table_that_throttles_is_an_error_and_the_retry_ships_once(
    ship: ModuleType, shop: Example, aws: LocalAws, context: Context
) -> None:
    aws.fault(service="dynamodb", operation="PutItem", error={"code": "ThrottlingException"}, times=3)
    with fails_as("ClientError", "ThrottlingException"):
        ship.handler(event(shop.folder), context)

    ship.handler(event(shop.folder), context)

    assert shipments(shop) == ["o-1001"]


def test_a_death_after_the_write_repeats_it_harmlessly(shop: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    doomed = shop.environment("ship")
    put_item = doomed.dynamodb.put_item

    def put_then_die(**arguments: Any) -> None:
        put_item(**arguments)
        raise Died

    monkeypatch.setattr(doomed.dynamodb, "put_item", put_then_die)
    with pytest.raises(Died):
        doomed.handler(event(shop.folder), Context())
    shop.environment("ship").handler(event(shop.folder), Context())

    assert shipments(shop) == ["o-1001"]


def allowed_sources(queue: str) -> list[Any]:
    """Whom the template lets send to a queue, as the rules named in `aws:SourceArn` of EventBridge's statement."""
    found: list[Any] = []
    for resource in RESOURCES.values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::SQS::QueuePolicy" and {"Ref": queue} in properties["Queues"]:
            for statement in properties["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Deny":
                    continue
                assert statement["Principal"] == {"Service": "events.amazonaws.com"}
                assert statement["Action"] == "sqs:SendMessage"
                arns = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
                found += arns if isinstance(arns, list) else [arns]
    return found


def test_every_target_has_a_queue_for_what_it_refuses_that_its_rule_may_write_to() -> None:
    rule, shipping = {"Fn::GetAtt": ["ToReview", "Arn"]}, {"Fn::GetAtt": ["ShipPlaced", "Arn"]}
    undelivered = {"Arn": {"Fn::GetAtt": ["Undelivered", "Arn"]}}

    assert [target["DeadLetterConfig"] for target in TO_REVIEW["Targets"]] == [undelivered]
    assert TO_SHIP["DeadLetterConfig"] == undelivered
    assert allowed_sources("Undelivered") == [rule, shipping]
    assert allowed_sources("Reviews") == [rule]


def test_every_target_is_tried_for_an_hour_before_its_event_is_given_up() -> None:
    for target in (*TO_REVIEW["Targets"], TO_SHIP):
        assert target["RetryPolicy"]["MaximumRetryAttempts"] >= 10
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 3600


def test_the_picture_in_the_reference_says_how_long_a_target_is_tried() -> None:
    picture = (ROOT / "references" / "eda-patterns.md").read_text()
    said = re.search(r"Bus -- RetryPolicy: (\d+) retries in (\d+) h --> Undelivered", picture)

    assert said
    policy = TO_SHIP["RetryPolicy"]
    assert (int(said[1]), int(said[2]) * 3600) == (
        policy["MaximumRetryAttempts"],
        policy["MaximumEventAgeInSeconds"],
    )


def test_the_bus_keeps_its_events_for_a_replay() -> None:
    assert RESOURCES["History"]["Type"] == "AWS::Events::Archive"
    assert RESOURCES["History"]["Properties"]["SourceArn"] == {"Fn::GetAtt": ["Bus", "Arn"]}
    assert RESOURCES["History"]["Properties"]["RetentionDays"] >= 14  # as long as Undelivered keeps what failed
