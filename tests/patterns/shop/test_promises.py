"""Each order moves on once and in order, is mailed once, and stands still nowhere without somebody being told."""

import ast
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from shop.scenario import Carrier

from patterns.shop.faults import (
    ORDER,
    PARAMETERS,
    PARCEL,
    Beside,
    announced,
    asked,
    charged,
    heard,
    shipment,
)
from support.environments import IN_PYTHON, LANGUAGES, fails_as
from support.handlers import Context, Died, Example, failed, sqs_event
from support.moments import dying
from trials.examples import EXAMPLES
from trials.local_aws.outside import Asked, Outside
from trials.template import read_template

DONE: dict[str, Any] = {"batchItemFailures": []}
SHIPPED = shipment(booked={"parcel": "s-1"})
REFUSED = shipment(refused="no such address")
GIVEN_UP = shipment(given_up=True)


@dataclass
class Shop:
    """The example's functions, each in an environment of its own, with what other stacks bring."""

    example: Example
    beside: Beside

    def follow(self, *items: dict[str, Any]) -> Any:
        return self.example.environment("follow").handler(heard(*items), Context())

    def announce(self, *items: dict[str, Any]) -> Any:
        return self.example.environment("announce").handler(heard(*items), Context())

    def state(self, order_id: str = "o-1") -> str:
        item = self.order(order_id)
        return str(item["state"]["S"]) if item else ""

    def order(self, order_id: str = "o-1") -> dict[str, Any]:
        table, key = self.example.stack.resources["Progress"], {"order_id": {"S": order_id}}
        read = self.example.aws.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)
        return dict(read.get("Item", {}))

    def waiting(self, queue: str) -> list[Any]:
        url = self.example.stack.resources[queue]
        received = self.example.aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in received.get("Messages", [])]

    def mail(self, body: str, receives: int = 1) -> list[str]:
        answer = self.example.environment("mail").handler(sqs_event(body, receives=receives), Context())
        return failed(answer)

    def mail_state(self) -> str:
        (record,) = self.example.aws.client("dynamodb").scan(TableName=self.example.stack.resources["MailRecords"])[
            "Items"
        ]
        return str(record["state"]["S"])

    def commands(self, queue: str) -> list[dict[str, Any]]:
        return [each for each in self.beside.commands() if each.pop("queue") == queue]


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    with Carrier() as stub:
        yield stub


@pytest.fixture(params=LANGUAGES)
def shop(
    request: pytest.FixtureRequest, example: Callable[..., Example], carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    made = example("shop", request.param, **PARAMETERS)
    beside = Beside(made.aws, made.stack)
    for name, value in {**beside.variables, "CARRIER_URL": carrier.url}.items():
        monkeypatch.setenv(name, value)
    return Shop(made, beside)


@pytest.fixture
def template() -> dict[str, Any]:
    found: dict[str, Any] = read_template(EXAMPLES / "shop" / "template.yaml")["Resources"]
    return found


# ---- an order moves on


def test_a_placed_order_is_charged_at_the_price_of_then(shop: Shop) -> None:
    shop.follow(ORDER)
    prices = {
        "TableName": shop.example.stack.resources["Prices"],
        "Item": {"sku": {"S": "mug"}, "cents": {"N": "5000"}},
    }
    shop.example.aws.client("dynamodb").put_item(**prices)
    shop.follow(ORDER)

    wanted = {"payment_id": "o-1", "card": "tok_visa", "cents": 1800, "correlation_id": "c-1"}
    assert shop.commands("PAYMENTS_URL") == [wanted, wanted]


def test_a_paid_order_is_shipped_to_its_customer(shop: Shop) -> None:
    shop.follow(ORDER, charged())

    assert shop.state() == "PAID"
    assert shop.commands("SHIPPING_URL") == [{"order_id": "o-1", "address": "1 Main St", "correlation_id": "c-1"}]


@pytest.mark.parametrize("ended", [REFUSED, GIVEN_UP], ids=["refused", "given up"])
def test_what_cannot_be_shipped_is_refunded(shop: Shop, ended: dict[str, Any]) -> None:
    shop.follow(ORDER, charged(), ended)

    assert shop.state() == "UNSHIPPABLE"
    (refund,) = shop.commands("REFUNDS_URL")
    assert refund == {"payment_id": "refund-o-1", "card": "tok_visa", "cents": 1800, "correlation_id": "c-1"}
    shop.follow(charged("DONE", "refund-o-1"))
    assert shop.state() == "REFUNDED"


@pytest.mark.parametrize(
    ("life", "state"),
    [
        ([charged("REFUSED")], "DECLINED"),
        ([charged("UNKNOWN")], "IN_DOUBT"),
        ([charged("UNKNOWN"), charged("DONE")], "PAID"),
        ([charged("UNKNOWN"), charged("REFUSED")], "DECLINED"),
        ([charged(), SHIPPED], "SHIPPED"),
        ([charged(), REFUSED, charged("UNKNOWN", "refund-o-1")], "UNSHIPPABLE"),
        ([charged(), REFUSED, charged("REFUSED", "refund-o-1")], "UNREFUNDED"),
        ([charged(), REFUSED, charged("REFUSED", "refund-o-1"), charged("DONE", "refund-o-1")], "REFUNDED"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_order_comes_to_the_state_that_the_services_tell(shop: Shop, life: list[dict[str, Any]], state: str) -> None:
    assert shop.follow(ORDER, *life) == DONE
    assert shop.state() == state


LIVES = [
    [ORDER, charged("UNKNOWN"), charged(), SHIPPED],
    [ORDER, charged(), REFUSED, charged("REFUSED", "refund-o-1"), charged("DONE", "refund-o-1")],
]


@pytest.mark.parametrize("life", LIVES, ids=["shipped", "refunded"])
def test_no_record_that_comes_again_takes_an_order_back(shop: Shop, life: list[dict[str, Any]]) -> None:
    shop.follow(*life)
    state = shop.state()
    for again in itertools.chain(life, reversed(life)):
        assert shop.follow(again) == DONE
        assert shop.state() == state


def test_a_late_record_sends_no_command_of_a_state_that_is_past(shop: Shop) -> None:
    shop.follow(ORDER, charged(), REFUSED)
    before = shop.commands("SHIPPING_URL")
    shop.follow(ORDER, charged())

    assert shop.commands("SHIPPING_URL") == before
    assert len(before) == 1


def test_a_command_that_a_dead_attempt_did_not_send_is_sent_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.follow(ORDER)
    with dying(shop.example, monkeypatch, after=1), pytest.raises(Died):
        shop.follow(charged())
    assert (shop.state(), shop.commands("SHIPPING_URL")) == ("PAID", [])

    shop.follow(charged())
    assert len(shop.commands("SHIPPING_URL")) == 1


@pytest.mark.parametrize("missing", ["sku", "customer"])
def test_an_order_that_cannot_be_priced_is_rejected_and_somebody_told(
    shop: Shop, template: dict[str, Any], capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    shop.follow({**ORDER, missing: "unknown"})

    assert shop.state() == "REJECTED"
    assert shop.beside.commands() == []
    told(capsys, template["OrderNeedsHelp"])


def test_what_rejects_an_order_for_good_was_read_consistently(shop: Shop) -> None:
    """Or whoever has just signed up is rejected."""
    before = len(shop.example.aws.lookups())
    shop.follow(ORDER)

    read = [each["request"] for each in shop.example.aws.lookups()[before:] if each["operation"] == "GetItem"]
    tables = {shop.example.stack.resources[name] for name in ("Customers", "Prices")}
    assert {each["TableName"] for each in read if each.get("ConsistentRead")} == tables


def test_a_payment_is_no_refund_whatever_else_its_order_s_id_holds(shop: Shop) -> None:
    shop.follow({**ORDER, "order_id": "a-refund-1"}, charged(payment_id="a-refund-1"))

    assert shop.state("a-refund-1") == "PAID"


def test_a_refund_that_is_refused_is_told(
    shop: Shop, template: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shop.follow(ORDER, charged(), REFUSED, charged("REFUSED", "refund-o-1"))

    told(capsys, template["OrderNeedsHelp"])


def told(capsys: pytest.CaptureFixture[str], alarm: dict[str, Any]) -> None:
    """The metric that an alarm watches was counted once."""
    watched = alarm["Properties"]
    (dimension,) = watched["Dimensions"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    (counted,) = [line for line in lines if watched["MetricName"] in line]
    assert counted[watched["MetricName"]] in ([1.0], 1)
    assert counted[dimension["Name"]] == dimension["Value"]
    assert counted["_aws"]["CloudWatchMetrics"][0]["Namespace"] == watched["Namespace"]


def test_a_record_that_nobody_can_read_holds_up_none_and_is_kept(shop: Shop) -> None:
    foreign = charged(payment_id="o-of-another-shop")

    assert shop.follow(foreign, ORDER) == DONE
    assert shop.state() == "PLACED"
    (kept,) = shop.waiting("LeftBehind")
    assert kept["Records"][0]["dynamodb"]["NewImage"]["payment_id"]["S"] == "o-of-another-shop"


def test_what_fails_for_now_comes_again_with_all_behind_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIPPING_URL", f"{shop.beside.variables['SHIPPING_URL']}-gone")

    assert shop.follow(ORDER, charged(), SHIPPED) == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    with fails_as("QueueDoesNotExist"):
        shop.follow(charged())


# ---- the bus hears of it


class Bus(Outside):
    """Refuses the next entries by `codes`, and takes what comes after these."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.codes: list[str] = []

    def reply(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        self.entries += asked.body["Entries"]
        codes = [self.codes.pop(0) if self.codes else "" for _ in asked.body["Entries"]]
        return 200, {"Entries": [{"ErrorCode": code} if code else {"EventId": "e"} for code in codes]}


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    with Bus() as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", stub.url)
        yield stub


MOVED = {
    **ORDER,
    "state": "IN_DOUBT",
    "cents": 1850,
    "email": "ana@home.test",
    "card": "tok_visa",
    "address": "1 Main St",
}


def test_each_state_is_an_event_without_card_or_address(shop: Shop, bus: Bus) -> None:
    assert shop.announce(MOVED) == DONE

    (entry,) = bus.entries
    detail = json.loads(entry["Detail"])
    assert (entry["Source"], entry["DetailType"]) == ("shop.orders", "OrderInDoubt")
    assert detail["metadata"] == {"event_id": "in_doubt-o-1", "version": 1, "correlation_id": "c-1"}
    assert detail["data"] == {"order_id": "o-1", "sku": "mug", "email": "ana@home.test", "total": 18.5}


@pytest.mark.parametrize("code", ["InternalFailure", "ThrottlingException"])
def test_what_the_bus_may_take_later_comes_again(shop: Shop, bus: Bus, code: str) -> None:
    bus.codes = ["", code, ""]
    assert shop.announce(MOVED, MOVED, MOVED) == {"batchItemFailures": [{"itemIdentifier": "2"}]}

    bus.codes = [code, ""]
    with fails_as("NotAnnounced"):
        shop.announce(MOVED, MOVED)
    assert shop.waiting("LeftBehind") == []


def test_what_the_bus_will_never_take_holds_up_none_and_is_kept(shop: Shop, bus: Bus) -> None:
    bus.codes = ["NotAuthorizedForSourceException", ""]

    assert shop.announce(MOVED, {**MOVED, "state": "PAID"}) == DONE
    (kept,) = shop.waiting("LeftBehind")
    assert kept["Records"][0]["dynamodb"]["NewImage"]["state"]["S"] == "IN_DOUBT"


# ---- shipping gives up


def worker(shop: Shop, example: Callable[..., Example], monkeypatch: pytest.MonkeyPatch, carrier: Carrier) -> Any:
    """The handler of queue_worker, in the same language, on the same table."""
    language = "typescript" if shop.example.node else "python"
    made = example("queue_worker", language, CarrierUrl=carrier.url, AlarmTopicArn=PARAMETERS["AlarmTopicArn"])
    monkeypatch.setenv("SHIPMENTS_TABLE", shop.beside.shipments)
    return made.environment("app")


def test_whoever_is_first_decides_whether_an_order_is_booked_or_given_up(
    shop: Shop, example: Callable[..., Example], monkeypatch: pytest.MonkeyPatch, carrier: Carrier
) -> None:
    carrier.far_is_down = False
    give_up = shop.example.environment("give_up")
    app = worker(shop, example, monkeypatch, carrier)

    assert failed(give_up.handler(sqs_event(PARCEL), Context())) == []
    assert failed(app.handler(sqs_event(PARCEL), Context())) == []  # a late copy
    assert carrier.parcels == {}
    assert shop.beside.records() == [{"order_id": "o-1", "given_up": True}]

    other = PARCEL.replace("o-1", "o-2")
    assert failed(app.handler(sqs_event(other), Context())) == []
    assert failed(give_up.handler(sqs_event(other), Context())) == []  # a dead letter that was booked after all
    assert list(carrier.parcels) == ["o-2"]
    assert carrier.cancelled == {"o-1"}


def test_an_order_is_given_up_although_the_carrier_does_not_answer_and_its_message_stays(
    shop: Shop, carrier: Carrier
) -> None:
    give_up = shop.example.environment("give_up")
    carrier.far.add("o-1")  # an attempt booked it, and lost the answer
    carrier.parcels["o-1"] = "s-1"

    assert failed(give_up.handler(sqs_event(PARCEL), Context())) == ["m-0"]
    assert shop.beside.records() == [{"order_id": "o-1", "given_up": True}]
    carrier.far_is_down = False
    assert failed(give_up.handler(sqs_event(PARCEL), Context())) == []
    assert carrier.parcels == {}


def test_an_order_that_no_carrier_could_be_asked_about_is_given_up_too(shop: Shop, carrier: Carrier) -> None:
    """As one of a customer without an address, whom the charge goes back to all the same."""
    carrier.far_is_down = False
    give_up = shop.example.environment("give_up")

    assert failed(give_up.handler(sqs_event(json.dumps({"order_id": "o-1", "address": ""})), Context())) == []
    assert shop.beside.records() == [{"order_id": "o-1", "given_up": True}]
    assert failed(give_up.handler(sqs_event("{}"), Context())) == ["m-0"]


def test_a_dead_letter_is_told_although_whoever_reads_it_hides_it_from_the_alarm_of_its_queue(
    template: dict[str, Any],
) -> None:
    told = template["OrdersGivenUp"]["Properties"]

    assert template["GiveUp"]["Properties"]["Events"]["Unshipped"]["Properties"]["Queue"] == {"Ref": "ShippingDlqArn"}
    assert (told["Namespace"], told["MetricName"], told["Statistic"]) == ("AWS/Lambda", "Invocations", "Sum")
    assert told["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "GiveUp"}}]
    assert (told["Threshold"], told["ComparisonOperator"]) == (0, "GreaterThanThreshold")


# ---- mails


class Queue(Outside):
    """Where messages wait: how long they were told to, in seconds."""

    def __init__(self) -> None:
        self.waits: list[int] = []

    def reply(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        self.waits.append(asked.body["VisibilityTimeout"])
        return 200, {}


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    with Queue() as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", stub.url)
        yield stub


def test_a_mail_goes_out_once_however_often_its_event_comes(shop: Shop) -> None:
    assert [shop.mail(announced()) for _ in range(3)] == [[], [], []]
    assert shop.beside.sent() == 1


def test_a_mail_that_was_turned_away_is_sent_later(shop: Shop) -> None:
    error = {"code": "TooManyRequestsException", "status": 429}
    shop.example.aws.fault(service="sesv2", operation="SendEmail", error=error, times=1)

    assert shop.mail(announced()) == ["m-0"]
    assert shop.mail(announced(), receives=2) == []
    assert (shop.beside.sent(), shop.mail_state()) == (1, "SENT")


@pytest.mark.parametrize("fault", ["cut off", "500"])
def test_a_mail_that_may_be_on_its_way_is_not_sent_again_and_somebody_is_told(
    shop: Shop, template: dict[str, Any], capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    cut, error = {"response": {"abort_bytes": 0}}, {"error": {"code": "InternalServiceError", "status": 500}}
    shop.example.aws.fault(service="sesv2", operation="SendEmail", times=1, **(cut if fault == "cut off" else error))

    assert shop.mail(announced()) == []
    assert shop.mail_state() == "UNKNOWN"
    told(capsys, template["MailInDoubt"])
    assert shop.mail(announced()) == []
    assert shop.beside.sent() <= 1


def test_a_mail_whose_sender_died_is_in_doubt_once_it_must_be_dead(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, template: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with dying(shop.example, monkeypatch, after=1), pytest.raises(Died):  # with its claim
        shop.mail(announced())

    assert shop.mail(announced()) == ["m-0"]  # it may live
    visibility = template["Mails"]["Properties"]["VisibilityTimeout"]
    with time_machine.travel(time.time() + visibility):
        assert shop.mail(announced(), receives=2) == []
    assert (shop.mail_state(), shop.beside.sent()) == ("UNKNOWN", 0)
    told(capsys, template["MailInDoubt"])


def test_a_mail_that_ses_refuses_is_asked_for_once_and_told(
    shop: Shop, template: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shop.example.aws.fault(
        service="sesv2", operation="SendEmail", error={"code": "MessageRejected", "status": 400}, times=1
    )

    assert shop.mail(announced()) == []
    assert shop.mail_state() == "REFUSED"
    told(capsys, template["MailInDoubt"])
    assert shop.mail(announced()) == []
    assert shop.beside.sent() == 0


@pytest.mark.parametrize(
    "body", ["", "{}", announced(version=2), announced("OrderPainted"), announced(email=""), announced(event_id="a b")]
)
def test_what_is_no_event_to_mail_about_comes_to_the_dead_letters_at_once(shop: Shop, queue: Queue, body: str) -> None:
    assert shop.mail(body) == ["m-0"]
    assert queue.waits == [0]
    assert shop.beside.sent() == 0


@pytest.mark.e2e
def test_mails_outlast_an_outage_of_four_hours(shop: Shop, queue: Queue, template: dict[str, Any]) -> None:
    shop.example.aws.fault(service="sesv2", operation="SendEmail", error={"code": "SendingPausedException"}, times=50)

    most = template["Mails"]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    for receives in range(1, most):
        assert shop.mail(announced(), receives) == ["m-0"]
    assert sum(queue.waits) >= 4 * 3600


# ---- a customer asks


def shop_states() -> set[str]:
    """Each that the code in Python can bring an order to."""
    tree = ast.parse((EXAMPLES / "shop" / "progress.py").read_text())
    (after,) = [node.value for node in tree.body if isinstance(node, ast.Assign) and "COMES_AFTER" in ast.unparse(node)]
    return {"REJECTED", "PLACED", *ast.literal_eval(after)}


def test_a_customer_is_told_of_an_own_order_in_every_state(shop: Shop) -> None:
    shop.follow(ORDER)
    order = shop.order()
    for state in shop_states():
        item = {**order, "state": {"S": state}}
        shop.example.aws.client("dynamodb").put_item(TableName=shop.example.stack.resources["Progress"], Item=item)
        answer = shop.example.environment("status").handler(asked(), Context())
        told = json.loads(answer["body"])
        assert (answer["statusCode"], told["order_id"], told["state"]) == (200, "o-1", state)
        assert len(told["says"]) > 5


@pytest.mark.parametrize(("customer", "order_id"), [("ben", "o-1"), ("ana", "o-2")])
def test_nobody_is_told_of_another_s_order(shop: Shop, customer: str, order_id: str) -> None:
    shop.follow(ORDER)
    answer = shop.example.environment("status").handler(asked(customer, order_id), Context())

    assert answer["statusCode"] == 404
    assert "PLACED" not in answer["body"]


# ---- the templates


def test_every_stream_is_read_from_its_beginning_and_gives_up_into_a_queue(template: dict[str, Any]) -> None:
    events = {**template["Follow"]["Properties"]["Events"], **template["Announce"]["Properties"]["Events"]}

    assert events.keys() == {"Placed", "Charged", "Shipped", "Refunded", "Moved"}
    for each in events.values():
        mapping = each["Properties"]
        assert mapping["StartingPosition"] == "TRIM_HORIZON"
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BisectBatchOnFunctionError"] is True
        assert 4 * 3600 <= mapping["MaximumRecordAgeInSeconds"] < 24 * 3600
        assert "MaximumRetryAttempts" not in mapping  # an outage would use them up
        assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["LeftBehind", "Arn"]}
        assert mapping["BatchSize"] <= 10


@IN_PYTHON
def test_every_mail_has_a_subject_and_every_subject_a_rule(shop: Shop, template: dict[str, Any]) -> None:
    pattern = template["ToMail"]["Properties"]["EventPattern"]

    assert set(pattern["detail-type"]) == set(shop.example.environment("sender").SUBJECTS)
    assert pattern["detail"]["data"]["email"] == [{"exists": True}]


def test_the_whole_gives_the_shop_each_output_under_its_own_name() -> None:
    whole = read_template(EXAMPLES / "shop" / "whole.yaml")["Resources"]
    given = whole["Shop"]["Properties"]["Parameters"]
    of_others = {name: value["Fn::GetAtt"] for name, value in given.items() if "Fn::GetAtt" in value}

    assert len(of_others) > 10
    for name, value in of_others.items():
        _, _, output = str(".".join(value)).split(".")
        assert name.endswith(output.removeprefix("Orders").removeprefix("Payments").removeprefix("Ledger")), name
