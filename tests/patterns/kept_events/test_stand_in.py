"""The stand-in of the Custom Event Bus follows each rule that its docstring names, with the page that has it."""

import datetime
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from kept_events.scenario import history

from patterns.kept_events.faults import bus_of, taken, to_queue
from support.documents import ROOT
from support.handlers import Example
from support.simulated import ask
from support.subjects import SHOP
from trials.local_aws import LocalAws, seen
from trials.local_aws.synthesis import EXAMPLES

FIFO = {"Type": "FIFO"}
NOWHERE = "arn:aws:lambda:us-east-1:123456789012:function:nobody"


@pytest.fixture
def shop(example: Callable[..., Example]) -> Example:
    return example("kept_events", **SHOP["parameters"](None))


def bus(shop: Example) -> Any:
    return shop.aws.client("eventbridgev2")


def put(shop: Example, *groups: str, **more: Any) -> list[str]:
    """An event for each group, numbered within the request; how each was taken."""
    entries = [
        {
            "Source": "test",
            "DetailType": "Numbered",
            "Detail": json.dumps({"n": n}),
            "SystemMetadata": {"EventGroupId": group, **more},
        }
        for n, group in enumerate(groups, 1)
    ]
    return [each["SuccessCode"] for each in bus(shop).put_events(**bus_of(shop), Entries=entries)["Entries"]]


def ns(events: list[Any]) -> list[int]:
    return [each.get("Data", each)["detail"]["n"] for each in events]


def point(**more: Any) -> dict[str, Any]:
    return {"StartingPosition": "POINT_IN_TIME", "PointInTimeConfiguration": more}


def test_a_fifo_subscriber_gets_what_was_published_in_order(shop: Example) -> None:
    _, queue = to_queue(shop, "s", **FIFO)
    put(shop, *"abc" * 5)

    assert ns(taken(shop, queue, 15)) == list(range(1, 16))


def test_an_id_is_known_again_within_its_group_alone(shop: Example) -> None:
    assert put(shop, "a", DeduplicationId="1") == ["PUBLISHED"]
    assert put(shop, "a", DeduplicationId="1") == ["DEDUPLICATED"]
    assert put(shop, "b", DeduplicationId="1") == ["PUBLISHED"]
    assert put(shop, "a", DeduplicationId="2") == ["PUBLISHED"]


# Puts an event into a bus of its own at each of `seconds`, always the same; how each was taken, and when what is kept.
PUT_AT = """
import importlib.util, sys
from unittest import mock


def answer(asked):
    spec = importlib.util.spec_from_file_location("keeping", asked["keeping"])
    keeping = sys.modules["keeping"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(keeping)
    bus, taken = keeping.make_bus("shop", 1), []
    for seconds in asked["seconds"]:
        with mock.patch.object(keeping.time, "time", lambda: 1_800_000_000 + seconds):
            put = keeping.put_events({"EventBusArn": bus, **asked["request"]})
        taken.append(put["Entries"][0]["SuccessCode"])
    return [taken, [kept.at - 1_800_000_000 for kept in keeping.buses[bus].kept]]
"""


@pytest.mark.parametrize("by", ["id", "content"])
def test_five_minutes_after_an_event_the_same_is_another_one(by: str) -> None:
    """What was taken for a repeat does not make that longer."""
    entry: dict[str, Any] = {"Source": "test", "DetailType": "Numbered", "SystemMetadata": {"EventGroupId": "a"}}
    request: dict[str, Any] = {"Entries": [entry]}
    if by == "id":
        entry["SystemMetadata"]["DeduplicationId"] = "1"
    else:
        request["DeduplicationConfiguration"] = {"DeduplicationType": "CONTENT_BASED"}
    keeping = ROOT / "tests" / "trials" / "local_aws" / "custom_event_bus" / "keeping.py"

    told = ask(PUT_AT, {"keeping": str(keeping), "seconds": [0, 200, 299, 300, 599, 600], "request": request})

    published, again = "PUBLISHED", "DEDUPLICATED"
    assert told == [[published, again, again, published, again, published], [0, 300, 600]]


def test_equal_content_is_known_again_where_the_request_asks_for_it(shop: Example) -> None:
    entry = {"Source": "test", "DetailType": "Numbered", "Detail": "{}"}
    ask = {**bus_of(shop), "Entries": [entry], "DeduplicationConfiguration": {"DeduplicationType": "CONTENT_BASED"}}
    codes = [bus(shop).put_events(**ask)["Entries"][0]["SuccessCode"] for _ in range(2)]

    assert codes == ["PUBLISHED", "DEDUPLICATED"]


def test_latest_begins_with_the_next_event_and_horizon_with_the_first(shop: Example) -> None:
    put(shop, "a")
    _, latest = to_queue(shop, "latest", **FIFO)
    _, horizon = to_queue(shop, "horizon", **FIFO, **point(PointType="HORIZON"), Transformer={"Type": "WITH_METADATA"})
    put(shop, "b", "b")

    assert ns(taken(shop, latest, 2)) == [1, 2]
    everything = taken(shop, horizon, 3)
    assert ns(everything) == [1, 1, 2]
    assert [each["SystemMetadata"]["aws:DeliveryType"] for each in everything] == ["REPLAY", "LIVE", "LIVE"]


def test_a_reader_stops_at_its_end(shop: Example) -> None:
    put(shop, "a")
    time.sleep(0.01)
    now = datetime.datetime.now(datetime.UTC)
    _, queue = to_queue(shop, "s", **FIFO, **point(PointType="HORIZON", EndPoint=now))
    time.sleep(0.01)
    put(shop, "a", "a")
    _, other = to_queue(shop, "other", **FIFO, **point(PointType="HORIZON"))

    assert len(taken(shop, other, 3)) == 3
    assert ns(taken(shop, queue, 1)) == [1]


@pytest.mark.parametrize("days", [-2, 1])
def test_a_start_outside_of_what_is_kept_is_refused(shop: Example, days: int) -> None:
    start = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)

    with pytest.raises(ClientError, match="InvalidInputException"):
        to_queue(shop, "s", **point(PointType="TIMESTAMP", StartingPoint=start))


@pytest.mark.parametrize(("resume", "wanted"), [({}, [1, 2, 1]), ({"ResumePosition": "LATEST"}, [1])])
def test_a_stopped_subscriber_goes_on_where_it_was_unless_it_is_told_to_skip(
    shop: Example, resume: dict[str, str], wanted: list[int]
) -> None:
    arn, queue = to_queue(shop, "s", **FIFO)
    bus(shop).update_subscriber(SubscriberArn=arn, State="STOPPED")
    put(shop, "a", "a")
    assert taken(shop, queue) == []
    bus(shop).update_subscriber(SubscriberArn=arn, State="RUNNING", **resume)
    put(shop, "b")

    assert ns(taken(shop, queue, len(wanted))) == wanted


def test_an_update_replaces_a_block_whole_and_leaves_what_it_does_not_name(shop: Example) -> None:
    policy = {"MaxRetryAttempts": 7, "MaxEventAgeInSeconds": 60}
    arn, _ = to_queue(shop, "s", **FIFO, RetryPolicy=policy, Transformer={"Type": "WITH_METADATA"})
    bus(shop).update_subscriber(SubscriberArn=arn, RetryPolicy={"MaxRetryAttempts": 3})
    shown = bus(shop).describe_subscriber(SubscriberArn=arn)

    assert shown["RetryPolicy"] == {"MaxRetryAttempts": 3}
    assert shown["Transformer"] == {"Type": "WITH_METADATA"}


def test_an_event_must_match_every_filter(shop: Example) -> None:
    filters = [
        {"Scope": "DATA", "Pattern": '{"detail": {"n": [1, 2]}}'},
        {"Scope": "SYSTEM_METADATA", "Pattern": '{"EventGroupId": ["b"]}'},
    ]
    _, queue = to_queue(shop, "s", **FIFO, FilterConfiguration={"Filters": filters})
    _, all_of_it = to_queue(shop, "all", **FIFO)
    put(shop, "a", "b", "b")

    assert len(taken(shop, all_of_it, 3)) == 3
    assert ns(taken(shop, queue, 1)) == [2]


def failing(shop: Example, dlq: str, **more: Any) -> str:
    """A subscriber whose target is not there, with a queue for the records."""
    made, queue = to_queue(shop, dlq)
    role = bus(shop).describe_subscriber(SubscriberArn=made)["InvokeConfiguration"]
    bus(shop).delete_subscriber(SubscriberArn=made)
    how = {"TargetArn": NOWHERE, "RoleArn": role["RoleArn"]}
    failure = {"OnFailureConfiguration": {"Arn": role["TargetArn"]}}
    bus(shop).create_subscriber(**bus_of(shop), Name=f"{dlq}-fails", InvokeConfiguration=how, **failure, **more)
    return queue


def test_what_is_given_up_is_named_and_not_kept_in_the_record(shop: Example) -> None:
    queue = failing(shop, "s", **FIFO, RetryPolicy={"MaxRetryAttempts": 2})
    put(shop, "a", DeduplicationId="d-1")

    (record,) = taken(shop, queue, 1)
    assert (record["exhaustedRetryCondition"], record["retryAttempts"]) == ("MaximumRetryAttempts", 2)
    (named,) = record["failedMessages"]
    assert (named["eventGroupId"], named["deduplicationId"]) == ("a", "d-1")
    assert "detail" not in json.dumps(record)


@pytest.mark.e2e
def test_age_ends_retries_too(shop: Example) -> None:
    queue = failing(shop, "s", **FIFO, RetryPolicy={"MaxRetryAttempts": 185, "MaxEventAgeInSeconds": 60})
    put(shop, "a")

    (record,) = taken(shop, queue, 1)
    assert record["exhaustedRetryCondition"] == "MaximumEventAgeInSeconds"


def test_asked_twice_with_one_token_there_is_one_subscriber_and_else_its_name_is_taken(shop: Example) -> None:
    one, _ = to_queue(shop, "s", ClientToken="t-1")
    how = bus(shop).describe_subscriber(SubscriberArn=one)["InvokeConfiguration"]
    ask = {**bus_of(shop), "Name": "s", "InvokeConfiguration": how}

    assert bus(shop).create_subscriber(**ask, ClientToken="t-1")["SubscriberArn"] == one
    with pytest.raises(ClientError, match="ResourceAlreadyExistsException"):
        bus(shop).create_subscriber(**ask, ClientToken="t-2")


# ---- with functions and their permissions, as the scenario plays


@pytest.mark.e2e
def test_lambda_gets_a_list_unless_a_batch_is_one_and_the_role_must_allow_call_and_record(real: LocalAws) -> None:
    stack = real.deploy(EXAMPLES / "kept_events" / "template.yaml", AlarmTopicArn="arn:aws:sns:us-east-1:1:a")
    client, out = real.client("eventbridgev2"), stack.outputs
    first = client.describe_subscriber(SubscriberArn=out["SubscriberArn"])
    client.update_subscriber(SubscriberArn=out["SubscriberArn"], State="STOPPED")
    how = {
        "EventBusArn": out["BusArn"],
        **{key: first[key] for key in ("InvokeConfiguration", "OnFailureConfiguration")},
    }
    client.create_subscriber(**how, Name="lists", Type="FIFO", Transformer={"Type": "WITH_METADATA"})
    event = history("o-1", 1, 2)[0]
    detail = {"metadata": {"version": 1, "number": 1}, "data": {"order_id": "o-1", "cents": event["cents"]}}
    entry = {"Source": "shop.orders", "DetailType": event["kind"], "Detail": json.dumps(detail)}
    client.put_events(EventBusArn=out["BusArn"], Entries=[entry])

    def set_aside() -> list[Any]:
        found = real.client("sqs").receive_message(QueueUrl=out["MissedUrl"])
        return [json.loads(each["Body"]) for each in found.get("Messages", [])]

    (listed,) = seen(set_aside, 30)
    assert [each["Data"]["detail"] for each in listed] == [detail], "a list is nothing that Track can read"

    role = first["InvokeConfiguration"]["RoleArn"].rsplit("/", 1)[-1]
    real.client("iam").delete_role_policy(RoleName=role, PolicyName="deliver")
    client.put_events(EventBusArn=out["BusArn"], Entries=[entry])
    lost = seen(lambda: "is lost" in real.log.read_text(), 30)
    assert lost, "a record was sent by a role that may not send"
