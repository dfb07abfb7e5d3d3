"""One correlation id from the first hop of each example to its last: in every line, and on all that is sent on."""

import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

import async_task.scenario
import durable_workflow.scenario
import file_pipeline.scenario
import kept_events.scenario
import ordered_consumer.scenario
import payment_worker.scenario
import pytest
import queue_worker.scenario
import saga.scenario
import scheduled_job.scenario
import time_machine
import webhook.scenario
from fan_out.scenario import placed

from patterns.event_store.faults import stream_of
from patterns.file_pipeline.faults import ROW, imports, machine
from patterns.kept_events.faults import kept
from patterns.ordered_consumer.faults import fifo_event
from patterns.saga.faults import MACHINE
from patterns.shop.faults import MOVED, ORDER, PARAMETERS, Beside, charged, heard, shipment
from support.durable import Execution
from support.environments import LANGUAGES
from support.handlers import Context, Example, correlated, event, sqs_event
from support.subjects import ALARMS, TRUST, api_request
from trials.examples import in_typescript, patterns

ID = "c-1"
ROLE = "arn:aws:iam::123456789012:role/R"


@dataclass
class Play:
    """An example's hops, one call after the other. `messages` are the lines that they log, `carried` what they send."""

    example: Callable[..., Example]
    set_variable: Callable[[str, str], None]
    id: str = ID
    messages: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()

    def taken(self, shop: Example, queue: str) -> dict[str, Any]:
        """The first message of a queue as its mapping delivers it, with the correlation id that it carries."""
        url = shop.stack.resources[queue]
        (found,) = shop.aws.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
        carried = found["MessageAttributes"]["correlation_id"]["StringValue"]
        self.carried += (carried,)
        return correlated(sqs_event(found["Body"]), carried)


def play_async_task(play: Play) -> None:
    with async_task.scenario.Sales() as sales:
        shop = play.example("async_task", SalesUrl=sales.url, **ALARMS, **TRUST)
        asked = api_request("/jobs", {"month": "2026-02"})
        shop.environment("api").handler(asked, Context())
        message = play.taken(shop, "Tasks")
        shop.environment("worker").handler(message, Context())
        shop.environment("give_up").handler(message, Context())
    play.id = asked["requestContext"]["requestId"]
    play.messages = ("queueing", "taken", "taken")


def play_durable_workflow(play: Play) -> None:
    """The loan's id is the execution's name and in its payload, which each invocation is given."""
    with durable_workflow.scenario.Partners(0) as partners:
        shop = play.example("durable_workflow", PartnersUrl=partners.url, **ALARMS)
        for name, seconds in (("APPROVAL_SECONDS", "60"), ("WITHDRAWAL_SECONDS", "60")):
            play.set_variable(name, seconds)
        play.set_variable("WORKFLOW", "arn:aws:lambda:us-east-1:123456789012:function:Workflow:live")
        start: Any = shop.environment("start")
        start.functions = mock.Mock()
        asked = event(shop.folder)
        start.handler(asked, Context())
        begun = start.functions.invoke.call_args.kwargs
        execution = Execution(shop.environment("workflow").handler, begun["Payload"])
        execution.invoke()
        message = play.taken(shop, "Approvals")
        decide: Any = shop.environment("decide")
        decide.functions = mock.Mock()
        decision = {"approved": True, **json.loads(message["Records"][0]["body"])}
        decide.handler(decision, Context())
        sent = decide.functions.send_durable_execution_callback_success.call_args.kwargs
        execution.answer(sent["CallbackId"], sent["Result"])
        execution.handler = shop.environment("workflow").handler
        execution.play()
    play.id = asked["loan_id"]
    play.carried += (begun["DurableExecutionName"], json.loads(begun["Payload"])["loan_id"])
    play.messages = ("starting", "scoring", "deciding", "paying")


def play_event_router(play: Play) -> None:
    """The order is large, so that a rule brings its event to a queue, where it can be read."""
    shop = play.example("event_router", **ALARMS)
    order = {"order_id": "o-1", "total": 2000, "country": "US"}
    shop.environment("publish").handler({"orders": [order], "correlation_id": ID}, Context())
    url = shop.stack.resources["Reviews"]
    (found,) = shop.aws.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    detail = json.loads(found["Body"])["detail"]
    shop.environment("ship").handler({"id": "envelope", "detail": detail}, Context())
    play.carried = (detail["metadata"]["correlation_id"],)
    play.messages = ("publishing", "taken")


def play_event_store(play: Play) -> None:
    shop = play.example("event_store", **ALARMS)
    shop.environment("command").handler(event(shop.folder) | {"correlation_id": ID}, Context())
    items = shop.aws.client("dynamodb").scan(TableName=shop.stack.resources["Log"])["Items"]
    (appended,) = [each for each in items if each["place"]["S"].startswith("event#")]
    heard = stream_of(appended["card"]["S"])
    heard["Records"][0]["dynamodb"]["NewImage"] = appended
    shop.environment("project").handler(heard, Context())
    play.carried = (appended["correlation_id"]["S"],)
    play.messages = ("taken", "taken")


def play_fan_out(play: Play) -> None:
    shop = play.example("fan_out", **ALARMS)
    shop.environment("publish").handler({"events": [placed("e-1", 60_000)], "correlation_id": ID}, Context())
    subscribers = {"ToShip": "shipping", "ToInvoice": "invoicing", "ToCount": "analytics"}
    for (queue, subscriber), table in zip(subscribers.items(), ("Shipments", "Invoices", "Revenue"), strict=True):
        play.set_variable("RECORDS_TABLE", shop.stack.resources[table])
        getattr(shop.environment(), subscriber)(play.taken(shop, queue), Context())
    play.messages = ("publishing", "taken", "taken", "taken")


def play_file_pipeline(play: Play) -> None:
    """The event's id is in the input of the execution, which the definition gives to each row."""
    play.set_variable("POWERTOOLS_LOG_LEVEL", "DEBUG")  # at INFO nothing is logged of a row that is kept
    shop = play.example("file_pipeline", **ALARMS)
    play.set_variable("STATE_MACHINE", machine(shop))
    told = event(shop.folder)
    place = {"Bucket": shop.stack.resources["Incoming"], "Key": told["detail"]["object"]["key"]}
    shop.aws.client("s3").put_object(**place, Body=file_pipeline.scenario.price_list("mug,990,EUR"))
    shop.environment("check").handler(told, Context())
    (given,) = imports(shop)
    shop.environment("price").handler({**given, "row": ROW}, Context())
    shop.environment("price").handler({**given, "row": {**ROW, "cents": "free"}}, Context())
    play.id = told["id"]
    play.carried = (given["correlation_id"],)
    play.messages = ("taken", "taken", "taken", "refused")


def play_kept_events(play: Play) -> None:
    """Published, read from the bus, and delivered; then once more with an event missing before it."""
    shop = play.example("kept_events", **ALARMS)
    placed, _, paid = kept_events.scenario.history("o-1", 10, 20, 30)
    shop.environment("publish").handler({"events": [placed, paid], "correlation_id": ID}, Context())
    ((_, first), (_, last)) = kept(shop)[0]["events"]
    track, told = shop.environment("track"), event(shop.folder)
    for detail in (first, last):
        told["Data"]["detail"] = detail
        track.handler(told, Context())
        play.carried += (detail["metadata"]["correlation_id"],)
    play.messages = ("publishing", "taken", "taken", "missing")


def play_ordered_consumer(play: Play) -> None:
    shop = play.example("ordered_consumer", **ALARMS)
    change = ordered_consumer.scenario.change
    impossible, mended = change(1, "SOLD", 4), change(1, "RECEIVED", 4)
    given = correlated(fifo_event(("mug", impossible), ("mug", "sold!"), ("mug", mended)), ID, ID, ID)
    shop.environment().handler(given, Context())
    (waits,) = shop.aws.client("dynamodb").scan(TableName=shop.stack.resources["Parked"])["Items"]
    shop.environment("release").handler({"sku": "mug", "by": "ana"}, Context())
    play.taken(shop, "ChangesDlq")
    play.carried += (waits["correlation_id"]["S"],)
    play.messages = ("taken", "parked", "taken", "set aside", "taken", "parked", "replayed")


def play_payment_worker(play: Play) -> None:
    with payment_worker.scenario.Provider(latency=0) as provider:
        shop = play.example("payment_worker", ProviderUrl=provider.url, **ALARMS)
        app = shop.environment()
        app.handler(correlated(sqs_event(payment_worker.scenario.payment("limbo-1")), ID), Context())
        retry = payment_worker.scenario.verdict("limbo-1", "RETRY", "no charge")
        shop.environment("resolve").handler(retry, Context())
        shop.environment().handler(play.taken(shop, "Payments"), Context())
    play.messages = ("taken", "outcome unknown", "resolved", "taken")


def play_queue_worker(play: Play) -> None:
    with queue_worker.scenario.Carrier(latency=0) as carrier:
        shop = play.example("queue_worker", CarrierUrl=carrier.url, **ALARMS)
        orders = sqs_event(queue_worker.scenario.order("o-1"), "no order")
        with suppress(Exception):  # the visibility of a message that no queue has
            shop.environment().handler(correlated(orders, ID, ID), Context())
    play.messages = ("taken", "taken", "not shipped")


def play_rest_api(play: Play) -> None:
    shop = play.example("rest_api", Origin="https://shop.test", **ALARMS, **TRUST)
    asked = event(shop.folder)
    shop.environment().handler(asked, Context())
    (kept,) = shop.aws.client("dynamodb").scan(TableName=shop.stack.resources["Table"])["Items"]
    play.id = asked["requestContext"]["requestId"]
    play.carried = (kept["correlation_id"]["S"],)
    play.messages = ("placed",)


def play_saga(play: Play) -> None:
    """The order's id is the execution's name, which the definition gives to each step."""
    with saga.scenario.Partners() as partners:
        shop = play.example("saga", **partners.parameters)
        item = {"sku": {"S": "mug"}, "available": {"N": "10"}}
        shop.aws.client("dynamodb").put_item(TableName=shop.stack.resources["Stock"], Item=item)
        states, order = shop.aws.client("stepfunctions"), event(shop.folder)
        machine = states.create_state_machine(
            name=f"correlated-{shop.stack.name}", definition=json.dumps(MACHINE), roleArn=ROLE
        )
        play.set_variable("STATE_MACHINE", machine["stateMachineArn"])
        shop.environment("start").handler(order, Context())
        (begun,) = states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        play.carried = (begun["name"],)
        stock = shop.environment("stock")
        stock.reserve(order, Context())
        play.set_variable("PARTNER_URL", f"{partners.url}/charges")
        partner = shop.environment("partner")
        partner.charge(order, Context())
        partner.book(order, Context())
        partner.refund(order | {"charge_id": ""}, Context())
        stock.release(order, Context())
    play.id = order["order_id"]
    play.messages = ("starting", "reserving", "charging", "booking", "refunding", "releasing")


def play_scheduled_job(play: Play) -> None:
    with scheduled_job.scenario.Carrier() as carrier:
        shop = play.example("scheduled_job", CarrierUrl=carrier.url, **ALARMS)
        play.set_variable("TARGET", json.dumps({"RoleArn": ROLE, "Arn": ROLE.replace("role/R", "function:F")}))
        plan, asked = shop.environment("plan"), event(shop.folder)
        plan.handler(asked, Context())
        names = {"GroupName": shop.stack.resources["Reminders"], "Name": schedule_name(asked["reminder"])}
        given = json.loads(shop.aws.client("scheduler").get_schedule(**names)["Target"]["Input"])
        with time_machine.travel("2090-11-27T14:00:30Z"):
            shop.environment("fire").handler(given, Context())
    play.id = names["Name"]
    play.carried = (given["id"],)
    play.messages = ("plan", "taken")


def schedule_name(reminder: dict[str, str]) -> str:
    return f"{reminder['customer_id']}.{reminder['reminder_id']}"


def play_shop(play: Play) -> None:
    """The order's id of the request goes with each command, and with what the bus hears."""
    shop = play.example("shop", **PARAMETERS)
    beside = Beside(shop.aws, shop.stack)
    for name, value in beside.variables.items():
        play.set_variable(name, value)
    follow = shop.environment("follow")
    for item in (ORDER, charged(), shipment(refused="no such address")):
        follow.handler(heard(item), Context())
    play.carried = tuple(each["correlation_id"] for each in beside.commands())
    assert len(play.carried) == 3
    shop.environment("announce").handler(heard(MOVED), Context())
    url = shop.stack.resources["Mails"]
    (told,) = shop.aws.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    shop.environment("mail").handler(sqs_event(told["Body"]), Context())
    play.messages = ("moved", "moved", "moved", "announcing", "taken")


def play_stream_processor(play: Play) -> None:
    play.set_variable("POWERTOOLS_LOG_LEVEL", "DEBUG")  # at INFO nothing is logged of a record that is kept
    shop = play.example("stream_processor", **ALARMS)
    (record,) = event(shop.folder)["Records"]
    change = json.dumps({"sku": "mug", "cents": 990, "version": 3, "correlation_id": ID}).encode()
    record["kinesis"]["data"] = base64.b64encode(change).decode()
    app = shop.environment()
    app.handler({"Records": [record]}, Context())
    app.handler({"Records": [record]}, Context())
    play.messages = ("taken", "taken", "not newer")


def play_webhook(play: Play) -> None:
    shop = play.example("webhook", **ALARMS)
    secret = shop.stack.resources["SigningSecret"]
    shop.aws.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=webhook.scenario.OLD)
    asked = event(shop.folder)
    signature = webhook.scenario.sign(asked["body"].encode(), webhook.scenario.OLD, at=int(time.time()))
    asked["headers"]["x-signature"] = signature
    shop.environment("receive").handler(asked, Context())
    shop.environment("work").handler(play.taken(shop, "Webhooks"), Context())
    play.id = asked["requestContext"]["requestId"]
    play.messages = ("accepted", "taken")


PLAYS = {name.removeprefix("play_"): play for name, play in globals().items() if name.startswith("play_")}
FIRST_AND_LAST = {"queue_worker", "stream_processor"}  # of one hop, which sends nothing on


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[tuple[str, Any]]]:
    """What was logged, metrics left out: messages with their correlation ids."""

    def read() -> list[tuple[str, Any]]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
        return [(each["message"], each.get("correlation_id")) for each in lines if "_aws" not in each]

    return read


LOOKS_INSIDE = {"durable_workflow"}  # a play of modules in Python; test_correlation_in_typescript.py has one for it
BY_LANGUAGE = [
    *((name, "python") for name in patterns()),
    *((name, "typescript") for name in in_typescript() if name not in LOOKS_INSIDE),
]


@pytest.mark.e2e
@pytest.mark.parametrize(("name", "language"), BY_LANGUAGE)
def test_the_id_of_the_first_hop_stands_in_every_line_of_the_last(
    name: str,
    language: str,
    example: Callable[..., Example],
    monkeypatch: pytest.MonkeyPatch,
    logged: Callable[[], list[tuple[str, Any]]],
) -> None:
    play = Play(partial(example, language=language), monkeypatch.setenv)

    PLAYS[name](play)

    assert logged() == [(message, play.id) for message in play.messages]
    assert set(play.carried) == (set() if name in FIRST_AND_LAST else {play.id})


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_without_the_id_is_logged_under_its_own_and_not_under_its_neighbors(
    language: str, example: Callable[..., Example], logged: Callable[[], list[tuple[str, Any]]]
) -> None:
    with queue_worker.scenario.Carrier(latency=0) as carrier:
        shop = example("queue_worker", language, CarrierUrl=carrier.url, **ALARMS)
        orders = sqs_event(queue_worker.scenario.order("o-1"), queue_worker.scenario.order("o-2"))
        shop.environment().handler(correlated(orders, ID), Context())

    assert logged() == [("taken", ID), ("taken", "m-1")]
