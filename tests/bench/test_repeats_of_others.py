"""Events that are taken for others, repeats that undo what others did, and what an answer tells: typed by hand."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trials.deliveries.history import Reference
from trials.faults.joined import variant
from trials.faults.late import MARK, MOVED_ON, kept, may_change
from trials.faults.next_run import collects, days_later
from trials.faults.next_run import taken_for_a_repeat as run_taken_for_a_repeat
from trials.faults.placeholders import PLACEHOLDER, planned, with_placeholders
from trials.faults.told_too_much import OF_A_STAGE
from trials.project import Kind, Source, read
from trials.samples import Sample
from trials.samples.lookups import lookups, wanted_items
from trials.samples.stranger import known_identities
from trials.verdicts import Promise, Verdict
from trials.verdicts.remedies import remedy
from trials.verdicts.tenants import names_it, taken_for_a_repeat
from trials.verdicts.told_too_much import Told, inside_view
from trials.workers import URL
from trials.world import World

JOBS = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
POST = Source(Kind.HTTP, "Place", "Place.Post")
ORDER = Sample('{"customer_id": "c-7", "order_id": "o-1"}', "event.json")


@pytest.mark.parametrize("name", ["address", "shipping_address", "quantity"])
def test_two_events_may_share_what_names_nobody(name: str) -> None:
    assert taken_for_a_repeat(name).promise is Promise.LOST


@pytest.mark.parametrize("name", ["address", "zip", "price"])
def test_a_state_that_names_no_event_may_be_there_already(name: str) -> None:
    assert taken_for_a_repeat(name, own=False).verdict is Verdict.UNPROVED


@pytest.mark.parametrize(
    ("left", "own"),
    [
        ({"table Orders": [{"address": "1 Main St", "order": "o-1"}]}, True),
        ({"table Rates": [{"zip": "10115"}]}, False),
    ],
)
def test_what_an_event_left_names_it_or_nobody(left: World, own: bool) -> None:
    assert names_it(left, ["o-1"]) is own


@pytest.mark.parametrize("name", ["order", "sku", "text", "url", "reference", "country", "currency", "type", "status"])
def test_what_may_be_a_key_is_asked_about(name: str) -> None:
    judgement = taken_for_a_repeat(name)

    assert judgement.verdict is Verdict.UNPROVED
    assert judgement.supply


def test_a_store_that_several_fields_lead_to_is_meant() -> None:
    assert taken_for_a_repeat("").verdict is Verdict.HELD


def test_a_part_of_one_identity_moves_to_another() -> None:
    customer, order = known_identities(ORDER, JOBS)

    first = variant(ORDER, (customer, order), "a:b", "c")
    second = variant(ORDER, (customer, order), "a", "b:c")

    assert json.loads(first.payload) == {"customer_id": "a:b", "order_id": "c"}
    assert ":".join(json.loads(first.payload).values()) == ":".join(json.loads(second.payload).values())


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ({"status": {"S": "OPEN"}}, "status"),
        ({"state": {"S": "pending"}}, "state"),
        ({"status": {"S": "PROCESSED"}}, ""),  # nothing says that it goes on
        ({"status": {"S": "placed"}}, ""),  # the event itself says so
        ({"sku": {"S": "mug"}}, ""),
    ],
)
def test_a_state_that_only_begins_goes_on(item: dict[str, Any], name: str) -> None:
    reference = Reference(Sample('{"id": "o-1", "was": "placed"}', "event.json"))

    assert may_change(JOBS, reference, item) == name


def test_others_may_add_to_what_a_request_under_a_key_has_made() -> None:
    request = {"httpMethod": "POST", "headers": {"Idempotency-Key": "k-1"}}

    assert may_change(POST, Reference(Sample(request, "event.json")), {}) == MARK
    assert may_change(POST, Reference(Sample({**request, "httpMethod": "PUT"}, "event.json")), {}) == ""


def test_a_repeat_that_undoes_a_change_loses_it() -> None:
    stays, back = {"S": MOVED_ON}, {"S": "OPEN"}

    assert kept([("Orders", "status", stays), ("Orders", MARK, stays)]).verdict is Verdict.HELD
    assert kept([("Orders", "status", back)]).promise is Promise.LOST
    assert kept([("Orders", MARK, None)]).promise is Promise.LOST


def test_a_placeholder_comes_into_texts_that_people_write() -> None:
    told = with_placeholders({"id": "o-1", "text": "at nine", "body": '{"note": "by hand"}', "n": 1})

    assert told["text"] == f"at nine {PLACEHOLDER}"
    assert json.loads(told["body"])["note"] == f"by hand {PLACEHOLDER}"
    assert (told["id"], told["n"]) == ("o-1", 1)


def test_a_placeholder_in_a_schedules_input_is_lost_unless_it_is_escaped() -> None:
    assert planned([json.dumps({"text": PLACEHOLDER})]).promise is Promise.LOST
    assert planned([json.dumps({"text": PLACEHOLDER}).replace("<", r"\u003c")]).verdict is Verdict.HELD


def test_an_answer_that_holds_what_aws_said_leaks() -> None:
    inside = ["assumed-role/trial-role"]

    assert inside_view([Told("dynamodb PutItem", "500: {}")], inside).verdict is Verdict.HELD
    leak = [Told("dynamodb PutItem", "500: User: assumed-role/trial-role is not")]
    assert inside_view(leak, inside).promise is Promise.LEAKED
    assert inside_view(leak, inside, "IAM admits its callers").verdict is Verdict.UNPROVED
    assert "handler" in remedy(Promise.LEAKED, Source(Kind.HTTP, "Api", "Api.Post"), "told too much")[0]


@pytest.mark.parametrize(
    ("code", "asks"),
    [
        ('if os.environ["STAGE"] != "prod":', True),
        ('os.environ.get("APP_ENV")', True),
        ("process.env.NODE_ENV === 'test'", True),
        ('os.environ["ORDERS_TABLE"]', False),
        ('os.environ["STAGED_TABLE"]', False),
        ("stage = event['stage']", False),
    ],
)
def test_code_may_ask_in_which_stage_it_runs(code: str, asks: bool) -> None:
    assert bool(OF_A_STAGE.search(code)) is asks


def test_a_stock_that_suffices_is_what_a_transaction_compares() -> None:
    shelf = {
        "TableName": "stack-Stock",
        "Key": {"sku": {"S": "mug"}},
        "ConditionExpression": "available >= :least",
        "ExpressionAttributeValues": {":least": {"N": "2"}},
    }
    body = {"TransactItems": [{"Put": {"TableName": "stack-Steps", "Item": {}}}, {"Update": shelf}]}

    asked = lookups(body, "TransactWriteItems")

    assert [each.compares for each in asked] == [True]
    found = wanted_items(asked, {"stack-Stock": "Stock"}, {"Stock": {"sku": "S"}})
    assert found == [("Stock", {"sku": {"S": "mug"}, "available": {"N": "2"}})]


def test_a_later_run_has_its_time_so_many_days_later() -> None:
    event = {"at": "2026-11-28T22:00:00Z", "id": "nightly", "days": ["2026-11-28"], "n": {"t": "2026-11-28T22:00:00"}}

    later = days_later(event, 31)

    assert days_later(event, 1) == {**event, "at": "2026-11-29T22:00:00Z", "n": {"t": "2026-11-29T22:00:00"}}
    assert later["at"] == "2026-12-29T22:00:00Z"


def test_a_run_that_does_what_it_finds_may_find_nothing() -> None:
    assert run_taken_for_a_repeat("nightly", collects=False).promise is Promise.LOST
    assert run_taken_for_a_repeat("nightly", collects=True).verdict is Verdict.UNPROVED


@pytest.mark.parametrize(
    ("operation", "collected"), [("Query", True), ("ListObjectsV2", True), ("PutItem", False), ("GetItem", False)]
)
def test_a_run_that_looks_for_what_to_do_asks_for_several(operation: str, collected: bool) -> None:
    stage: Any = SimpleNamespace(outside=SimpleNamespace(asked=[]))

    assert collects(stage, Reference(Sample("{}", "event.json"), calls=(("dynamodb", operation),))) is collected


@pytest.mark.parametrize(
    ("expression", "once"), [("at(2027-01-04T09:00:00)", True), ("rate(1 day)", False), ("cron(0 4 * * ? *)", False)]
)
def test_a_schedule_of_one_time_has_no_next_run(expression: str, once: bool, tmp_path: Path) -> None:
    event = {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": expression}}
    properties = {"Runtime": "python3.13", "Handler": "app.handler", "InlineCode": "x", "Events": {"E": event}}
    function = {"Type": "AWS::Serverless::Function", "Properties": properties}
    text = json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": {"F": function}})
    (tmp_path / "template.json").write_text(text)

    assert [source.only_once for source in read(tmp_path, URL).sources] == [once]
