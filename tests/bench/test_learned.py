"""What refusals teach of a sample: the words of each framework, and the sample that follows from them."""

import base64
import json
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import boto3
import jsonschema
import pydantic
import pytest
from botocore.exceptions import ParamValidationError
from pydantic import v1

from trials.deliveries.history import Delivery
from trials.faults.log_lines import beside, caught_in, said
from trials.faults.once import Try, mended
from trials.moment import LATER, NOW, TEXT, iso
from trials.project import Kind, Source
from trials.project.sources import Route
from trials.samples.derive import guess
from trials.samples.learned import lacks, meant, mends, raised
from trials.samples.made import made
from trials.samples.reads import EACH
from trials.samples.refused import EXTRA, MISSING, VALUE, Observation, Refusal, observations
from trials.samples.refused.dates import NO_ZONE, TO_COME
from trials.samples.refused.observation import VALUES
from trials.samples.sample import Sample
from trials.verdicts import Promise, broken, unproved
from trials.verdicts.judge import refused_sample

QUEUE = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
POST = Source(Kind.HTTP, "Work", "Work.Post", route=Route("POST", "/orders"))
GET = Source(Kind.HTTP, "Work", "Work.Get", route=Route("GET", "/orders"))
BUS = Source(Kind.BUS, "Work", "Work.Placed", pattern={"source": ["shop"]})
EMPTY: dict[str, Any] = {"Resources": {}}


class Line(pydantic.BaseModel):
    sku: str
    quantity: int = pydantic.Field(gt=4)


class Order(pydantic.BaseModel, extra="forbid"):
    order_id: str
    kind: Literal["express", "slow"]
    lines: list[Line]


class OldLine(v1.BaseModel):
    sku: int


class OldOrder(v1.BaseModel):
    order_id: str
    kind: Literal["express", "slow"]
    lines: list[OldLine]


@dataclass
class Payment:
    order_id: str
    cents: int


NUMBER = {"type": "integer"}
SCHEMA = {
    "type": "object",
    "required": ["order_id"],
    "properties": {
        "kind": {"enum": ["express", "slow"]},
        "lines": {"items": {"properties": {"n": {"type": "integer"}}}},
    },
}


def error(call: Any) -> str:
    """What Lambda tells of an exception, as this very library words it."""
    try:
        call()
    except Exception as raised_here:  # every kind
        return f"{type(raised_here).__name__}: {raised_here}"
    raise AssertionError("nothing was raised")


def seen(text: str, line: str = "") -> list[tuple[str, tuple[str, ...], Any]]:
    return [(each.kind, each.path, each.value) for each in observations(Refusal((text,), line))]


LINES = ("lines", EACH)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            error(lambda: Order.model_validate({"id": "trial-1", "kind": "trial", "lines": [{"quantity": 1}]})),
            [
                (MISSING, ("order_id",), None),
                (VALUE, ("kind",), "express"),
                (MISSING, (*LINES, "sku"), None),
                (VALUE, (*LINES, "quantity"), 5),
                (EXTRA, ("id",), None),
            ],
        ),
        (
            error(lambda: Order.model_validate({"order_id": 1, "kind": "slow", "lines": "trial"})),
            [(VALUE, ("order_id",), "trial-1"), (VALUE, ("lines",), [{}])],
        ),
        (
            error(lambda: OldOrder.parse_obj({"kind": "trial", "lines": [{"sku": "trial-1"}]})),
            [(MISSING, ("order_id",), None), (VALUE, ("kind",), "express"), (VALUE, (*LINES, "sku"), 1)],
        ),
        (error(lambda: Payment(id="trial-1")), [(EXTRA, ("id",), None)]),  # type: ignore[call-arg]
        (error(lambda: Payment()), [(MISSING, ("order_id",), None), (MISSING, ("cents",), None)]),  # type: ignore[call-arg]
        (error(lambda: jsonschema.validate({}, SCHEMA)), [(MISSING, ("order_id",), None)]),
        (
            error(lambda: jsonschema.validate({"order_id": "a", "lines": [{"n": "x"}]}, SCHEMA)),
            [(VALUE, (*LINES, "n"), 1)],
        ),
        (
            error(lambda: jsonschema.validate({"order_id": "a", "kind": "x"}, SCHEMA)),
            [(VALUE, ("kind",), "express")],
        ),
        (error(lambda: EMPTY["order_id"]), [(MISSING, ("order_id",), None)]),
        (error(lambda: int("trial-1")), [(VALUE, (), 1)]),
        (error(lambda: float("trial-1")), [(VALUE, (), 1)]),
        (
            "SchemaValidationError: Failed schema validation. Error: data.order must contain ['id', 'sku'] properties, "
            "Path: ['data', 'order'], Data: {}",
            [(MISSING, ("order", "id"), None), (MISSING, ("order", "sku"), None)],
        ),
        (
            'ZodError: [{"code": "invalid_type", "expected": "string", "received": "undefined", "path": ["orderId"],'
            ' "message": "Required"}, '
            '{"code": "invalid_enum_value", "options": ["express"], "path": ["lines", 0, "kind"]}]',
            [(VALUE, ("orderId",), "trial-1"), (VALUE, (*LINES, "kind"), "express")],
        ),
        (
            json.dumps({"errors": json.dumps([{"code": "too_small", "minimum": 9, "type": "string", "path": ["a"]}])}),
            [(VALUE, ("a",), "trial-1xx")],
        ),
        (
            '[{"instancePath": "/lines/0", "keyword": "required", "params": {"missingProperty": "sku"}}]',
            [(MISSING, (*LINES, "sku"), None)],
        ),
        ("Error: data/lines/0 must have required property 'sku'", [(MISSING, (*LINES, "sku"), None)]),
        (
            json.dumps({"detail": [{"type": "missing", "loc": ["body", "order_id"], "msg": "Field required"}]}),
            [(MISSING, ("order_id",), None)],
        ),
        ('ValidationError: "lines[0].sku" is required', [(MISSING, (*LINES, "sku"), None)]),
        ('ValidationError: "id" is not allowed', [(EXTRA, ("id",), None)]),
        ('ValidationError: "sku" is not allowed to be empty', [(VALUE, ("sku",), "trial-1")]),
        ('{"message": "Missing field order_id"}', [(MISSING, ("order_id",), None)]),
        (
            '{"message": "Missing required fields: name and price"}',
            [(MISSING, ("name",), None), (MISSING, ("price",), None)],
        ),
        ('{"error": "orderId is required"}', [(MISSING, ("orderId",), None)]),
        ('{"error": "name, price are required"}', [(MISSING, ("name",), None), (MISSING, ("price",), None)]),
        ('{"error": "Missing \'sku\' in request body"}', [(MISSING, ("sku",), None)]),
        ('{"error": "price must be a number"}', [(VALUE, ("price",), 1)]),
        ('{"message": "Invalid status. Allowed values: PENDING, PAID"}', [(VALUE, ("status",), "PENDING")]),
        (
            "{\"message\": \"Invalid payment_status, must be one of ['new', 'paid']\"}",
            [(VALUE, ("payment_status",), "new")],
        ),
        ('{"message": "Valid action (add, remove) is required"}', [(VALUE, ("action",), "add")]),
        ('{"message": "status must be one of: open, closed"}', [(VALUE, ("status",), "open")]),
        ('{"message": "Unsupported type \'trial-1\'. Supported types are A and B"}', [(VALUE, ("type",), "A")]),
        ('{"message": "role must be either admin or user"}', [(VALUE, ("role",), "admin")]),
        (
            json.dumps({"message": 'Invalid kind. It must be either "created" or "updated".'}),
            [(VALUE, ("kind",), "created")],
        ),
        (
            '{"errors": ["Username must be between 8 and 20 (inclusive)", "amount must be between 5 and 9"]}',
            [(VALUE, ("Username",), "Trial-1ax"), (VALUE, ("amount",), 6)],
        ),
        ('{"error": "Number of weeks must be between 3 and 12"}', [(VALUE, ("Number of weeks",), 4)]),
        ('{"error": "count must have at least 12 characters"}', [(VALUE, ("count",), "Trial-1axxxxx")]),
        ('{"error": "password has to be at least 10 characters long"}', [(VALUE, ("password",), "Trial-1axxx")]),
        (
            "One or more parameter values were invalid: Type mismatch for key id expected: N actual: S",
            [(VALUE, ("id",), 1)],
        ),
        (
            "One or more parameter values were invalid: Missing the key order_id in the item",
            [(MISSING, ("order_id",), None)],
        ),
        (
            '{"errors":[{"field":"id","message":"Field cannot be provided"},{"field":"sku","message":"is required"}]}',
            [(EXTRA, ("id",), None), (MISSING, ("sku",), None)],
        ),
        ('{"errors":[{"field":"sku","message":"sku cannot be empty"}]}', [(MISSING, ("sku",), None)]),
        ("TypeError: event.detail.lines is not iterable", [(VALUE, ("detail", "lines"), [{}])]),
        ("TypeError: order.name.split is not a function", [(VALUE, ("name",), "trial-1")]),
        (
            "TypeError: Cannot destructure property 'id' of 'event.detail' as it is undefined.",
            [(VALUE, ("detail",), {"id": "trial-1"})],
        ),
    ],
)
def test_each_framework_s_words_are_understood(text: str, found: list[Any]) -> None:
    told = seen(text)

    assert told == found
    assert seen(" ".join(text.split())) == found  # as Lambda's log has it, in one line


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("KeyError: 'id'", 'order = event["detail"]["order"]["id"]', (MISSING, ("detail", "order", "id"), None)),
        ("KeyError: 'id'", "key = order['buyer']['id']", (MISSING, ("buyer", "id"), None)),
        (
            "AttributeError: 'NoneType' object has no attribute 'get'",
            'name = body.get("buyer").get("name")',
            (VALUE, ("buyer",), {"name": "trial-1"}),
        ),
        (
            "AttributeError: 'NoneType' object has no attribute 'lower'",
            'mail = body.get("mail").lower()',
            (VALUE, ("mail",), "trial-1"),
        ),
        (
            "TypeError: 'NoneType' object is not subscriptable",
            'order = event["detail"]["id"]',
            (VALUE, ("detail",), {"id": "trial-1"}),
        ),
        (
            "TypeError: string indices must be integers, not 'str'",
            'name = body["buyer"]["name"]',
            (VALUE, ("buyer",), {"name": "trial-1"}),
        ),
        (
            "ValueError: invalid literal for int() with base 10: 'trial-1'",
            'n = int(body["size"])',
            (VALUE, ("size",), 1),
        ),
        (
            "ValueError: time data 'trial-1' does not match format '%d.%m.%Y'",
            'day = datetime.strptime(body["day"], "%d.%m.%Y")',
            (VALUE, ("day",), f"{NOW:%d.%m.%Y}"),
        ),
        (
            "TypeError: Cannot read properties of undefined (reading 'name')",
            "const name = body.buyer.name;",
            (VALUE, ("buyer",), {"name": "trial-1"}),
        ),
        (
            "TypeError: Cannot read properties of undefined (reading 'map')",
            "return body.lines.map((line) => line.sku);",
            (VALUE, ("lines",), [{}]),
        ),
        (
            'SyntaxError: "undefined" is not valid JSON',
            "const b = JSON.parse(event.body);",
            (VALUE, ("body",), "{}"),
        ),
    ],
)
def test_the_line_that_raised_tells_where_a_key_belongs(text: str, line: str, found: Any) -> None:
    assert seen(text, line) == [found]


def test_a_body_that_the_code_takes_for_base64_becomes_a_text_in_it() -> None:
    body = '{"id": "trial-1"}'
    with pytest.raises(UnicodeDecodeError) as refused:
        base64.b64decode(body).decode("ascii")

    mend = first(Sample({"body": body}, "made up"), POST, f"UnicodeDecodeError: {refused.value}")

    assert base64.b64decode(mend.payload["body"]).decode("ascii") == "trial"


def boto3_refuses(service: str, operation: str, **parameters: Any) -> str:
    session = boto3.Session("a", "b", region_name="us-east-1")
    client: Any = session.client(service)  # type: ignore[call-overload]
    with pytest.raises(ParamValidationError) as refused:
        getattr(client, operation)(**parameters)
    return str(refused.value)


def test_a_number_that_an_operation_takes_as_a_text_becomes_one_under_the_name_that_the_parameter_has() -> None:
    text = boto3_refuses("dynamodb", "put_item", TableName="T", Item={"Amount": {"S": 1}, "Id": {"S": "a"}})
    payload = {"body": '{"amount": 1, "size": 1}'}

    mend = first(Sample(payload, "made up"), POST, text)

    assert json.loads(mend.payload["body"]) == {"amount": "1", "size": 1}
    assert mend.origin == "made up, with Amount learned from a refusal"


def test_a_number_that_an_operation_takes_as_a_text_becomes_one_wherever_it_stands_under_another_name() -> None:
    text = boto3_refuses("sns", "publish", PhoneNumber=1, Message="a")

    mend = first(Sample({"body": '{"sent_to": 1, "count": 2}'}, "made up"), POST, text)

    assert json.loads(mend.payload["body"]) == {"sent_to": "+15555550100", "count": 2}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", 1),
        ("double precision", 1),
        ("uuid", VALUES["uuid"]),
        ("timestamp with time zone", VALUES["datetime"]),
        ("inet", None),
    ],
    ids=lambda one: one if isinstance(one, str) and one != VALUES["datetime"] else "",
)
def test_a_value_that_is_none_of_its_column_s_type_gets_one_wherever_it_stands(kind: str, value: Any) -> None:
    text = f'error: invalid input syntax for type {kind}: "trial-1"'

    for told in (text, json.dumps({"error": text})):
        observed = [(each.old, each.value) for each in observations(Refusal((told,)))]
        assert observed == ([("trial-1", value)] if value else [])


@pytest.mark.parametrize(
    "text",
    [
        '{"error": "Missing required fields"}',
        "Unauthorized",
        "{}",
        "Task timed out after 3.00 seconds",
        "Error: no",
        '{"message": "Internal Server Error"}',
    ],
)
def test_what_says_nothing_teaches_nothing(text: str) -> None:
    assert seen(text) == []


# ---- the sample that follows


def first(sample: Sample, source: Source, text: str, line: str = "") -> Sample:
    return next(iter(mends(sample, source, Refusal((text,), line))))


def test_a_message_gets_what_was_missed_and_says_so() -> None:
    mended_ = first(Sample('{"id": "trial-1"}', "made up"), QUEUE, "KeyError: 'order_id'")
    again = first(mended_, QUEUE, "KeyError: 'total'")

    assert json.loads(again.payload) == {"id": "trial-1", "order_id": "trial-1", "total": 1}
    assert mended_.origin == "made up, with order_id learned from a refusal"
    assert again.origin == "made up, with order_id, total learned from a refusal"


def test_an_id_that_must_be_a_uuid_becomes_one_although_a_name_is_the_same_text() -> None:
    sample = Sample({"body": json.dumps({"id": "trial-1", "name": "trial-1", "size": 2})}, "made up")
    mended_sample = first(sample, POST, 'invalid input syntax for type uuid: "trial-1"')

    assert json.loads(mended_sample.payload["body"])["id"] == VALUES["uuid"]


def test_a_name_at_the_beginning_of_a_sentence_is_that_of_the_key() -> None:
    sample = Sample({"body": '{"username": "trial-1"}'}, "made up")
    mended_sample = first(sample, POST, '{"error": "Username must be between 8 and 20 characters"}')

    assert json.loads(mended_sample.payload["body"]) == {"username": "Trial-1ax"}


def test_a_name_of_several_words_is_that_of_the_key() -> None:
    sample = Sample({"body": '{"number_of_weeks": 1, "weeks": 1}'}, "made up")
    mended_sample = first(sample, POST, '{"error": "Number of weeks must be between 3 and 12"}')

    assert json.loads(mended_sample.payload["body"]) == {"number_of_weeks": 4, "weeks": 1}


def test_all_that_one_refusal_says_is_heeded_at_once() -> None:
    text = error(lambda: Order.model_validate({"id": "trial-1", "lines": [{}]}))
    mended_ = first(Sample('{"id": "trial-1", "lines": [{}]}', "made up"), QUEUE, text)

    assert json.loads(mended_.payload).keys() == {"order_id", "kind", "lines"}
    assert json.loads(mended_.payload)["lines"] == [{"sku": "trial-1", "quantity": 1}]


def test_the_content_is_mended_before_its_envelope() -> None:
    bodies = [each.payload for each in mends(made(EMPTY, POST), POST, Refusal(("KeyError: 'sku'",)))]

    assert json.loads(bodies[0]["body"]) == {"id": "trial-1", "sku": "trial-1"}
    assert bodies[1]["queryStringParameters"] == {"sku": "trial-1"}
    assert bodies[-1]["sku"] == "trial-1"
    assert first(made(EMPTY, GET), GET, "KeyError: 'sku'").payload["queryStringParameters"] == {"sku": "trial-1"}
    assert first(made(EMPTY, BUS), BUS, "KeyError: 'sku'").payload["detail"] == {"sku": "trial-1"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"message": "Missing query parameter tenant"}', "queryStringParameters"),
        ('{"message": "Missing header tenant"}', "headers"),
        (
            '{"detail": [{"type": "missing", "loc": ["query", "tenant"], "msg": "Field required"}]}',
            "queryStringParameters",
        ),
    ],
)
def test_a_place_that_is_named_is_where_the_key_goes(text: str, place: str) -> None:
    (only,) = mends(made(EMPTY, POST), POST, Refusal((text,)))

    assert only.payload[place]["tenant"] == "trial-1"


@pytest.mark.parametrize("payload", ["1.0", "2.0"])
def test_a_parameter_that_was_missed_stands_in_each_form_that_a_request_has(payload: str) -> None:
    source = replace(GET, route=Route("GET", "/orders", payload=payload))
    sent = first(made(EMPTY, source), source, '{"message": "Missing query parameter tenant"}').payload

    assert sent["queryStringParameters"] == {"tenant": "trial-1"}
    if payload == "2.0":
        assert sent["rawQueryString"] == "tenant=trial-1"
    else:
        assert sent["multiValueQueryStringParameters"] == {"tenant": ["trial-1"]}


@pytest.mark.parametrize(
    "text",
    [
        '{"errors":[{"field":"body","message":"Request body cannot be empty"}]}',
        '{"message": "Request body must not be empty"}',
        '{"error": "No fields to update"}',
        '{"error": "At least one field must be provided"}',
    ],
)
def test_a_body_that_must_not_be_empty_gets_a_field_that_the_code_lists(text: str) -> None:
    refused = Refusal((text,), fields=("companyName", "fax"))
    sample = next(iter(mends(Sample({"body": "{}"}, "made up"), POST, refused)))

    assert json.loads(sample.payload["body"]) == {"companyName": "trial-1"}
    assert seen(text) == []


def test_what_a_topic_or_a_rule_put_around_a_message_stays_around_it() -> None:
    inner = json.dumps({"id": "trial-1"})
    notified = first(Sample(json.dumps({"Type": "Notification", "Message": inner}), "m"), QUEUE, "KeyError: 'sku'")
    routed = first(Sample(json.dumps({"source": "shop", "detail": {}}), "m"), QUEUE, "KeyError: 'sku'")

    assert json.loads(json.loads(notified.payload)["Message"]) == {"id": "trial-1", "sku": "trial-1"}
    assert json.loads(routed.payload)["detail"] == {"sku": "trial-1"}


def test_records_of_streams_and_tables_keep_their_form() -> None:
    stream = Source(Kind.STREAM, "Work", "Work.S", "S")
    table = Source(Kind.TABLE, "Work", "Work.T", "T")

    mended_ = first(made(EMPTY, stream), stream, "KeyError: 'sku'").payload
    assert json.loads(mended_["data_text"])["sku"] == "trial-1"
    assert mended_["partitionKey"] == "trial"
    assert first(made(EMPTY, table), table, "KeyError: 'sku'").payload["dynamodb"]["NewImage"]["sku"] == {
        "S": "trial-1"
    }


LINES_OF_IT = {"total": {"N": "2.5"}, "kinds": {"SS": ["b"]}}
ORDER: dict[str, Any] = {"id": {"S": "o-1"}, "tags": {"SS": ["a"]}, "lines": {"M": LINES_OF_IT}}
AN_ISSUE = """Lines
lines.sku
  Field required [type=missing, input_value={}, input_type=dict]"""


@pytest.mark.parametrize("source", [QUEUE, BUS, Source(Kind.TABLE, "Work", "Work.T", "T")], ids=lambda each: each.kind)
def test_what_an_item_of_a_table_lacks_is_put_into_its_image_with_its_type(source: Source) -> None:
    record: Any = {"eventName": "INSERT", "dynamodb": {"Keys": {"id": {"S": "o-1"}}, "NewImage": ORDER}}
    payload = record if source.kind is Kind.TABLE else {"source": "table", "detail": record}
    sample = Sample(json.dumps(payload) if source is QUEUE else payload, "made up")

    got = first(sample, source, AN_ISSUE).payload
    got = json.loads(got) if source is QUEUE else got
    image = (got if source.kind is Kind.TABLE else got["detail"])["dynamodb"]["NewImage"]
    assert image == {**ORDER, "lines": {"M": {**LINES_OF_IT, "sku": {"S": "trial-1"}}}}


def test_a_direct_event_gets_the_envelope_that_its_code_reads() -> None:
    direct = Source(Kind.DIRECT, "Work", "Work")

    assert first(Sample({"id": "a"}, "made up"), direct, "KeyError: 'Records'").payload == {"id": "a", "Records": [{}]}


def test_a_text_that_is_refused_is_replaced_where_it_stands_but_for_the_identifier() -> None:
    text = error(lambda: int("trial-1"))
    mended_ = first(Sample('{"id": "trial-1", "size": "trial-1"}', "made up"), QUEUE, text)

    assert json.loads(mended_.payload) == {"id": "trial-1", "size": 1}


@pytest.mark.parametrize(
    ("text", "learned"),
    [
        ("can't compare offset-naive and offset-aware datetimes", NO_ZONE),
        ("Invalid isoformat string: 'TEXT'", NO_ZONE),
        ("The start date must not be in the past", TO_COME),
        ("startDate must be in the future", TO_COME),
        ("Error: the date has passed", TO_COME),
    ],
)
def test_all_made_up_dates_are_moved_where_a_refusal_wants_them(text: str, learned: str) -> None:
    begin = TEXT.removesuffix("Z") if learned == NO_ZONE else iso(NOW + timedelta(days=731))
    body = {"begin": TEXT, "days": [f"{LATER:%Y-%m-%d}"], "born": "1999-01-01"}
    sample = Sample({"body": json.dumps(body), "headers": {}}, "made up from the route")

    mended_to = first(sample, POST, text.replace("TEXT", TEXT))

    days = [str(date.fromisoformat(begin[:10]) + (LATER - NOW))]
    assert json.loads(mended_to.payload["body"]) == {"begin": begin, "days": days, "born": "1999-01-01"}
    assert mended_to.origin.endswith(f"with {learned} learned from a refusal")


def test_what_ends_comes_after_what_starts() -> None:
    assert guess("start_date", None) < guess("end_date", None)
    assert guess("startAt", None) < guess("endAt", None)


def test_a_file_of_the_project_is_told_what_it_lacks_and_never_mended() -> None:
    own = Sample("{}", "events/a.json", file="events/a.json")
    refusal = Refusal(("KeyError: 'order_id'",))

    assert list(mends(own, QUEUE, refusal)) == []
    assert lacks(refusal) == "order_id"
    told = refused_sample(QUEUE, own.origin, "no", Delivery(), False, "", lacks(refusal))
    assert told.supply == "order_id, which the event in events/a.json lacks"


# ---- the loop


class Function:
    """Takes a sample once it has every key of `wants`."""

    def __init__(self, *wants: str, deaf: bool = False) -> None:
        self.wants, self.deaf, self.calls = wants, deaf, 0

    def try_(self, sample: Sample) -> Try:
        self.calls += 1
        fared = Try(sample, Delivery(), [], [], {})
        lacking = [name for name in self.wants if self.deaf or name not in json.loads(sample.payload)]
        if lacking:
            fared.refused = f"KeyError: '{lacking[0]}'"
            fared.said, fared.judgement = Refusal((fared.refused,)), unproved("refused")
        return fared


START = Sample("{}", "made up")


def test_a_sample_is_mended_until_it_is_taken() -> None:
    function = Function("a", "b", "c")
    fared = mended(function.try_, function.try_(START), QUEUE)

    assert not fared.refused
    assert fared.sample.learned == ("a", "b", "c")
    assert function.calls == 4


class Swallower(Function):
    """Logs what it lacks, and returns as if all were well."""

    def try_(self, sample: Sample) -> Try:
        fared = super().try_(sample)
        fared.mute, fared.refused, fared.judgement = bool(fared.refused), "", None
        return fared


def test_what_a_worker_only_logs_mends_a_sample_as_an_error_does() -> None:
    function = Swallower("a", "b", "c")
    fared = mended(function.try_, function.try_(START), QUEUE)

    assert not fared.mute
    assert fared.sample.learned == ("a", "b", "c")
    assert function.calls == 4


def test_a_log_that_says_nothing_new_is_heeded_once() -> None:
    function = Swallower("a", deaf=True)
    fared = mended(function.try_, function.try_(START), QUEUE)

    assert fared.sample is START
    assert function.calls == 2


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("START\n[ERROR] Missing field order_id\nEND", "[ERROR] Missing field order_id"),
        ("KeyError: 'a'\n  ValidationError: b\n", "ValidationError: b"),
        ("START\nprocessed 1 message\nEND", ""),
        ("ZodError: Required\n    at get error [as error] (/code/index.js:602:23)\nEND", "ZodError: Required"),
    ],
)
def test_the_last_complaint_of_a_log_is_told(log: str, told: str) -> None:
    assert caught_in((log,)) == told


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ('500: {"message": "Internal server error"}', "; its log says: Parameter validation failed: Missing Username"),
        ("500: Parameter validation failed: Missing Username", ""),
        ("400: email is required", ""),
        ("ValueError: no", ""),
    ],
)
def test_what_a_caller_is_not_told_is_told_of_the_log(told: str, says: str) -> None:
    assert beside(told, ["START", "Parameter validation failed: Missing Username", "END"]) == says


def test_no_more_mends_are_tried_than_that() -> None:
    function = Function(*"abcdefghi")
    fared = mended(function.try_, function.try_(START), QUEUE)

    assert (function.calls, len(fared.sample.learned)) == (7, 6)


def test_a_mend_that_changes_nothing_is_not_kept() -> None:
    function = Function("a", deaf=True)
    fared = mended(function.try_, function.try_(START), QUEUE)

    assert fared.sample is START
    assert function.calls == 2


def test_the_ways_to_heed_one_refusal_are_counted_too() -> None:
    function = Function("a", deaf=True)
    start = function.try_(made(EMPTY, POST))
    assert len(list(mends(start.sample, POST, start.said))) > 2

    mended(function.try_, start, POST, most=2)
    assert function.calls == 3


def test_a_package_that_is_missing_teaches_nothing_and_no_name_within_a_word_is_missing() -> None:
    text = (
        "RuntimeError: Worker init failed: Cannot find module 'x' Require stack: - /tmp/GetMissingBooksHandler-1/app.js"
    )
    fared = Try(START, Delivery(), [], [], {}, refused=text, said=Refusal((text,)), judgement=unproved("refused"))

    assert not fared.teaches
    assert seen("in /tmp/GetMissingBooksHandler-1/app.js") == []


def test_code_that_does_not_start_is_no_matter_of_the_sample() -> None:
    function = Function("a")
    fared = replace(function.try_(START), judgement=broken(Promise.DOES_NOT_START, "no"))

    assert mended(function.try_, fared, QUEUE) is fared


# ---- the trace


def test_the_last_frame_of_the_function_s_own_code_is_read() -> None:
    log = [
        "Traceback (most recent call last):",
        '  File "/var/task/app.py", line 3, in handler',
        '    place(event["order"])',
        '  File "/var/task/orders.py", line 9, in place',
        '    order["id"]["x"]',
        '  File "/opt/python/lib/python3.12/site-packages/lib.py", line 1, in f',
        "    raise",
        "KeyError: 'id'",
    ]

    assert raised(log, Path("/nowhere")) == 'order["id"]["x"]'
    assert raised([json.dumps({"exception": "\n".join(log)})], Path("/nowhere")) == 'order["id"]["x"]'


def test_a_line_of_node_is_read_from_the_project(tmp_path: Path) -> None:
    (tmp_path / "app.mjs").write_text("\nexport const handler = (event) => event.detail.id;\n")
    log = [
        "TypeError: Cannot read properties of undefined (reading 'id')",
        "    at handler (file:///tmp/x/app.mjs:2:41)",
    ]

    assert raised(log, tmp_path).endswith("event.detail.id;")
    assert raised(["    at f (/t/node_modules/a/app.mjs:2:1)"], tmp_path) == ""


def test_a_response_s_reason_is_read_and_an_answer_s_content_is_not(tmp_path: Path) -> None:
    from trials.deliveries.history import Answer

    refused = Delivery(answers=[Answer({"statusCode": 400, "body": '{"message": "Missing field sku"}'})])
    fine = Delivery(answers=[Answer({"statusCode": 200, "body": "Missing field sku"})])

    assert observations(said(refused, [], tmp_path)) == [Observation(MISSING, ("sku",))]
    assert observations(said(fine, [], tmp_path)) == []


@pytest.mark.parametrize(
    ("kind", "payload", "mended_to"),
    [
        (Kind.BUS, {"detail": {"items": ["trial"]}}, {"detail": {"items": [{"sku": "trial-1"}]}}),
        (Kind.QUEUE, '{"items": [{"qty": 1}]}', '{"items": [{"qty": 1, "sku": "trial-1"}]}'),
        (Kind.DIRECT, {"items": []}, {"items": [{"sku": "trial-1"}]}),
    ],
)
def test_a_key_that_a_loop_misses_is_put_into_the_members_of_a_list(kind: Kind, payload: Any, mended_to: Any) -> None:
    source = Source(kind, "Work", "Work", "Jobs")
    tried = [each.payload for each in mends(Sample(payload, "made up"), source, Refusal(("KeyError: 'sku'",)))]

    assert mended_to in tried
    assert tried.index(mended_to) > 0  # the object itself is likelier


@pytest.mark.parametrize(
    ("step", "name"),
    [("weeks", "number_of_weeks"), ("Name", "name"), ("name", "name"), ("weeks ahead", "weeks ahead"), ("id", "id")],
)
def test_a_key_is_meant_by_its_last_words_if_no_other_has_them(step: str, name: str) -> None:
    holder = {"number_of_weeks": 1, "name": "a", "orderId": "1", "customer_id": "2"}

    assert meant(step, holder) == name
