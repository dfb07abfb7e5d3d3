"""Events spoilt in many ways: which ways there are, what became of each, and the one row that sums up."""

import json
from base64 import b64decode, b64encode

import pytest

from trials.deliveries.history import Answer, Delivery, History, Reference
from trials.project import Kind, Source
from trials.samples import Sample
from trials.samples.spoilt import LARGE, spoilt
from trials.verdicts import Promise, Verdict
from trials.verdicts.spoilt import Fate, fate, summed
from trials.world import World

QUEUE = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
STREAM = Source(Kind.STREAM, "Work", "Work.S", "S")
HTTP = Source(Kind.HTTP, "Api", "Api.Post")
NOTHING: World = {"table T": []}
DONE: World = {"table T": [{"id": "a"}]}
REFERENCE = Reference(Sample("{}", "event.json"), DONE, empty=NOTHING)


# ---- the ways


def test_each_field_is_left_out_and_given_another_type() -> None:
    ways = spoilt('{"id": "a", "n": 1}', QUEUE)

    assert json.loads(ways["without id"]) == {"n": 1}
    assert json.loads(ways["n of another type"]) == {"id": "a", "n": {"value": 1}}
    assert (json.loads(ways["null"]), json.loads(ways["a list"])) == (None, [{"id": "a", "n": 1}])
    assert json.loads(ways["an empty object"]) == {}
    assert '"id": NaN' in ways["NaN"]
    assert json.loads(ways["half a character"])["id"] == "\ud800"
    assert ways["half a character"].isascii()
    assert json.loads(ways["a number too large"]) == {"id": "a", "n": 10**400}


def test_the_largest_message_is_as_large_as_a_queue_takes() -> None:
    size = len(spoilt('{"id": "a"}', QUEUE)["1 MiB"])

    assert LARGE - 30 < size <= LARGE


@pytest.mark.parametrize("payload", ["text", "[1]", "{}", "null"])
def test_what_is_no_object_has_nothing_to_leave_out(payload: str) -> None:
    assert spoilt(payload, QUEUE) == {}


def test_each_source_gets_it_where_its_content_stands() -> None:
    coded = b64encode(b'{"id": "a"}').decode()
    event = {"source": "shop", "detail": {"id": "a", "kind": "paid"}}
    bus = Source(Kind.BUS, "F", "R", pattern={"detail": {"kind": ["paid"]}})

    assert spoilt({"body": '{"id": "a"}', "path": "/"}, HTTP)["without id"] == {"body": "{}", "path": "/"}
    assert b64decode(spoilt({"data": coded}, STREAM)["null"]["data"]) == b"null"
    assert spoilt({"data_text": '{"id": "a"}'}, STREAM)["null"] == {"data_text": "null"}
    assert spoilt(event, bus)["without id"] == {"source": "shop", "detail": {"kind": "paid"}}
    assert "without kind" not in spoilt(event, bus)  # the rule would not let it through
    assert "null" not in spoilt(event, bus)  # a detail is an object


# ---- what became of one


@pytest.mark.parametrize(
    ("source", "delivery", "after", "told"),
    [
        (QUEUE, Delivery(answers=[Answer()]), DONE, Fate.GOOD),
        (QUEUE, Delivery(answers=[Answer()]), {"table T": [{"id": None}]}, Fate.GOOD),
        (QUEUE, Delivery(answers=[Answer()]), NOTHING, Fate.VANISHED),
        (QUEUE, Delivery(answers=[Answer()]), {**NOTHING, "bucket Bad": [1]}, Fate.OTHER),
        (QUEUE, Delivery(answers=[Answer(error="no")], failures=1), {**NOTHING, "queue Dlq": [1]}, Fate.REFUSED),
        (QUEUE, Delivery(failures=4, stuck="no dead-letter queue"), NOTHING, Fate.RETURNS),
        (STREAM, Delivery(failures=4, stuck="no limit"), NOTHING, Fate.BLOCKS),
        (STREAM, Delivery(failures=3, discarded=1), NOTHING, Fate.REFUSED),
        (HTTP, Delivery(answers=[Answer({"statusCode": 400})]), NOTHING, Fate.REFUSED),
        (HTTP, Delivery(answers=[Answer({"statusCode": 502})], failures=3), NOTHING, Fate.OWN_FAULT),
        (HTTP, Delivery(answers=[Answer(error="KeyError")], failures=3), NOTHING, Fate.OWN_FAULT),
        (HTTP, Delivery(answers=[Answer({"statusCode": 201})]), DONE, Fate.GOOD),
    ],
)
def test_what_became_of_a_spoilt_event(source: Source, delivery: Delivery, after: World, told: Fate) -> None:
    assert fate(History("spoilt", delivery, NOTHING, after), source, REFERENCE) is told


# ---- the row


@pytest.mark.parametrize(
    ("fates", "has_effect", "verdict"),
    [
        ({"null": Fate.REFUSED, "1 MiB": Fate.NOT_SENT}, True, (Verdict.HELD, None)),
        ({"null": Fate.REFUSED, "NaN": Fate.GOOD}, True, (Verdict.UNPROVED, None)),  # who knows what may be left out
        ({"null": Fate.VANISHED}, True, (Verdict.UNPROVED, None)),
        ({"null": Fate.VANISHED}, False, (Verdict.UNPROVED, None)),
        ({"null": Fate.RETURNS}, True, (Verdict.UNPROVED, None)),
        ({"null": Fate.REFUSED, "NaN": Fate.BLOCKS}, True, (Verdict.BROKEN, Promise.BLOCKED)),
    ],
)
def test_one_row_sums_up(fates: dict[str, Fate], has_effect: bool, verdict: tuple[Verdict, Promise | None]) -> None:
    judgement = summed(fates, has_effect)

    assert (judgement.verdict, judgement.promise) == verdict
    assert judgement.details == tuple(f"{way}: {told}" for way, told in fates.items())


def test_the_row_names_the_ways() -> None:
    judgement = summed({"null": Fate.REFUSED, "NaN": Fate.GOOD, "without n": Fate.GOOD}, has_effect=True)

    assert judgement.happened == "1 of 3 ways of spoiling it are refused; passes as good: NaN, without n"


def test_a_number_that_is_too_large_stands_for_a_text_where_there_is_no_number() -> None:
    assert json.loads(spoilt('{"id": "a"}', QUEUE)["a number too large"]) == {"id": 10**400}
