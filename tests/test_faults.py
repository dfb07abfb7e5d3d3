"""Every function of every example under every fault: the world is afterwards as one undisturbed call leaves it.

The table:  uv run pytest tests/test_faults.py -v
"""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import async_task.scenario
import fan_out.scenario
import pytest
import queue_worker.scenario
import saga.scenario
import scheduled_job.scenario
import webhook.scenario

from run import patterns
from support import faults
from support.documents import ROOT
from support.faults import Reference, Stage, Subject
from support.handlers import Example, event, sqs_event
from support.templates import functions

ALARMS = {"AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:alerts"}
TRUST = {"Issuer": "https://id.test", "Audience": "shop"}
TEXTS = ["", "null", "[]", "{", "\x00", '"text"', "1", "{}", '{"id": {"$gt": ""}}', "[" * 5000]
NOTHING: list[Any] = [{}, {"id": None}, {"order_id": "x' OR 1=1"}]
NEW_YORK = ZoneInfo("America/New_York")
DUE = datetime(2090, 11, 27, 9, tzinfo=NEW_YORK)


def messages(_: Stage) -> list[Any]:
    return [sqs_event(text) for text in TEXTS]


def requests(stage: Stage) -> list[Any]:
    whole = stage.subject.event(stage)
    return [{**whole, "body": text, "isBase64Encoded": False} for text in TEXTS]


def sample(stage: Stage) -> Any:
    return event(stage.shop.folder)


def fields_broken(stage: Stage) -> list[Any]:
    """The genuine event without each of its fields, and with something else in it."""
    whole = stage.subject.event(stage)
    wrong: list[Any] = [None, [], {"$ne": 1}]
    others = [{**whole, key: other} for key in whole for other in wrong]
    return [{k: v for k, v in whole.items() if k != key} for key in whole] + others


# What comes before, and events that depend on it.


def api_request(path: str, body: Any) -> dict[str, Any]:
    whole: dict[str, Any] = event(ROOT / "examples" / "rest_api")
    context = {**whole["requestContext"], "http": {"method": "POST", "path": path, "sourceIp": "192.0.2.1"}}
    return {**whole, "rawPath": path, "requestContext": context, "body": json.dumps(body)}


def submit(stage: Stage) -> str:
    answer = stage.function("api.handler")(api_request("/jobs", {"month": "2026-02"}))
    return str(json.loads(answer["body"])["job_id"])


def task(stage: Stage) -> dict[str, Any]:
    return sqs_event(json.dumps({"job_id": submit(stage), "month": "2026-02"}))


def of_the_partner(what: str) -> Callable[[Stage], dict[str, str]]:
    return lambda stage: {"PARTNER_URL": f"{stage.outside.url}/{what}"}


def fill(stage: Stage) -> None:
    item = {"sku": {"S": "mug"}, "available": {"N": "10"}}
    stage.shop.aws.client("dynamodb").put_item(TableName=stage.shop.stack.resources["Stock"], Item=item)


def no_order(_: Stage) -> list[Any]:
    """The first step refuses every malformed order, so that the others meet only what is none at all."""
    return [{}, {"id": "o-1"}, [], None]


def after(handler: str) -> Callable[[Stage], None]:
    def before(stage: Stage) -> None:
        fill(stage)
        stage.function(handler)(sample(stage))

    return before


def grant(stage: Stage) -> None:
    stage.function("command.handler")(sample(stage))


def stream_of(*cards: Any) -> dict[str, Any]:
    return {"Records": [{"dynamodb": {"Keys": {"card": {"S": card}}, "SequenceNumber": "1"}} for card in cards]}


def kinesis(stage: Stage) -> list[Any]:
    (record,) = sample(stage)["Records"]
    coded = [base64.b64encode(text.encode()).decode() for text in TEXTS]
    return [{"Records": [{**record, "kinesis": {**record["kinesis"], "data": data}}]} for data in coded]


def placed(_: Stage) -> dict[str, Any]:
    return {"orders": [{"order_id": f"o-{n}", "country": "US", "total": 2000} for n in range(12)]}


def published(_: Stage) -> dict[str, Any]:
    return {"events": [fan_out.scenario.placed(f"e-{n}", 60_000) for n in range(12)]}


def records(table: str) -> Callable[[Stage], dict[str, str]]:
    return lambda stage: {"RECORDS_TABLE": stage.shop.stack.resources[table]}


def keep_key(stage: Stage) -> None:
    secret = stage.shop.stack.resources["SigningSecret"]
    stage.shop.aws.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=webhook.scenario.OLD)


def signed(_: Stage) -> dict[str, Any]:
    body = webhook.scenario.change("e-1", "p-1", 1)
    headers = {"content-type": "application/json", "x-signature": webhook.scenario.sign(body, webhook.scenario.OLD)}
    sent = {"version": "2.0", "routeKey": "POST /webhooks/payments", "requestContext": {"stage": "$default"}}
    return {**sent, "headers": headers, "isBase64Encoded": True, "body": base64.b64encode(body).decode()}


def kept(_: Stage) -> dict[str, Any]:
    return sqs_event(json.dumps({"body": webhook.scenario.change("e-1", "p-1", 1).decode()}))


def target(_: Stage) -> dict[str, str]:
    made_up = {"RoleArn": "arn:aws:iam::123456789012:role/R", "Arn": "arn:aws:lambda:us-east-1:123456789012:function:F"}
    return {"TARGET": json.dumps(made_up)}


def planned(stage: Stage) -> Any:
    scheduler, group = stage.shop.aws.client("scheduler"), stage.shop.stack.resources["Reminders"]
    found = [
        scheduler.get_schedule(GroupName=group, Name=each["Name"])
        for each in scheduler.list_schedules(GroupName=group)["Schedules"]
    ]
    return [[each["Name"], each["ScheduleExpression"], each["Target"]] for each in found]


def notice(_: Stage) -> dict[str, str]:
    wanted = scheduled_job.scenario.reminder("r-1", f"{DUE:%Y-%m-%dT%H:%M:%S}", "America/New_York")
    return {"job": "notices", "id": "c-7.r-1", **wanted}


def no_notice(stage: Stage) -> list[Any]:
    whole = notice(stage)
    lacking = [{k: v for k, v in whole.items() if k != key} for key in ("job", "id", "at", "zone")]
    return [{}, *lacking, whole | {"job": "parties"}, whole | {"at": "soon"}, whole | {"zone": "Mars/Olympus"}]


def with_carrier(stub: Any) -> dict[str, str]:
    return {"CarrierUrl": stub.url, **ALARMS}


def with_sales(stub: Any) -> dict[str, str]:
    return {"SalesUrl": stub.url, **TRUST, **ALARMS}


def with_partners(stub: Any) -> dict[str, str]:
    return dict(stub.parameters)


def alarms(_: Any) -> dict[str, str]:
    return ALARMS


JOBS: Any = {"outside": async_task.scenario.Sales, "parameters": with_sales}
CARRIER: Any = {"outside": lambda: queue_worker.scenario.Carrier(0), "parameters": with_carrier}
VAN: Any = {"outside": scheduled_job.scenario.Carrier, "parameters": with_carrier}
PARTNERS: Any = {
    "outside": saga.scenario.Partners,
    "parameters": with_partners,
    "heard": lambda stub: stub.kept,
    "event": sample,
}
CHARGES, SHIPMENTS = of_the_partner("charges"), of_the_partner("shipments")
SHOP: Any = {"parameters": alarms}

SUBJECTS = [
    Subject(
        "async_task",
        "Submit",
        "api.handler",
        lambda _: api_request("/jobs", {"month": "2026-02"}),
        requests,
        repeats=True,
        **JOBS,
    ),
    Subject("async_task", "Work", "worker.handler", task, messages, **JOBS),
    Subject("async_task", "GiveUp", "give_up.handler", task, messages, **JOBS),
    Subject("event_router", "Publish", "publish.handler", placed, lambda _: NOTHING, repeats=True, **SHOP),
    Subject("event_router", "Ship", "ship.handler", sample, lambda _: NOTHING, **SHOP),
    Subject("event_store", "Command", "command.handler", sample, fields_broken, **SHOP),
    Subject(
        "event_store",
        "Project",
        "project.handler",
        lambda _: stream_of("gift-7"),
        lambda _: [stream_of(None), stream_of({"S": "x"}), {"Records": [{}]}],
        before=grant,
        **SHOP,
    ),
    Subject("fan_out", "Publish", "publish.handler", published, lambda _: NOTHING, repeats=True, **SHOP),
    Subject("fan_out", "Ship", "app.shipping", sample, messages, variables=records("Shipments"), **SHOP),
    Subject("fan_out", "Invoice", "app.invoicing", sample, messages, variables=records("Invoices"), **SHOP),
    Subject("fan_out", "Count", "app.analytics", sample, messages, variables=records("Revenue"), **SHOP),
    Subject(
        "queue_worker", "ShipOrders", "app.handler", sample, messages, heard=lambda stub: stub.shipments, **CARRIER
    ),
    Subject(
        "rest_api",
        "Orders",
        "app.handler",
        sample,
        requests,
        parameters=lambda _: {**ALARMS, **TRUST, "Origin": "https://shop.test"},
    ),
    Subject("saga", "ReserveStock", "stock.reserve", malformed=fields_broken, before=fill, **PARTNERS),
    Subject("saga", "ReleaseStock", "stock.release", malformed=no_order, before=after("stock.reserve"), **PARTNERS),
    Subject("saga", "ChargeCard", "partner.charge", malformed=no_order, variables=CHARGES, **PARTNERS),
    Subject(
        "saga",
        "RefundCard",
        "partner.refund",
        malformed=no_order,
        before=after("partner.charge"),
        variables=CHARGES,
        **PARTNERS,
    ),
    Subject("saga", "BookShipment", "partner.book", malformed=no_order, variables=SHIPMENTS, **PARTNERS),
    Subject(
        "saga",
        "CancelShipment",
        "partner.cancel",
        malformed=no_order,
        before=after("partner.book"),
        variables=SHIPMENTS,
        **PARTNERS,
    ),
    Subject(
        "scheduled_job",
        "Fire",
        "fire.handler",
        notice,
        no_notice,
        heard=lambda stub: stub.accepted,
        clock=DUE.timestamp(),
        **VAN,
    ),
    Subject(
        "scheduled_job", "PlanReminders", "plan.handler", sample, fields_broken, variables=target, more=planned, **VAN
    ),
    Subject("stream_processor", "KeepPrices", "app.handler", sample, kinesis, **SHOP),
    Subject(
        "webhook", "Receive", "receive.handler", signed, requests, before=keep_key, repeats=True, patience=60, **SHOP
    ),
    Subject("webhook", "Work", "work.handler", kept, messages, **SHOP),
]


@pytest.fixture
def stages(example: Callable[..., Example], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Subject], Stage]]:
    """Makes fresh stages of a subject."""
    with ExitStack() as stubs:

        def made(subject: Subject) -> Stage:
            stub = stubs.enter_context(subject.outside())
            shop = example(subject.example, **subject.parameters(stub))
            stage = Stage(subject, shop, stub, monkeypatch.setenv)
            subject.before(stage)
            return stage

        yield made


REFERENCES: dict[str, Reference] = {}


def reference(subject: Subject, stages: Callable[[Subject], Stage]) -> Reference:
    if str(subject) not in REFERENCES:
        REFERENCES[str(subject)] = faults.undisturbed(lambda: stages(subject))
    return REFERENCES[str(subject)]


def test_every_function_is_a_subject() -> None:
    there = {(name, each) for name in patterns() for each in functions(ROOT / "examples" / name / "template.yaml")}

    assert {(subject.example, subject.name) for subject in SUBJECTS} == there
    assert len(there) == len(SUBJECTS)


@pytest.mark.e2e
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
@pytest.mark.parametrize("fault", [faults.twice, faults.at_once], ids=lambda fault: fault.__name__)
def test_a_repeat_changes_nothing(
    stages: Callable[[Subject], Stage], subject: Subject, fault: Callable[[Stage], None]
) -> None:
    wanted, stage = reference(subject, stages), stages(subject)

    fault(stage)

    assert wanted.missed(stage) == []


@pytest.mark.e2e
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_whatever_throttles_only_delays(stages: Callable[[Subject], Stage], subject: Subject) -> None:
    wanted = reference(subject, stages)
    asked = dict.fromkeys(each for each in wanted.calls if each[0])
    assert asked
    for service, operation in asked:
        stage = stages(subject)

        faults.throttled(stage, service, operation)

        assert wanted.missed(stage) == [], f"{service} {operation}"


@pytest.mark.e2e
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_a_death_after_any_call_is_made_good_by_the_next_attempt(
    stages: Callable[[Subject], Stage], subject: Subject
) -> None:
    wanted = reference(subject, stages)
    assert wanted.calls
    for after in wanted.deaths():
        stage = stages(subject)

        faults.dies(stage, after)

        assert wanted.missed(stage) == [], f"after call {after} of {wanted.calls}"


@pytest.mark.e2e
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_what_nobody_can_mean_is_refused_and_changes_nothing(
    stages: Callable[[Subject], Stage], subject: Subject
) -> None:
    stage = stages(subject)
    before = stage.world()

    assert faults.malformed(stage) == []
    assert stage.world() == before
