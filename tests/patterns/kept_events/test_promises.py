"""Each event is applied once and in its order's order; one that is missing is not passed, and is read again."""

import copy
import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from kept_events.scenario import history

from patterns.kept_events.faults import bus_of, kept, to_queue
from support.environments import IN_PYTHON, LANGUAGES, fails_as
from support.handlers import Context, Died, Example, event
from support.moments import before_call, dying
from support.subjects import SHOP
from support.templates import findings
from trials.local_aws import LocalAws
from trials.template import read_template

THROTTLED = {"code": "ProvisionedThroughputExceededException"}
PAID = (3, "OrderPaid", 30)


@pytest.fixture(params=LANGUAGES)
def shop(request: pytest.FixtureRequest, example: Callable[..., Example]) -> Example:
    return example("kept_events", request.param, **SHOP["parameters"](None))


@pytest.fixture
def template(shop: Example) -> dict[str, Any]:
    return dict(read_template(shop.folder / "template.yaml")["Resources"])


def delivered(shop: Example, happened: dict[str, Any], delivery: str = "LIVE") -> dict[str, Any]:
    """An event as the bus delivers it to Track."""
    made = copy.deepcopy(event(shop.folder))
    made["Data"]["detail-type"] = happened["kind"]
    made["Data"]["detail"]["metadata"]["number"] = happened["number"]
    made["Data"]["detail"]["data"] = {"order_id": happened["order_id"], "cents": happened["cents"]}
    made["SystemMetadata"]["aws:DeliveryType"] = delivery
    return dict(made)


def track(shop: Example, *happened: dict[str, Any], delivery: str = "LIVE") -> None:
    handler = shop.environment("track").handler
    for each in happened:
        assert handler(delivered(shop, each, delivery), Context()) is None


def items(shop: Example) -> dict[str, dict[str, Any]]:
    found = shop.aws.client("dynamodb").scan(TableName=shop.stack.resources["Orders"], ConsistentRead=True)["Items"]
    plain = [{name: next(iter(value.values())) for name, value in each.items()} for each in found]
    return {each["order_id"]: each for each in plain}


def order(shop: Example, order_id: str = "o-1") -> tuple[int, str, int] | None:
    found = items(shop).get(order_id, {})
    return (int(found["number"]), found["status"], int(found["cents"])) if "status" in found else None


def set_aside(shop: Example) -> list[Any]:
    queue = shop.stack.resources["Missed"]
    found = shop.aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [json.loads(each["Body"]) for each in found.get("Messages", [])]


def told(capsys: pytest.CaptureFixture[str], metric: str) -> int:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    return sum(metric in line for line in lines)


# ---- the ordered subscriber


def test_the_sample_event_is_applied(shop: Example) -> None:
    shop.environment("track").handler(event(shop.folder), Context())

    assert order(shop, "o-1001") == (1, "OrderPlaced", 4250)


@pytest.mark.e2e
@pytest.mark.parametrize("order_of", list(itertools.permutations(range(3))))
def test_in_whatever_order_events_come_none_is_passed_and_a_reader_of_all_makes_them_good(
    shop: Example, order_of: tuple[int, ...]
) -> None:
    events, applied = history("o-1", 10, 20, 30), 0
    for at in order_of:
        track(shop, events[at])
        applied += at == applied
        assert (order(shop) or (0,))[0] == applied

    track(shop, *events, delivery="REPLAY")
    assert order(shop) == PAID


def test_a_repeat_however_late_changes_nothing(shop: Example) -> None:
    events = history("o-1", 10, 20, 30)
    track(shop, *events)
    before = items(shop)

    track(shop, events[2], events[0], events[1], delivery="REPLAY")

    assert items(shop) == before


def test_a_gap_is_told_and_acknowledged_so_that_no_other_order_waits(
    shop: Example, capsys: pytest.CaptureFixture[str], template: dict[str, Any]
) -> None:
    events = history("o-1", 10, 20, 30)
    track(shop, events[0])
    assert told(capsys, "EventMissing") == 0

    track(shop, events[2], history("o-2", 1, 2)[0])

    alarm = template["EventsMissing"]["Properties"]
    assert told(capsys, alarm["MetricName"]) == 1
    assert (order(shop), order(shop, "o-2")) == ((1, "OrderPlaced", 10), (1, "OrderPlaced", 1))
    assert items(shop)["o-1"]["awaited"] == "3"


def test_an_order_waits_for_all_before_the_last_event_that_came(shop: Example) -> None:
    events = history("o-1", 10, 20, 30, 40)
    track(shop, events[0], events[3], events[2])

    assert items(shop)["o-1"]["awaited"] == "4"


@pytest.mark.e2e
@IN_PYTHON
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("first", ["old", "new"])
@pytest.mark.parametrize("done", [0, 1])
def test_an_old_and_a_new_event_of_one_order_at_any_moment_of_each_other_lose_nothing(
    shop: Example, monkeypatch: pytest.MonkeyPatch, at: int, after: bool, first: str, done: int
) -> None:
    """As a second reader and the first deliver at the same time: whoever comes second is delivered again."""
    events = history("o-1", 10, 20, 30)
    track(shop, *events[:done])
    pair = [delivered(shop, events[done], "REPLAY"), delivered(shop, events[done + 1])]
    one, other = pair if first == "old" else reversed(pair)
    here, there = shop.environment("track").handler, shop.environment("track").handler
    with monkeypatch.context() as patched:
        before_call(patched, at, lambda: there(other, Context()), after=after)
        try:
            here(one, Context())
        except ClientError:  # the bus tries it again
            failed = True
        else:
            failed = False
    if failed:
        shop.environment("track").handler(one, Context())

    stands = items(shop)["o-1"]
    assert int(stands["number"]) == done + 2 or (int(stands["number"]), int(stands["awaited"])) == (done + 1, done + 2)
    track(shop, *events, delivery="REPLAY")
    assert order(shop) == PAID


@pytest.mark.parametrize("after", [1, 2])
@pytest.mark.parametrize("number", [2, 3])
def test_a_death_at_any_point_is_made_good_by_the_next_attempt(
    shop: Example, monkeypatch: pytest.MonkeyPatch, after: int, number: int
) -> None:
    events = history("o-1", 10, 20, 30)
    track(shop, events[0])
    handler = shop.environment("track").handler
    with dying(shop, monkeypatch, after=after), pytest.raises(Died):
        handler(delivered(shop, events[number - 1]), Context())

    track(shop, events[number - 1])
    assert order(shop) == ((2, "OrderAmended", 20) if number == 2 else (1, "OrderPlaced", 10))
    track(shop, *events)
    assert order(shop) == PAID


def test_what_fails_for_a_while_is_raised_for_the_bus_to_retry_in_its_place(shop: Example, aws: LocalAws) -> None:
    aws.fault(service="dynamodb", operation="GetItem", error=THROTTLED, times=3)

    with fails_as("ProvisionedThroughputExceededException"):
        track(shop, history("o-1", 1, 2)[0])
    assert set_aside(shop) == []


def test_what_nobody_can_read_is_set_aside_whole_at_its_first_attempt(shop: Example) -> None:
    handler, whole = shop.environment("track").handler, event(shop.folder)
    whole["Data"]["detail"]["metadata"]["version"] = 2

    assert handler(whole, Context()) is None
    assert (set_aside(shop), items(shop)) == ([whole], {})


def test_a_queue_that_refuses_what_is_set_aside_holds_it(shop: Example, aws: LocalAws) -> None:
    aws.fault(service="sqs", operation="SendMessage", error={"code": "InternalError", "status": 500}, times=3)

    with fails_as("ClientError", "AWS.SimpleQueueService.InternalError"):
        shop.environment("track").handler({}, Context())


# ---- the publisher


def publish(shop: Example, *events: dict[str, Any]) -> None:
    shop.environment("publish").handler({"events": list(events), "correlation_id": "c-1"}, Context())


def numbers(shop: Example) -> dict[str, list[int]]:
    return {each["group"]: [detail["metadata"]["number"] for _, detail in each["events"]] for each in kept(shop)}


def answering(app: Any, monkeypatch: pytest.MonkeyPatch, code: Callable[[int, dict[str, Any]], str]) -> list[list[str]]:
    """Let the bus answer each entry of the n-th request with a code, or none; the ids of the entries it was sent."""
    requests: list[list[str]] = []

    def put_events(EventBusArn: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert EventBusArn
        requests.append([each["SystemMetadata"]["DeduplicationId"] for each in Entries])
        codes = [code(len(requests), each) for each in Entries]
        return {"Entries": [{"ErrorCode": each} if each else {"SuccessCode": "PUBLISHED"} for each in codes]}

    monkeypatch.setattr(app.bus, "put_events", put_events)
    monkeypatch.setattr(app.time, "sleep", lambda _: None)
    return requests


def test_events_are_kept_in_the_order_of_their_numbers_whatever_order_they_are_given_in(shop: Example) -> None:
    events = [*history("o-1", 10, 20, 30), *history("o-2", 1, 2)]

    publish(shop, *reversed(events))

    assert numbers(shop) == {"o-1": [1, 2, 3], "o-2": [1, 2]}


def test_a_repeat_is_kept_once_and_is_no_error(shop: Example) -> None:
    publish(shop, *history("o-1", 10, 20, 30))
    publish(shop, *history("o-1", 10, 20, 30))

    assert numbers(shop) == {"o-1": [1, 2, 3]}


@IN_PYTHON
def test_no_event_goes_ahead_of_one_of_its_order_that_was_refused(
    shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = shop.environment("publish")
    requests = answering(
        app,
        monkeypatch,
        lambda n, each: "ThrottlingException" if n == 1 and each["SystemMetadata"]["EventGroupId"] == "o-1" else "",
    )
    app.handler({"events": [*history("o-1", 1, 2), *history("o-2", 1, 2)]}, Context())

    assert requests == [["o-1-1", "o-2-1"], ["o-1-1", "o-2-2"], ["o-1-2"]]


@IN_PYTHON
def test_an_order_whose_event_is_refused_for_good_ends_there_and_the_others_go_on(
    shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = shop.environment("publish")
    requests = answering(
        app, monkeypatch, lambda _, each: "Refused" if each["SystemMetadata"]["EventGroupId"] == "o-1" else ""
    )
    with pytest.raises(app.NotPublished, match="o-1: Refused"):
        app.handler({"events": [*history("o-1", 1, 2), *history("o-2", 1, 2)]}, Context())

    assert requests == [["o-1-1", "o-2-1"], ["o-2-2"]]


@IN_PYTHON
def test_a_bus_that_stays_busy_is_an_error_after_four_attempts(shop: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    app = shop.environment("publish")
    requests = answering(app, monkeypatch, lambda *_: "ThrottlingException")
    with pytest.raises(app.NotPublished, match="2 orders after 4 attempts"):
        app.handler({"events": [history("o-1", 1, 2)[0], history("o-2", 1, 2)[0]]}, Context())

    assert requests == [["o-1-1", "o-2-1"]] * 4


@IN_PYTHON
def test_a_request_has_a_hundred_entries_at_most(shop: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    app = shop.environment("publish")
    requests = answering(app, monkeypatch, lambda *_: "")
    app.handler({"events": [history(f"o-{n}", 1, 2)[0] for n in range(130)]}, Context())

    assert [len(each) for each in requests] == [100, 30]


# ---- pause, resume, read again


@pytest.fixture
def subscriber(shop: Example, monkeypatch: pytest.MonkeyPatch) -> str:
    made, _ = to_queue(
        shop,
        "track",
        Type="FIFO",
        BatchConfiguration={"MaxBatchSize": 1},
        Transformer={"Type": "WITH_METADATA"},
        RetryPolicy={"MaxRetryAttempts": 20, "MaxEventAgeInSeconds": 300},
        FilterConfiguration={"Filters": [{"Scope": "DATA", "Pattern": '{"source": ["shop.orders"]}'}]},
        LogConfiguration={"Level": "ERROR"},
        OnFailureConfiguration={"Arn": "arn:aws:sqs:us-east-1:123456789012:missed"},
    )
    monkeypatch.setenv("SUBSCRIBER_ARN", made)
    return made


def operate(shop: Example, **command: Any) -> dict[str, Any]:
    answer = shop.environment("operate").handler({"by": "ana", **command}, Context())
    assert isinstance(answer, dict)
    return answer


def began(shop: Example) -> str:
    found = shop.aws.client("eventbridgev2").describe_event_bus(**bus_of(shop))["StorageConfiguration"]
    return str(found["RetentionWindowStartTime"].isoformat())


def described(shop: Example, arn: str) -> dict[str, Any]:
    return dict(shop.aws.client("eventbridgev2").describe_subscriber(SubscriberArn=arn))


def listed(shop: Example) -> set[str]:
    found = shop.aws.client("eventbridgev2").list_subscribers(**bus_of(shop))["Subscribers"]
    return {each["SubscriberArn"] for each in found}


def test_a_pause_and_its_end_leave_all_else_of_the_subscriber_as_it_was(shop: Example, subscriber: str) -> None:
    before = described(shop, subscriber)
    del before["ResponseMetadata"]

    assert operate(shop, do="PAUSE") == {"state": "STOPPED"}
    assert operate(shop, do="PAUSE") == {"state": "STOPPED"}
    assert described(shop, subscriber)["State"] == "STOPPED"
    assert operate(shop, do="RESUME") == {"state": "RUNNING"}
    after = described(shop, subscriber)
    assert {key: after[key] for key in before} == before


@IN_PYTHON
def test_a_pause_ends_where_it_began_and_not_with_the_newest(
    shop: Example, subscriber: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operate_ = shop.environment("operate")
    asked: list[dict[str, Any]] = []

    def update(**given: Any) -> dict[str, str]:
        asked.append(given)
        return {"State": "RUNNING"}

    monkeypatch.setattr(operate_.bus, "update_subscriber", update)

    operate_.handler({"do": "RESUME", "by": "ana"}, Context())

    assert asked == [{"SubscriberArn": subscriber, "State": "RUNNING"}]


def test_a_second_reader_is_as_the_first_but_for_where_it_begins(shop: Example, subscriber: str) -> None:
    since = began(shop)

    reader = described(shop, operate(shop, do="READ_AGAIN", since=since)["reader"])

    first = described(shop, subscriber)
    own = {"Name", "SubscriberArn", "StartingPosition", "PointInTimeConfiguration", "ResponseMetadata"}
    assert {key: reader[key] for key in reader.keys() - own} == {key: first[key] for key in first.keys() - own}
    assert reader["StartingPosition"] == "POINT_IN_TIME"
    assert reader["PointInTimeConfiguration"]["PointType"] == "TIMESTAMP"
    starts = datetime.fromisoformat(since) - reader["PointInTimeConfiguration"]["StartingPoint"]
    assert timedelta(0) <= starts < timedelta(milliseconds=1)  # JavaScript knows no shorter time
    assert reader["Name"].startswith("track-again-")


def test_asked_twice_there_is_one_reader(shop: Example, subscriber: str) -> None:
    once, again = (operate(shop, do="READ_AGAIN", since=began(shop))["reader"] for _ in range(2))

    assert once == again
    assert listed(shop) == {subscriber, once}


def test_a_reader_ends_only_once_no_order_lacks_an_event(shop: Example, subscriber: str, aws: LocalAws) -> None:
    events, others = history("o-1", 10, 20, 30), history("o-3", 1, 2)
    track(shop, events[0], events[2], *history("o-2", 1, 2), others[1])
    reader = operate(shop, do="READ_AGAIN", since=began(shop))["reader"]
    aws.read_in_pages()  # of which none holds two orders

    refused = operate(shop, do="END_READER", reader=reader)

    assert (refused["orders"], listed(shop)) == (["o-1", "o-3"], {subscriber, reader})
    assert "refused" in refused
    aws.clear_faults()
    track(shop, *events, *others)
    assert operate(shop, do="END_READER", reader=reader) == {"reader": reader}
    assert operate(shop, do="END_READER", reader=reader) == {"reader": reader}, "asked twice it is no error"
    assert listed(shop) == {subscriber}


@pytest.mark.parametrize(
    "command",
    [
        {"do": "READ_AGAIN"},
        {"do": "READ_AGAIN", "since": "2026-11-23T08:00:00"},
        {"do": "READ_AGAIN", "since": "2026-11-23T08:00:00Z", "reader": "r"},
        {"do": "PAUSE", "since": "2026-11-23T08:00:00Z"},
        {"do": "END_READER"},
        {"do": "SKIP"},
        {"do": "RESUME", "from": "LATEST"},
        {"do": "PAUSE", "by": ""},
    ],
)
def test_a_command_that_is_not_whole_is_refused(shop: Example, subscriber: str, command: dict[str, Any]) -> None:
    handler = shop.environment("operate").handler
    with fails_as("ValidationError", "ZodError"):
        handler({"by": "ana", **command}, Context())
    assert described(shop, subscriber)["State"] == "RUNNING"


# ---- the template


def test_the_bus_keeps_events_as_long_as_somebody_is_told_to_read_them_again(template: dict[str, Any]) -> None:
    days = template["Shop"]["Properties"]["StorageConfiguration"]["RetentionPeriodInDays"]

    assert days * 86400 >= template["Missed"]["Properties"]["MessageRetentionPeriod"] == 1209600


def test_order_holds_until_the_function_is_done_and_a_failure_stops_all_groups_for_minutes(
    template: dict[str, Any],
) -> None:
    subscriber = template["ToTrack"]["Properties"]

    assert (subscriber["Type"], subscriber["StartingPosition"]) == ("FIFO", "LATEST")
    assert subscriber["InvokeConfiguration"]["LambdaParameters"] == {"InvocationType": "REQUEST_RESPONSE"}
    assert subscriber["BatchConfiguration"] == {"MaxBatchSize": 1}
    assert subscriber["Transformer"] == {"Type": "WITH_METADATA"}
    assert 60 <= subscriber["RetryPolicy"]["MaxEventAgeInSeconds"] <= 300
    assert subscriber["RetryPolicy"]["MaxRetryAttempts"] >= 20
    assert template["Track"]["Properties"]["Timeout"] < 30


def test_the_delivery_role_may_call_the_function_and_send_what_failed_and_trusts_the_bus_alone(
    template: dict[str, Any],
) -> None:
    role, subscriber = template["Deliver"]["Properties"], template["ToTrack"]["Properties"]
    allowed = {
        (each["Action"], json.dumps(each["Resource"])) for each in role["Policies"][0]["PolicyDocument"]["Statement"]
    }
    assert allowed == {
        ("lambda:InvokeFunction", json.dumps(subscriber["InvokeConfiguration"]["TargetArn"])),
        ("sqs:SendMessage", json.dumps(subscriber["OnFailureConfiguration"]["Arn"])),
    }
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "events.amazonaws.com"}
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert subscriber["InvokeConfiguration"]["RoleArn"] == {"Fn::GetAtt": ["Deliver", "Arn"]}


def test_what_the_subscriber_logs_has_a_way_into_a_log_group(template: dict[str, Any]) -> None:
    source, destination = template["FromSubscriber"]["Properties"], template["ToLogs"]["Properties"]

    assert source["ResourceArn"] == {"Fn::GetAtt": ["ToTrack", "SubscriberArn"]}
    assert source["LogType"] == f"{template['ToTrack']['Properties']['LogConfiguration']['Level']}_LOGS"
    assert destination["DestinationResourceArn"] == {"Fn::GetAtt": ["FailedDeliveries", "Arn"]}
    assert template["DeliverLogs"]["Properties"] == {
        "DeliverySourceName": {"Ref": "FromSubscriber"},
        "DeliveryDestinationArn": {"Fn::GetAtt": ["ToLogs", "Arn"]},
    }
    assert template["FailedDeliveries"]["Properties"]["RetentionInDays"]


def test_permissions_are_those_that_the_bus_knows_and_no_function_may_more_than_it_does(
    template: dict[str, Any],
) -> None:
    def allowed(name: str) -> set[str]:
        return {
            action
            for statement in template[name]["Properties"]["Policies"][0]["Statement"]
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        }

    assert allowed("Publish") == {"events:PutEvents"}
    assert allowed("Track") == {"dynamodb:GetItem", "dynamodb:PutItem", "sqs:SendMessage"}
    assert allowed("Operate") == {
        *("events:CreateSubscriber", "events:DescribeSubscriber", "events:UpdateSubscriber", "events:DeleteSubscriber"),
        *("iam:PassRole", "dynamodb:Scan"),
    }
    (ends,) = [
        each
        for each in template["Operate"]["Properties"]["Policies"][0]["Statement"]
        if each["Action"] == "events:DeleteSubscriber"
    ]
    assert ends["Resource"]["Fn::Sub"].endswith("subscriber/${AWS::StackName}-track-again-*")


def test_alarms_tell_of_gaps_of_what_was_given_up_and_of_a_subscriber_that_stands_still(
    template: dict[str, Any],
) -> None:
    alarms = {each["MetricName"]: each for each in (
        resource["Properties"] for resource in template.values() if resource["Type"] == "AWS::CloudWatch::Alarm"
    )}  # fmt: skip
    assert {name: each["Dimensions"][0]["Value"] for name, each in alarms.items()} == {
        "EventMissing": "track",
        "ApproximateNumberOfMessagesVisible": {"Fn::GetAtt": ["Missed", "QueueName"]},
        "Errors": {"Ref": "Track"},
    }
    assert all(each["AlarmActions"] and each["Threshold"] == 0 for each in alarms.values())
    held = alarms["Errors"]
    assert held["Period"] * held["EvaluationPeriods"] < 300, "events are given up before somebody hears of it"


@pytest.mark.e2e
@IN_PYTHON
def test_the_template_lints(shop: Example) -> None:
    assert findings(shop.folder / "template.yaml") == []
