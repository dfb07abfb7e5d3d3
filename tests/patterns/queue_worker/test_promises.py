"""Each order is booked once; what nobody can book ends in the DLQ; nothing is lost on the way."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest
import time_machine
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyKeyError
from queue_worker.scenario import POISON, Carrier, order

from support.handlers import Context, Died, Example, event, failed, sqs_event
from trials.local_aws import LocalAws
from trials.template import read_template

ALARMS = "arn:aws:sns:us-east-1:123456789012:alerts"
THROTTLED = {"code": "ProvisionedThroughputExceededException"}


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    with Carrier(latency=0) as stub:
        yield stub


@pytest.fixture
def shop(example: Callable[..., Example], carrier: Carrier) -> Example:
    return example("queue_worker", CarrierUrl=carrier.url, AlarmTopicArn=ALARMS)


@pytest.fixture
def app(shop: Example) -> ModuleType:
    return shop.environment()


def in_seconds(seconds: float) -> time_machine.travel:
    """The functions' clock, moved on."""
    return time_machine.travel(time.time() + seconds)


def dies_after_the_call(app: ModuleType, monkeypatch: pytest.MonkeyPatch, call: int = 1) -> None:
    """The environment is lost once the carrier has answered the n-th call, before anything is recorded."""
    request, calls = app.carrier.request, iter(range(1, 100))

    def answer_then_die(*given: Any, **named: Any) -> Any:
        reply = request(*given, **named)
        if next(calls) == call:
            raise Died
        return reply

    monkeypatch.setattr(app.carrier, "request", answer_then_die)


def test_the_sample_event_is_shipped(app: ModuleType, shop: Example, carrier: Carrier, context: Context) -> None:
    assert failed(app.handler(event(shop.folder), context)) == []
    assert list(carrier.shipments) == ["o-1001"]


def test_the_same_message_twice_is_one_call_and_one_answer(app: ModuleType, carrier: Carrier, context: Context) -> None:
    app.once.register_lambda_context(context)
    first, second = (app.book(order=app.Order(order_id="o-1", address="1 Main St")) for _ in range(2))

    assert first == second == {"order_id": "o-1", "booked": {"shipment": "s-1"}}
    assert failed(app.handler(sqs_event(order("o-1")), context)) == []
    assert carrier.calls["o-1"] == 1


def test_a_duplicate_sent_by_the_producer_has_another_message_id_and_still_books_nothing(
    app: ModuleType, carrier: Carrier, context: Context
) -> None:
    assert failed(app.handler(sqs_event(order("o-1"), order("o-1"), order("o-1")), context)) == []
    assert carrier.calls["o-1"] == 1


def test_twice_at_once_is_one_call(shop: Example, carrier: Carrier) -> None:
    environments = [shop.environment() for _ in range(8)]
    start = threading.Barrier(len(environments))

    def deliver(app: ModuleType) -> list[str]:
        start.wait()
        return failed(app.handler(sqs_event(order("o-1")), Context()))

    with ThreadPoolExecutor(len(environments)) as pool:
        answers = list(pool.map(deliver, environments))

    assert carrier.calls["o-1"] == 1
    assert [] in answers  # the winner; the others report the message and find the result when it comes back
    assert failed(environments[0].handler(sqs_event(order("o-1")), Context())) == []
    assert carrier.calls["o-1"] == 1


@pytest.mark.parametrize(
    "body", [*POISON.values(), "", "null", "[]", '{"order_id": "", "address": "x"}'], ids=lambda body: repr(body[:20])
)
def test_one_bad_message_in_ten_is_the_only_one_reported(
    app: ModuleType, carrier: Carrier, context: Context, body: str
) -> None:
    good = [order(f"o-{n}") for n in range(9)]

    assert failed(app.handler(sqs_event(*good[:4], body, *good[4:]), context)) == ["m-4"]
    assert len(carrier.shipments) == 9


def received(aws: LocalAws, queue: str) -> list[dict[str, Any]]:
    found = aws.client("sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )
    return list(found.get("Messages", []))


def redrive(shop: Example) -> int:
    """After how many receives the queue sets a message aside."""
    queue = read_template(shop.folder / "template.yaml")["Resources"]["Orders"]["Properties"]
    return int(queue["RedrivePolicy"]["maxReceiveCount"])


def test_a_hopeless_message_is_in_the_dlq_after_its_receives_and_no_wait(
    app: ModuleType, shop: Example, aws: LocalAws, context: Context
) -> None:
    orders, dlq, body = shop.stack.resources["Orders"], shop.stack.resources["OrdersDlq"], POISON["not JSON"]
    aws.client("sqs").send_message(QueueUrl=orders, MessageBody=body)

    for receive in range(1, redrive(shop) + 1):
        (message,) = received(aws, orders)
        batch = sqs_event(body, receives=receive, handles=[message["ReceiptHandle"]])
        assert failed(app.handler(batch, context)) == ["m-0"]

    assert received(aws, orders) == []
    assert [message["Body"] for message in received(aws, dlq)] == [body]


def test_an_order_that_the_carrier_refuses_is_recorded_told_and_never_asked_again(
    app: ModuleType, shop: Example, aws: LocalAws, carrier: Carrier, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        assert failed(app.handler(sqs_event(order("refuse-1")), Context())) == []

    (item,) = aws.client("dynamodb").scan(TableName=shop.stack.resources["Shipments"])["Items"]
    (metric,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    alarm = read_template(shop.folder / "template.yaml")["Resources"]["Refusals"]["Properties"]
    assert "no such address" in item["data"]["S"]
    assert metric[alarm["MetricName"]] == [1.0]
    assert carrier.calls["refuse-1"] == 1


def test_a_death_between_a_refusal_and_its_record_loses_neither(
    shop: Example, aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed = shop.environment()
    dies_after_the_call(doomed, monkeypatch)
    with pytest.raises(Died):
        doomed.handler(sqs_event(order("refuse-1")), Context())

    with in_seconds(61):
        assert failed(shop.environment().handler(sqs_event(order("refuse-1")), Context())) == []

    (item,) = aws.client("dynamodb").scan(TableName=shop.stack.resources["Shipments"])["Items"]
    assert item["status"]["S"] == "COMPLETED"


def test_the_shortest_pauses_outlast_an_outage_of_four_hours_and_the_longest_end_before_retention(
    app: ModuleType, shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    between = range(1, redrive(shop))  # after the last receive nothing waits
    monkeypatch.setattr(app.random, "randint", lambda low, _: low)
    assert sum(map(app.pause, between)) == 14_460 >= 4 * 3600

    monkeypatch.setattr(app.random, "randint", lambda _, high: high)
    assert sum(map(app.pause, between)) < 345_600 / 2  # of four days, the default


def test_while_the_carrier_is_down_the_retries_come_later_and_later(
    app: ModuleType, carrier: Carrier, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[int] = []
    monkeypatch.setattr(app.random, "randint", lambda _, high: high)
    monkeypatch.setattr(
        app.sqs,
        "change_message_visibility",
        lambda VisibilityTimeout, **_: delays.append(VisibilityTimeout),  # noqa: N803
    )
    carrier.down = True

    for receive in (1, 2, 3, 4, 20):
        assert failed(app.handler(sqs_event(order("o-1"), receives=receive), context)) == ["m-0"]

    assert delays == [4, 8, 16, 32, 900]


def test_after_an_outage_everything_is_booked_once(app: ModuleType, carrier: Carrier, context: Context) -> None:
    batch = sqs_event(*(order(f"o-{n}") for n in range(10)))
    carrier.down = True
    assert len(failed(app.handler(batch, context))) == 10

    carrier.down = False

    assert failed(app.handler(batch, context)) == []
    assert failed(app.handler(batch, context)) == []
    assert len(carrier.shipments) == 10
    assert sum(carrier.calls.values()) == 20  # one refused by the outage and one accepted, for each


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 408, 409, 425, 429, 500, 503])
def test_an_answer_that_says_nothing_of_the_order_is_asked_for_again(
    app: ModuleType, carrier: Carrier, context: Context, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    delays: list[int] = []
    monkeypatch.setattr(app.random, "randint", lambda _, high: high)
    monkeypatch.setattr(
        app.sqs,
        "change_message_visibility",
        lambda VisibilityTimeout, **_: delays.append(VisibilityTimeout),  # noqa: N803
    )
    monkeypatch.setattr(carrier, "reply", lambda _: (status, {}))

    assert failed(app.handler(sqs_event(order("o-1")), context)) == ["m-0"]
    assert delays == [4]


def test_a_death_between_the_call_and_its_record_leaves_one_shipment(
    shop: Example, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed = shop.environment()
    dies_after_the_call(doomed, monkeypatch)
    with pytest.raises(Died):
        doomed.handler(sqs_event(order("o-1")), Context())

    heir = shop.environment()
    assert failed(heir.handler(sqs_event(order("o-1")), Context())) == ["m-0"]  # still marked as in progress
    with in_seconds(61):
        assert failed(heir.handler(sqs_event(order("o-1")), Context())) == []

    assert carrier.calls["o-1"] == 2  # honest: the call repeats, and only the carrier's own dedupe makes it once
    assert len(carrier.shipments) == 1


def test_a_duplicate_outlasts_whoever_holds_its_order_and_then_dies(
    shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its shortest pauses make it come back while the other lives, which is as long as a function may run."""
    doomed, app = shop.environment(), shop.environment()
    monkeypatch.setattr(app.random, "randint", lambda low, _: low)
    dies_after_the_call(doomed, monkeypatch)
    with pytest.raises(Died):
        doomed.handler(sqs_event(order("o-1")), Context())

    waited = receives = 0
    answer = ["not yet"]
    while answer and receives < redrive(shop):
        waited += app.pause(receives) if receives else 0
        receives += 1
        with in_seconds(waited):
            answer = failed(app.handler(sqs_event(order("o-1"), receives=receives), Context()))

    function = read_template(shop.folder / "template.yaml")["Resources"]["ShipOrders"]["Properties"]
    assert (answer, waited, receives) == ([], 62, 6)
    assert waited - app.pause(receives - 1) < function["Timeout"] < waited
    left = sum(map(app.pause, range(receives, redrive(shop))))  # for an outage that begins then
    assert left == 14_398 > 239 * function["Timeout"]


def test_a_timeout_half_way_repeats_nothing_that_was_done(
    shop: Example, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = sqs_event(*(order(f"o-{n}") for n in range(10)))
    doomed = shop.environment()
    dies_after_the_call(doomed, monkeypatch, call=5)
    with pytest.raises(Died):
        doomed.handler(batch, Context())

    with in_seconds(61):
        assert failed(shop.environment().handler(batch, Context())) == []

    assert len(carrier.shipments) == 10
    assert {order_id for order_id, calls in carrier.calls.items() if calls > 1} == {"o-4"}


def test_without_the_context_a_dead_attempt_would_block_its_retries_for_ever(
    shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed = shop.environment()
    monkeypatch.setattr(type(doomed.once), "register_lambda_context", lambda *_: None)
    dies_after_the_call(doomed, monkeypatch)
    with pytest.warns(UserWarning, match="lambda_context"), pytest.raises(Died):
        doomed.handler(sqs_event(order("o-1")), Context())

    with in_seconds(86_400), pytest.warns(UserWarning, match="lambda_context"):
        assert failed(shop.environment().handler(sqs_event(order("o-1")), Context())) == ["m-0"]


def test_a_table_that_throttles_before_the_call_only_delays(
    app: ModuleType, aws: LocalAws, carrier: Carrier, context: Context
) -> None:
    aws.fault(service="dynamodb", operation="PutItem", error=THROTTLED, times=3)  # as often as the SDK tries
    assert failed(app.handler(sqs_event(order("o-1")), context)) == ["m-0"]
    assert not carrier.calls

    assert failed(app.handler(sqs_event(order("o-1")), context)) == []
    assert carrier.calls["o-1"] == 1


def test_a_table_that_throttles_after_the_call_leaves_one_shipment(
    app: ModuleType, aws: LocalAws, carrier: Carrier, context: Context
) -> None:
    aws.fault(service="dynamodb", operation="UpdateItem", error=THROTTLED, times=3)
    assert failed(app.handler(sqs_event(order("o-1")), context)) == ["m-0"]

    with in_seconds(61):
        assert failed(app.handler(sqs_event(order("o-1")), context)) == []

    assert len(carrier.shipments) == 1


def test_a_queue_that_refuses_the_backoff_changes_nothing_else(
    app: ModuleType, aws: LocalAws, carrier: Carrier, context: Context
) -> None:
    aws.fault(service="sqs", operation="ChangeMessageVisibility", error={"code": "InternalError", "status": 500})
    carrier.down = True

    assert failed(app.handler(sqs_event(order("o-1")), context)) == ["m-0"]


def test_an_order_without_its_key_is_never_booked_unprotected(
    app: ModuleType, carrier: Carrier, context: Context
) -> None:
    app.once.register_lambda_context(context)
    nameless = app.Order.model_construct(address="1 Main St")

    with pytest.raises(IdempotencyKeyError):
        app.book(order=nameless)

    assert not carrier.calls


def test_the_table_forgets_an_order_after_its_last_possible_redrive(
    app: ModuleType, shop: Example, aws: LocalAws, context: Context
) -> None:
    resources = read_template(shop.folder / "template.yaml")["Resources"]
    app.handler(sqs_event(order("o-1")), context)

    name = resources["Shipments"]["Properties"]["TimeToLiveSpecification"]["AttributeName"]
    (item,) = aws.client("dynamodb").scan(TableName=shop.stack.resources["Shipments"])["Items"]
    queues = [resources[each]["Properties"] for each in ("Orders", "OrdersDlq")]
    kept = sum(queue.get("MessageRetentionPeriod", 345_600) for queue in queues)

    assert int(item[name]["N"]) - time.time() > kept


def test_an_alarm_tells_of_dead_letters_of_refusals_and_of_orders_that_wait(shop: Example) -> None:
    resources = read_template(shop.folder / "template.yaml")["Resources"]
    alarms = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    watched = {each["MetricName"]: each["Dimensions"][0]["Value"] for each in alarms}
    service = resources["ShipOrders"]["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]

    assert all(each["AlarmActions"] for each in alarms)
    assert watched == {
        "ApproximateNumberOfMessagesVisible": {"Fn::GetAtt": ["OrdersDlq", "QueueName"]},
        "OrderRefused": service,
        "OrderDelayed": service,
        "ApproximateAgeOfOldestMessage": {"Fn::GetAtt": ["Orders", "QueueName"]},
    }


def test_the_carrier_gets_no_more_calls_at_once_than_it_allows(shop: Example) -> None:
    function = read_template(shop.folder / "template.yaml")["Resources"]["ShipOrders"]["Properties"]

    assert function["Events"]["Orders"]["Properties"]["ScalingConfig"]["MaximumConcurrency"] <= 5


def test_an_outage_is_told_while_it_is_being_outlasted(
    app: ModuleType, carrier: Carrier, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app.sqs, "change_message_visibility", lambda **_: None)
    monkeypatch.setattr(app.random, "randint", lambda _, high: high)
    carrier.down = True

    for receives in (1, 7, 8, 9, 39):
        app.handler(sqs_event(order("o-1"), "poison", receives=receives), Context())

    told = [line for line in capsys.readouterr().out.splitlines() if "OrderDelayed" in line]
    assert len(told) == 3  # of the order only: poison is told of by the DLQ
    assert sum(map(app.pause, range(1, app.LATE))) < 600
