"""Events like a sample that are no repeat of it, and what became of them: over samples and histories typed by hand."""

import json
from typing import Any

import pytest

from trials.deliveries.history import Answer, Delivery, History, Reference
from trials.faults.spoilt import others
from trials.project import Kind, Source
from trials.samples import Sample
from trials.samples.stranger import keys, others_alike
from trials.samples.varied import varied
from trials.verdicts import Promise, Verdict
from trials.verdicts.spoilt import first_of_two
from trials.verdicts.used_keys import under_a_used_key
from trials.world import World

POST = Source(Kind.HTTP, "Place", "Place.Post")
JOBS = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
REQUEST = {"headers": {"idempotency-key": "k-1"}, "body": '{"sku": "mug", "quantity": 2}'}
ONE: World = {"table Orders": [{"id": "a", "quantity": 2}]}
OTHER: World = {"table Orders": [{"id": "a", "quantity": 3}]}
BOTH: World = {"table Orders": [*ONE["table Orders"], *OTHER["table Orders"]]}
NOTHING: World = {"table Orders": []}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"sku": "mug", "quantity": 2}, [{"sku": "mug", "quantity": 3}]),
        ({"month": "2026-09"}, [{"month": "2026-10"}]),
        ({"month": "2026-99"}, [{"month": "2026-98"}]),  # as many digits as before
        ({"paid": True, "name": "Ada", "parts": [1]}, []),
        ([1], []),
        (None, []),
    ],
)
def test_one_value_becomes_another_of_its_form(content: Any, found: list[Any]) -> None:
    assert varied(content) == found


def test_events_like_a_sample_differ_in_one_identity_and_the_key_comes_first() -> None:
    request = {**REQUEST, "body": '{"customer_id": "c-1", "quantity": 2}'}
    by_key, by_customer = others_alike(Sample(request, "event.json"), POST, 2)

    assert [each.payload["body"] for each in by_key] == [request["body"]] * 2
    assert len({keys(each.payload)[0] for each in by_key} | {"k-1"}) == 3
    assert [keys(each.payload) for each in by_customer] == [["k-1"]] * 2
    assert len({each.payload["body"] for each in by_customer} | {request["body"]}) == 3


def test_a_message_without_an_identity_has_none_like_it() -> None:
    assert others_alike(Sample('{"quantity": 2}', "event.json"), JOBS, 1) == []


def test_what_stands_beside_an_event_in_a_list_is_no_repeat_of_it() -> None:
    named = {"order_id": "o-1", "quantity": 2}

    assert [each["quantity"] for each in others(named)] == [2]
    assert others(named)[0]["order_id"] != "o-1"
    assert others({"quantity": 2}) == [{"quantity": 3}]


@pytest.mark.parametrize(
    ("both", "broken"), [(ONE, "the second is dropped"), (OTHER, "the first is dropped"), (BOTH, ""), (NOTHING, "")]
)
def test_two_in_a_list_are_both_done(both: World, broken: str) -> None:
    found = list(first_of_two(ONE, OTHER, both, set()))

    assert [each.promise for each in found] == [Promise.SILENT] * bool(broken)
    assert all(broken in each.happened for each in found)


@pytest.mark.parametrize(
    ("answer", "after", "verdict"),
    [
        (Answer({"statusCode": 201, "body": "{}"}), ONE, (Verdict.BROKEN, Promise.SILENT)),
        (Answer({"statusCode": 422, "body": "{}"}), ONE, (Verdict.HELD, None)),
        (Answer({"statusCode": 200, "body": json.dumps({"error": "used"})}), ONE, (Verdict.HELD, None)),
        (Answer({"statusCode": 201, "body": "{}"}), BOTH, (Verdict.UNPROVED, None)),
    ],
)
def test_another_body_under_a_used_key_is_not_told_that_it_is_done(
    answer: Answer, after: World, verdict: tuple[Verdict, Promise | None]
) -> None:
    history = History("another under its key", Delivery(answers=[answer]), ONE, after)

    judgement = under_a_used_key(history, Reference(Sample(REQUEST, "event.json"), ONE, empty=NOTHING))

    assert (judgement.verdict, judgement.promise) == verdict


def test_what_the_first_sent_is_not_what_another_body_asked_for_when_it_is_sent_again() -> None:
    once: World = {"queue Tasks": [{"job": "a", "month": 9}]}
    twice: World = {"queue Tasks": once["queue Tasks"] * 2}
    answer = Answer({"statusCode": 202, "body": "{}"})
    reference = Reference(Sample(REQUEST, "event.json"), once, empty={"queue Tasks": []})

    judgement = under_a_used_key(History("another", Delivery(answers=[answer]), once, twice), reference)

    assert judgement.promise is Promise.SILENT
