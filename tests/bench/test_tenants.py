"""Two events of two tenants in one environment: who the second is, and what of the first may show in its effect."""

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest

from trials.project import Kind, Source
from trials.project.sources import Batching
from trials.samples import Sample
from trials.samples.stranger import stranger
from trials.verdicts import Promise, Verdict
from trials.verdicts.tenants import ANSWER, leaked, own_records, returned
from trials.world import World, noise

QUEUE = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
STRANGE = frozenset({"stranger-0-a"})
ALONE: World = {"topic T": ["a: limit reached"]}
MIXED: World = {"topic T": ["stranger-0-a: limit reached\na: limit reached"]}


def other(payload: Any, source: Source = QUEUE) -> Any:
    made = stranger(Sample(payload, "event.json"), source)
    return made[0].payload if made else None


# ---- the verdict


@pytest.mark.parametrize(
    ("alone", "warm", "cold", "verdict"),
    [
        (ALONE, ALONE, ALONE, (Verdict.HELD, None)),
        (ALONE, MIXED, ALONE, (Verdict.BROKEN, Promise.LEAKED)),
        (ALONE, MIXED, MIXED, (Verdict.HELD, None)),  # out of a store: a report of all that came
        ({ANSWER: ["a"]}, {ANSWER: ["stranger-0-a"]}, {ANSWER: ["a"]}, (Verdict.BROKEN, Promise.LEAKED)),
        ({"table T": [{"id": "a", "n": "1"}]}, {"table T": [{"id": "a", "n": "2"}]}, {}, (Verdict.UNPROVED, None)),
        ({"outside": ["token", "a"]}, {"outside": ["a"]}, {"outside": ["token", "a"]}, (Verdict.UNPROVED, None)),
        ({}, MIXED, {}, (Verdict.BROKEN, Promise.LEAKED)),
        (  # a repeat of what the new environment does as well names the other too
            ALONE,
            {"topic T": ["stranger-0-a", "stranger-0-a"]},
            {"topic T": ["stranger-0-a"]},
            (Verdict.UNPROVED, None),
        ),
    ],
)
def test_what_a_new_environment_does_as_well_is_no_leak(
    alone: World, warm: World, cold: World, verdict: tuple[Verdict, Promise | None]
) -> None:
    judgement = leaked(alone, warm, cold, set(), STRANGE)

    assert (judgement.verdict, judgement.promise) == verdict


def test_what_no_two_runs_agree_on_is_no_leak() -> None:
    before = {"table T": [{"id": "x", "run": "1"}]}
    after = {"table T": [{"id": "x", "run": "1"}, {"id": "a", "run": "2"}]}
    random = {("table T", "run")}

    assert own_records(before, after, random) == {"table T": [{"id": "a", "run": "2"}]}
    assert leaked(
        {"table T": [{"id": "a", "run": "7"}]}, own_records(before, after, random), {}, random, STRANGE
    ).happened


def answer(**fields: str) -> World:
    return returned({"statusCode": 200, "body": json.dumps(fields)})


@pytest.mark.parametrize(
    ("warm", "verdict"),
    [
        (answer(id="7f3", name="a"), (Verdict.HELD, None)),
        (answer(id="7f3", name="stranger-0-a"), (Verdict.BROKEN, Promise.LEAKED)),
        (answer(id="stranger-0-a#7f3", name="a"), (Verdict.BROKEN, Promise.LEAKED)),  # beside what is noise
    ],
)
def test_a_random_id_in_an_answer_hides_no_leak_and_is_none(
    warm: World, verdict: tuple[Verdict, Promise | None]
) -> None:
    alone, cold = answer(id="0c1", name="a"), answer(id="9d4", name="a")

    judgement = leaked(alone, warm, cold, noise(alone, cold), STRANGE)
    assert (judgement.verdict, judgement.promise) == verdict


# ---- the other event


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ('{"id": "a"}', {"id": "stranger-0-a"}),
        ('{"id": "a", "kind": "order"}', {"id": "stranger-0-a", "kind": "order"}),
        ('{"tenantId": "t", "note": "t"}', {"tenantId": "stranger-0-t", "note": "stranger-0-t"}),
        ('{"id": 7, "n": 1}', {"id": 705319460, "n": 1}),
        ('{"email": "a@example.test"}', {"email": "stranger-0@example.test"}),
        (
            '{"user": {"id": "a"}, "ids": ["a", "b"]}',
            {"user": {"id": "stranger-0-a"}, "ids": ["stranger-0-a", "stranger-1-b"]},
        ),
        ('{"valid": "yes", "paid": "no"}', None),  # no identity, whatever its letters
        ('{"id": true}', None),
        ("text", None),
        ('{"awsRegion": "r", "accountId": "1"}', None),
    ],
)
def test_each_identity_is_replaced_wherever_it_stands(payload: str, expected: Any) -> None:
    assert (json.loads(other(payload)) if expected else other(payload)) == expected


def test_an_identity_keeps_its_form() -> None:
    changed = json.loads(other('{"id": "17793124-05d4-b198-2fde-7ededc63b103"}'))["id"]

    assert [len(part) for part in changed.split("-")] == [8, 4, 4, 4, 12]
    assert not changed.startswith("17793124")


def test_a_message_within_a_notification_is_of_somebody_else() -> None:
    envelope = json.dumps({"Type": "Notification", "Message": json.dumps({"order_id": "a"})})

    assert json.loads(json.loads(other(envelope))["Message"]) == {"order_id": "stranger-0-a"}


def test_of_an_event_of_a_bus_only_the_detail_is_of_somebody_else() -> None:
    event = {"id": "1", "account": "2", "source": "shop", "detail": {"customer_id": "c"}}

    changed = other(event, Source(Kind.BUS, "F", "R"))
    assert changed == {**event, "detail": {"customer_id": "stranger-0-c"}}


def test_the_data_of_a_stream_and_the_images_of_a_table_are_of_somebody_else() -> None:
    coded = b64encode(b'{"id": "a"}').decode()
    stream = Source(Kind.STREAM, "F", "F.S", "S")
    record = {"eventID": "1", "dynamodb": {"Keys": {"id": {"S": "a"}}, "NewImage": {"id": {"S": "a"}, "n": {"N": "1"}}}}

    assert json.loads(b64decode(other({"data": coded}, stream)["data"])) == {"id": "stranger-0-a"}
    assert json.loads(other({"data_text": '{"id": "a"}'}, stream)["data_text"]) == {"id": "stranger-0-a"}
    changed = other(record, Source(Kind.TABLE, "F", "F.T", "T"))
    assert changed["dynamodb"]["Keys"] == {"id": {"S": "stranger-0-a"}}
    assert changed["dynamodb"]["NewImage"] == {"id": {"S": "stranger-0-a"}, "n": {"N": "1"}}


def test_a_request_asks_for_the_path_of_somebody_else() -> None:
    request = {"rawPath": "/orders/o-1", "pathParameters": {"id": "o-1"}, "requestContext": {"requestId": "r"}}

    changed = other(request, Source(Kind.HTTP, "F", "A"))
    assert (changed["rawPath"], changed["pathParameters"]) == ("/orders/stranger-0-o-1", {"id": "stranger-0-o-1"})
    assert changed["requestContext"] == {"requestId": "r"}


def test_an_identity_that_a_filter_asks_for_stays() -> None:
    filtered = Source(Kind.QUEUE, "W", "W.J", "J", Batching(filters=('{"body": {"tenant": ["gold"]}}',)))

    assert json.loads(other('{"tenant": "gold", "id": "a"}', filtered)) == {"tenant": "gold", "id": "stranger-1-a"}
    assert other('{"tenant": "gold"}', filtered) is None


@pytest.mark.parametrize("kind", [Kind.SCHEDULE, Kind.BUCKET, Kind.LOGS])
def test_what_no_tenant_sends_has_no_other(kind: Kind) -> None:
    assert other({"id": "a"}, Source(kind, "F", "n")) is None
