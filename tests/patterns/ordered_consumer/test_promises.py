"""Each change is applied once and in order; a group whose next change cannot be applied waits, and no other does."""

import json
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from ordered_consumer.scenario import POISON, change, history

from patterns.ordered_consumer.faults import fifo_event
from support.handlers import Context, Died, Example, correlated, event, failed
from support.moments import before_call, die
from support.subjects import SHOP
from trials.local_aws import LocalAws
from trials.template import read_template

THROTTLED = {"code": "ProvisionedThroughputExceededException"}
HELD_UP = [change(1, "RECEIVED", 3), change(2, "SOLD", 4), change(3, "COUNTED", 9), change(4, "SOLD", 2)]
MENDED = change(2, "SOLD", 3)


@pytest.fixture
def shop(example: Callable[..., Example]) -> Example:
    return example("ordered_consumer", **SHOP["parameters"](None))


@pytest.fixture
def template(shop: Example) -> dict[str, Any]:
    return dict(read_template(shop.folder / "template.yaml")["Resources"])


def mugs(*bodies: str) -> dict[str, Any]:
    return fifo_event(*(("mug", body) for body in bodies))


def deliver(shop: Example, batch: dict[str, Any]) -> list[str]:
    """To a new environment; what it reports as failed."""
    return failed(shop.environment().handler(batch, Context()))


def items(shop: Example, table: str) -> list[dict[str, Any]]:
    found = shop.aws.client("dynamodb").scan(TableName=shop.stack.resources[table], ConsistentRead=True)["Items"]
    return [{name: next(iter(value.values())) for name, value in each.items()} for each in found]


def stock(shop: Example, sku: str = "mug") -> tuple[int, int, bool]:
    """The number of the SKU's last change, its pieces, and whether it is parked."""
    (found,) = [each for each in items(shop, "Stock") if each["sku"] == sku]
    return int(found["applied"]), int(found["pieces"]), bool(found["parked"])


def parked(shop: Example, sku: str = "mug") -> list[int]:
    return sorted(int(each["number"]) for each in items(shop, "Parked") if each["sku"] == sku)


def dead_letters(shop: Example) -> list[dict[str, Any]]:
    queue = shop.stack.resources["ChangesDlq"]
    found = shop.aws.client("sqs").receive_message(
        QueueUrl=queue,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["MessageGroupId"],
    )
    return list(found.get("Messages", []))


def release(shop: Example, sku: str = "mug", remaining: int = 60_000) -> dict[str, Any]:
    answer = shop.environment("release").handler({"sku": sku, "by": "ana"}, Context(remaining=remaining))
    assert isinstance(answer, dict)
    return answer


def told(capsys: pytest.CaptureFixture[str], metric: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    return [line for line in lines if metric in line]


def test_the_sample_event_is_applied(shop: Example) -> None:
    assert deliver(shop, event(shop.folder)) == []
    assert stock(shop) == (1, 12, False)


def test_a_change_that_comes_again_however_late_changes_nothing(shop: Example) -> None:
    bodies, pieces = history(8, seed=1)
    assert deliver(shop, mugs(*bodies)) == []
    before = items(shop, "Stock")

    for body in (bodies[7], *bodies):
        assert deliver(shop, mugs(body)) == []

    assert items(shop, "Stock") == before
    assert stock(shop) == (8, pieces, False)
    assert parked(shop) == []


@pytest.mark.e2e
@pytest.mark.parametrize("seed", range(4))
def test_whatever_fails_on_the_way_the_changes_add_up_in_their_order(
    shop: Example, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """A queue that keeps order within a group, batches as they fall, calls that fail and environments that die."""
    fate = random.Random(seed)
    wanted = {sku: history(6, seed=10 * seed + at) for at, sku in enumerate(("mug", "cup"))}
    waiting = [(sku, body) for at in range(6) for sku, (bodies, _) in wanted.items() for body in [bodies[at]]]
    faults = 0
    while waiting:
        batch = waiting[: fate.randint(1, 5)]
        with monkeypatch.context() as here:
            if faults < 12 and fate.random() < 0.7:
                faults += 1
                act = mock.Mock(side_effect=fate.choice([Died, ConnectionError]))
                before_call(here, fate.randint(1, 2 * len(batch)), act, after=fate.random() < 0.5)
            try:
                left = deliver(shop, fifo_event(*batch))
            except Died:
                left = [f"m-{at}" for at in range(len(batch))]
        waiting = [each for at, each in enumerate(batch) if f"m-{at}" in left] + waiting[len(batch) :]

    assert faults > 1
    for sku, (_, pieces) in wanted.items():
        assert stock(shop, sku) == (6, pieces, False)
    assert parked(shop) == []


def test_twice_at_once_is_applied_once(shop: Example) -> None:
    environments = [shop.environment() for _ in range(6)]
    start = threading.Barrier(len(environments))

    def at_once(app: ModuleType) -> list[str]:
        start.wait()
        return failed(app.handler(mugs(change(1, "RECEIVED", 5)), Context()))

    with ThreadPoolExecutor(len(environments)) as pool:
        answers = list(pool.map(at_once, environments))

    assert [] in answers
    assert deliver(shop, mugs(change(1, "RECEIVED", 5))) == []
    assert stock(shop) == (1, 5, False)


BATCH = [("mug", change(1, "RECEIVED", 1)), ("cup", change(1, "RECEIVED", 1)), ("mug", change(2, "RECEIVED", 1)),
         ("cup", change(2, "RECEIVED", 1)), ("mug", change(3, "RECEIVED", 1))]  # fmt: skip


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_failure_holds_back_what_follows_in_its_group_and_nothing_else(
    shop: Example, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    app = shop.environment()
    save = app.stock.save

    def fails(after: Any, *with_it: Any) -> None:
        if (after.sku, after.applied) == ("mug", number):
            raise ConnectionError
        save(after, *with_it)

    monkeypatch.setattr(app.stock, "save", fails)

    assert failed(app.handler(fifo_event(*BATCH), Context())) == ["m-0", "m-2", "m-4"][number - 1 :]
    assert stock(shop, "cup") == (2, 2, False)
    assert parked(shop) == []  # what failed for a while is no reason to park
    assert deliver(shop, fifo_event(*BATCH)) == []
    assert stock(shop) == (3, 3, False)


def test_a_batch_that_failed_whole_is_an_answer_and_no_error(shop: Example, aws: LocalAws) -> None:
    aws.fault(service="dynamodb", operation="GetItem", error=THROTTLED, times=9)

    assert deliver(shop, fifo_event(*BATCH[:2])) == ["m-0", "m-1"]


@pytest.mark.parametrize("operation", ["GetItem", "PutItem", "TransactWriteItems"])
def test_a_table_that_throttles_delays_its_group_and_parks_nothing(
    shop: Example, aws: LocalAws, operation: str
) -> None:
    first, second = HELD_UP[:2]
    if operation == "TransactWriteItems":
        assert deliver(shop, mugs(first)) == []
        first = second
    aws.fault(service="dynamodb", operation=operation, error=THROTTLED, times=3)  # as often as the SDK tries
    assert deliver(shop, mugs(first)) == ["m-0"]
    assert parked(shop) == []

    assert deliver(shop, mugs(first)) == []
    assert stock(shop) == (1, 3, operation == "TransactWriteItems")


def test_a_change_that_cannot_be_parks_its_group_in_order_and_no_other(
    shop: Example, template: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    cups = [change(number, "RECEIVED", 1) for number in range(1, 5)]
    mixed = [each for pair in zip(HELD_UP, cups, strict=True) for each in (("mug", pair[0]), ("cup", pair[1]))]

    assert deliver(shop, fifo_event(*mixed)) == []

    assert stock(shop) == (1, 3, True)
    assert parked(shop) == [2, 3, 4]
    assert stock(shop, "cup") == (4, 4, False)
    reasons = {each["number"]: each["why"] for each in items(shop, "Parked")}
    assert reasons == {"2": "change 2 takes 4 of 3", "3": "mug is parked", "4": "mug is parked"}
    alarm = template["ParkedChanges"]["Properties"]
    (dimension,) = alarm["Dimensions"]
    counted = told(capsys, alarm["MetricName"])
    assert [each[dimension["Name"]] for each in counted] == [dimension["Value"]] * 3


def test_a_missing_number_is_never_passed(shop: Example) -> None:
    """As after a dead letter: the group goes on in the queue, and stands still here."""
    assert deliver(shop, mugs(HELD_UP[0], change(3, "SOLD", 1), change(4, "SOLD", 1))) == []
    assert (stock(shop), parked(shop)) == ((1, 3, True), [3, 4])
    assert release(shop)["why"] == "change 2 is missing"
    assert (stock(shop), parked(shop)) == ((1, 3, True), [3, 4])

    assert deliver(shop, mugs(change(2, "COUNTED", 2))) == []  # redriven, behind what it precedes
    assert release(shop) == {"sku": "mug", "applied": 4, "pieces": 0, "parked": False, "why": ""}
    assert deliver(shop, mugs(change(5, "RECEIVED", 1))) == []
    assert (stock(shop), parked(shop)) == ((5, 1, False), [])


def test_a_group_that_begins_with_a_gap_waits_for_its_first_change(shop: Example) -> None:
    assert deliver(shop, mugs(change(2, "SOLD", 1))) == []
    assert (stock(shop), parked(shop)) == ((0, 0, True), [2])

    deliver(shop, mugs(change(1, "RECEIVED", 1)))
    assert release(shop)["applied"] == 2


def test_the_copy_of_a_parked_change_is_no_second_one_and_a_mended_one_takes_its_place(shop: Example) -> None:
    for _ in range(2):
        assert deliver(shop, mugs(*HELD_UP)) == []
    assert parked(shop) == [2, 3, 4]
    assert release(shop)["why"] == "change 2 takes 4 of 3"

    assert deliver(shop, mugs(MENDED)) == []
    assert parked(shop) == [2, 3, 4]
    assert release(shop) == {"sku": "mug", "applied": 4, "pieces": 7, "parked": False, "why": ""}
    for body in (*HELD_UP, MENDED):
        assert deliver(shop, mugs(body)) == []
    assert (stock(shop), parked(shop)) == ((4, 7, False), [])


def held_up(shop: Example) -> None:
    assert deliver(shop, mugs(*HELD_UP, MENDED)) == []
    assert (stock(shop), parked(shop)) == ((1, 3, True), [2, 3, 4])


CALLS_OF_A_RELEASE = 13  # for each of 3 changes: read, query, write; then read, query, write; and a read


@pytest.mark.e2e
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, CALLS_OF_A_RELEASE + 1))
def test_a_change_that_comes_at_any_moment_of_a_release_is_neither_lost_nor_ahead(
    shop: Example, monkeypatch: pytest.MonkeyPatch, at: int, after: bool
) -> None:
    held_up(shop)
    late, left = shop.environment(), [["nothing came"]]
    body = change(5, "SOLD", 7)
    replay = shop.environment("release").handler

    def comes() -> None:
        left[0] = failed(late.handler(mugs(body), Context()))

    with monkeypatch.context() as here:
        before_call(here, at, comes, after=after)
        answer = replay({"sku": "mug", "by": "ana"}, Context())
    assert not answer["parked"], "it ended where a change came between"
    if left[0]:
        assert deliver(shop, mugs(body)) == []
    release(shop)

    assert (stock(shop), parked(shop)) == ((5, 0, False), [])


@pytest.mark.e2e
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2])
def test_a_release_at_any_moment_of_a_change_that_comes_loses_nothing(
    shop: Example, monkeypatch: pytest.MonkeyPatch, at: int, after: bool
) -> None:
    held_up(shop)
    body, app = change(5, "SOLD", 7), shop.environment()
    replay = shop.environment("release").handler
    with monkeypatch.context() as here:
        before_call(here, at, lambda: replay({"sku": "mug", "by": "ana"}, Context()), after=after)
        left = failed(app.handler(mugs(body), Context()))
    if left:
        assert deliver(shop, mugs(body)) == []
    release(shop)

    assert (stock(shop), parked(shop)) == ((5, 0, False), [])


@pytest.mark.e2e
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2])
def test_the_second_change_of_a_new_group_at_any_moment_of_its_first_leaves_both(
    shop: Example, monkeypatch: pytest.MonkeyPatch, at: int, after: bool
) -> None:
    first, second = mugs(change(1, "RECEIVED", 3)), mugs(change(2, "SOLD", 1))
    app, other = shop.environment(), shop.environment()
    with monkeypatch.context() as here:
        before_call(here, at, lambda: other.handler(second, Context()), after=after)
        left = failed(app.handler(first, Context()))
    if left:
        assert deliver(shop, first) == []
    release(shop)

    assert (stock(shop), parked(shop)) == ((2, 2, False), [])


@pytest.mark.e2e
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, CALLS_OF_A_RELEASE + 1))
def test_a_release_that_dies_at_any_point_is_made_good_by_the_next(
    shop: Example, monkeypatch: pytest.MonkeyPatch, at: int, after: bool
) -> None:
    held_up(shop)
    replay = shop.environment("release").handler
    with monkeypatch.context() as here:
        before_call(here, at, die, after=after)
        with pytest.raises(Died):
            replay({"sku": "mug", "by": "ana"}, Context())

    assert release(shop)["pieces"] == 7
    assert (stock(shop), parked(shop)) == ((4, 7, False), [])


@pytest.mark.e2e
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 9))
def test_a_death_at_any_point_of_a_batch_that_parks_leaves_what_no_death_leaves(
    shop: Example, monkeypatch: pytest.MonkeyPatch, at: int, after: bool
) -> None:
    app = shop.environment()
    with monkeypatch.context() as here:
        before_call(here, at, die, after=after)
        with pytest.raises(Died):
            app.handler(mugs(*HELD_UP), Context())

    assert deliver(shop, mugs(*HELD_UP)) == []
    assert (stock(shop), parked(shop)) == ((1, 3, True), [2, 3, 4])


@pytest.mark.e2e
@pytest.mark.parametrize("at", range(1, CALLS_OF_A_RELEASE + 1))
def test_a_step_of_another_release_at_any_moment_ends_none(
    shop: Example, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    held_up(shop)
    replay, other = shop.environment("release").handler, shop.environment("release")

    def steps() -> None:
        now = other.stock.read("mug")
        if now.parked:
            other.step(now)

    with monkeypatch.context() as here:
        before_call(here, at, steps)
        answer = replay({"sku": "mug", "by": "ana"}, Context())

    assert answer == {"sku": "mug", "applied": 4, "pieces": 7, "parked": False, "why": ""}
    assert parked(shop) == []


def test_two_releases_at_once_apply_each_change_once(shop: Example) -> None:
    held_up(shop)
    environments = [shop.environment("release") for _ in range(4)]
    start = threading.Barrier(len(environments))

    def at_once(module: ModuleType) -> Any:
        start.wait()
        return module.handler({"sku": "mug", "by": "ana"}, Context())

    with ThreadPoolExecutor(len(environments)) as pool:
        answers = list(pool.map(at_once, environments))

    assert {answer["applied"] for answer in answers} == {4}
    assert (stock(shop), parked(shop)) == ((4, 7, False), [])


def test_a_release_that_runs_out_of_time_says_so_and_goes_on_when_it_is_asked_again(shop: Example) -> None:
    held_up(shop)

    assert release(shop, remaining=20_000) == {"sku": "mug", "applied": 1, "pieces": 3, "parked": True, "why": ""}
    assert parked(shop) == [2, 3, 4]
    assert release(shop)["applied"] == 4


def test_a_release_of_what_is_not_parked_changes_nothing(shop: Example) -> None:
    assert release(shop, "pot") == {"sku": "pot", "applied": 0, "pieces": 0, "parked": False, "why": ""}
    assert items(shop, "Stock") == []

    deliver(shop, mugs(HELD_UP[0]))
    before = items(shop, "Stock")
    assert release(shop)["applied"] == 1
    assert items(shop, "Stock") == before


@pytest.mark.parametrize("body", [*POISON.values(), "null", "[]", change(0, "SOLD", 1), change(2, "SOLD", -1)])
def test_what_nobody_can_read_is_in_the_dlq_at_once_under_its_group_and_id(shop: Example, body: str) -> None:
    batch = correlated(mugs(HELD_UP[0], body, change(2, "SOLD", 1)), "c-0", "c-1")

    assert deliver(shop, batch) == []

    (dead,) = dead_letters(shop)
    assert (dead["Body"], dead["Attributes"]["MessageGroupId"]) == (body, "mug")
    assert dead["MessageAttributes"]["correlation_id"]["StringValue"] == "c-1"
    assert stock(shop) == (2, 2, False)


def test_the_largest_message_is_set_aside_as_it_came_since_nothing_more_fits(
    shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, send = shop.environment(), mock.Mock()
    monkeypatch.setattr(app.sqs, "send_message", send)

    assert failed(app.handler(mugs("x" * 1_048_576), Context())) == []
    assert len(send.call_args.kwargs["MessageBody"]) == 1_048_576
    assert send.call_args.kwargs["MessageAttributes"] == {}


@pytest.mark.parametrize("after", [False, True])
def test_a_death_while_setting_aside_leaves_one_dead_letter(
    shop: Example, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    app = shop.environment()
    with monkeypatch.context() as here:
        before_call(here, 1, die, after=after)
        with pytest.raises(Died):
            app.handler(mugs("sold!"), Context())

    assert deliver(shop, mugs("sold!")) == []
    assert [each["Body"] for each in dead_letters(shop)] == ["sold!"]


def test_a_dlq_that_refuses_holds_the_message_and_its_group(shop: Example, aws: LocalAws) -> None:
    aws.fault(service="sqs", operation="SendMessage", error={"code": "InternalError", "status": 500}, times=3)

    assert deliver(shop, fifo_event(("mug", "sold!"), ("mug", HELD_UP[0]), BATCH[1])) == ["m-0", "m-1"]
    assert stock(shop, "cup") == (1, 1, False)


def test_an_outage_is_told_while_it_is_being_outlasted(
    shop: Example, template: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    app = shop.environment()
    for receives in (1, 4, 5, 121):
        app.handler(fifo_event(("mug", HELD_UP[0]), receives=receives), Context())

    alarm, queue = template["Delayed"]["Properties"], template["Changes"]["Properties"]
    assert len(told(capsys, alarm["MetricName"])) == 2
    assert (app.LATE - 1) * queue["VisibilityTimeout"] <= 600
    assert alarm["Period"] > queue["VisibilityTimeout"]


def test_the_queue_outlasts_four_hours_and_keeps_what_waits_longer(template: dict[str, Any]) -> None:
    queue, function = template["Changes"]["Properties"], template["ApplyChanges"]["Properties"]

    pauses = queue["RedrivePolicy"]["maxReceiveCount"] - 1
    assert pauses * queue["VisibilityTimeout"] >= 4 * 3600
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert queue["MessageRetentionPeriod"] == template["ChangesDlq"]["Properties"]["MessageRetentionPeriod"] == 1209600


def test_the_queue_has_high_throughput_and_the_mapping_several_groups_at_a_time(template: dict[str, Any]) -> None:
    queue = template["Changes"]["Properties"]
    mapping = template["ApplyChanges"]["Properties"]["Events"]["Changes"]["Properties"]

    assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")
    assert template["ChangesDlq"]["Properties"]["FifoQueue"]
    assert 2 <= mapping["ScalingConfig"]["MaximumConcurrency"] <= 100
    assert mapping["BatchSize"] == 10


@pytest.mark.parametrize("table", ["Stock", "Parked"])
def test_nothing_in_the_tables_expires_or_goes_with_the_stack(template: dict[str, Any], table: str) -> None:
    kept = template[table]

    assert "TimeToLiveSpecification" not in kept["Properties"]
    assert kept["DeletionPolicy"] == kept["UpdateReplacePolicy"] == "Retain"
    assert kept["Properties"]["DeletionProtectionEnabled"]
    assert kept["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]


def test_who_applies_cannot_forget_what_is_parked_and_who_releases_cannot_send(template: dict[str, Any]) -> None:
    allowed = {
        name: {
            action
            for statement in template[name]["Properties"]["Policies"][0]["Statement"]
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        }
        for name in ("ApplyChanges", "Release")
    }

    assert allowed["ApplyChanges"] == {"dynamodb:GetItem", "dynamodb:PutItem", "sqs:SendMessage"}
    assert allowed["Release"] == {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:DeleteItem"}


def test_alarms_tell_of_parked_groups_of_dead_letters_and_of_changes_that_wait(template: dict[str, Any]) -> None:
    alarms = [each["Properties"] for each in template.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    watched = {each["MetricName"]: each["Dimensions"][0]["Value"] for each in alarms}

    assert all(each["AlarmActions"] for each in alarms)
    assert watched == {
        "ChangeParked": "stock",
        "ChangeDelayed": "stock",
        "ApproximateNumberOfMessagesVisible": {"Fn::GetAtt": ["ChangesDlq", "QueueName"]},
        "ApproximateAgeOfOldestMessage": {"Fn::GetAtt": ["Changes", "QueueName"]},
    }
