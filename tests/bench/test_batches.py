"""Two events in one batch, and what is read before it can be seen: by histories and answers typed by hand."""

from types import SimpleNamespace
from typing import Any

import pytest

from trials.deliveries.history import Answer, Reference
from trials.deliveries.records import lane
from trials.faults.batches import adds, texts
from trials.faults.early import asking, askings, location, parts
from trials.local_aws.reads import as_before
from trials.project import Kind, Source
from trials.project.sources import Route
from trials.samples import Sample
from trials.search.play import Player, Sent
from trials.verdicts import Promise, Verdict
from trials.verdicts.batches import dropped
from trials.verdicts.early import found_at_once
from trials.world import World

NOTHING: World = {"table T": []}
FIRST, SECOND = {"id": "a", "cents": "1"}, {"id": "b", "cents": "1"}
OWN: World = {"table T": [SECOND]}
BOTH: World = {"table T": [FIRST, SECOND]}
REFERENCE = Reference(Sample("{}", "event.json"), OWN, empty=NOTHING)


def test_of_two_events_in_a_batch_none_may_be_dropped() -> None:
    judgement = dropped(BOTH, OWN, set())

    assert judgement
    assert judgement.promise is Promise.LOST


@pytest.mark.parametrize(
    "together",
    [
        BOTH,
        {"table T": [{"id": "of two", "cents": "2"}]},  # it sums up what comes together
        {"table T": [FIRST, {"id": "b", "cents": "2"}]},
    ],
)
def test_a_batch_that_leaves_as_much_or_something_else_drops_nothing(together: World) -> None:
    assert dropped(BOTH, together, set()) is None


@pytest.mark.parametrize(("apart", "own"), [(BOTH, True), (OWN, False), ({"table T": [FIRST]}, False)])
def test_two_events_tell_only_if_each_leaves_something_of_its_own(apart: World, own: bool) -> None:
    assert adds(REFERENCE, apart) is own


def test_the_texts_of_an_event_may_be_keys_of_what_it_leaves() -> None:
    assert list(texts({"sku": "mug", "lines": [{"of": "shop"}, 3], "cents": 990})) == ["mug", "shop"]


# ---- reads that come too early

OLD, NEW = {"id": {"S": "old"}, "n": {"N": "1"}}, {"id": {"S": "new"}, "n": {"N": "1"}}


@pytest.mark.parametrize(
    ("answer", "seen", "held_back"),
    [
        ({"Item": NEW}, {}, 1),
        ({"Item": OLD}, {"Item": OLD}, 0),
        ({"Item": {"id": {"S": "old"}}}, {"Item": {"id": {"S": "old"}}}, 0),  # a part of it was asked for
        ({}, {}, 0),
        ({"Items": [OLD, NEW], "Count": 2}, {"Items": [OLD], "Count": 1}, 1),
        ({"Responses": {"T": [NEW], "U": [OLD]}}, {"Responses": {"T": [], "U": [OLD]}}, 1),
    ],
)
def test_a_read_that_comes_too_early_sees_what_was_there_before(
    answer: dict[str, Any], seen: dict[str, Any], held_back: int
) -> None:
    assert as_before(answer, [OLD]) == (seen, held_back)


def created(**headers: str) -> Answer:
    return Answer({"statusCode": 201, "headers": headers, "body": "{}"})


def test_an_answer_names_where_what_it_made_is() -> None:
    assert location(created(Location="https://api.example/orders/1?x=2")) == "/orders/1"
    assert location(Answer({"statusCode": 201, "multiValueHeaders": {"location": ["/orders/2"]}})) == "/orders/2"
    assert location(created()) == location(Answer("x")) == ""


@pytest.mark.parametrize(
    ("route", "path", "named"),
    [
        ("/orders/{id}", "/orders/o%201", {"id": "o 1"}),
        ("/orders/{id}", "/orders/1/lines", None),
        ("/{proxy+}", "/orders/1", {"proxy": "orders/1"}),
        ("$default", "/orders/1", {}),
        ("/orders", "/orders/1", None),
    ],
)
def test_a_route_takes_the_paths_that_fit_it(route: str, path: str, named: dict[str, str] | None) -> None:
    assert parts(Route("GET", route), path) == named


POST = Source(Kind.HTTP, "Place", "Place.Post", "Api", route=Route("POST", "/orders"))
GET = Source(Kind.HTTP, "Show", "Show.Get", "Api", route=Route("GET", "/orders/{id}"))
REST = Source(Kind.HTTP, "Rest", "Rest.Any", "Api", route=Route("ANY", "/{proxy+}"))
OTHERS = Source(Kind.HTTP, "Show", "Show.Other", "OtherApi", route=Route("GET", "/orders/{id}"))


def test_the_closest_route_of_the_same_api_is_asked() -> None:
    assert list(askings([POST, REST, OTHERS, GET], POST, "/orders/1")) == [GET, REST]
    assert list(askings([POST], POST, "/orders/1")) == []


def test_the_same_caller_asks_for_what_was_made() -> None:
    claims = {"jwt": {"claims": {"sub": "ana"}}}
    place = {"headers": {"Authorization": "Bearer x", "idempotency-key": "k"}, "requestContext": {"authorizer": claims}}

    asked = asking(place, Route("GET", "/orders/{id}"), "/orders/1")
    by_any = asking(place, Route("ANY", "$default"), "/orders/1")

    assert (asked["rawPath"], asked["pathParameters"], asked["body"]) == ("/orders/1", {"id": "1"}, None)
    assert asked["requestContext"]["authorizer"] == claims
    assert asked["requestContext"]["http"]["method"] == by_any["requestContext"]["http"]["method"] == "GET"
    assert asked["headers"]["Authorization"] == "Bearer x"
    assert "idempotency-key" not in asked["headers"]
    assert (by_any["rawPath"], by_any["pathParameters"]) == ("/orders/1", None)


def status(number: int) -> Answer:
    return Answer({"statusCode": number, "body": "{}"})


@pytest.mark.parametrize(
    ("early", "held_back", "verdict"),
    [
        (status(404), True, Verdict.BROKEN),
        (status(404), False, Verdict.UNPROVED),  # it is not there for another reason
        (status(200), True, Verdict.HELD),  # it waited, or asked again
        (status(200), False, Verdict.HELD),
        (status(503), True, Verdict.UNPROVED),
        (Answer(error="KeyError: 'Item'"), True, Verdict.UNPROVED),
    ],
)
def test_what_was_made_is_found_at_once(early: Answer, held_back: bool, verdict: Verdict) -> None:
    judgement = found_at_once("/orders/1", early, held_back)

    assert judgement.verdict is verdict
    assert judgement.promise in (None, Promise.SILENT)


# ---- what a stream keeps apart


@pytest.mark.parametrize(
    ("payload", "key", "own"),
    [
        ({"data_text": "{}", "partitionKey": "d-1"}, "", "d-1"),
        ({"data_text": "{}"}, "", "trial"),
        ("{}", "", "trial"),
        ({"dynamodb": {"Keys": {"card": {"S": "c-1"}, "place": {"S": "event#1"}}}}, "card", '{"S": "c-1"}'),
    ],
)
def test_a_record_waits_for_those_of_its_own_key(payload: Any, key: str, own: str) -> None:
    assert lane(payload, key) == own


def sent(kind: Kind, payload: Any) -> Sent:
    return Sent(Source(kind, "Work", "Work.S", "S"), Sample(payload, "event.json"), (), "an event")


@pytest.mark.parametrize(
    ("kind", "one", "other", "together"),
    [
        (Kind.STREAM, {"partitionKey": "a"}, {"partitionKey": "b"}, True),
        (Kind.STREAM, {"partitionKey": "a"}, {"partitionKey": "a"}, False),
        (Kind.TABLE, {"dynamodb": {"Keys": {"pk": "a", "sk": 1}}}, {"dynamodb": {"Keys": {"pk": "a", "sk": 2}}}, False),
        (Kind.TABLE, {"dynamodb": {"Keys": {"pk": "a", "sk": 1}}}, {"dynamodb": {"Keys": {"pk": "b", "sk": 1}}}, True),
        (Kind.QUEUE, "{}", "{}", True),
    ],
)
def test_a_stream_hands_out_the_records_of_one_key_in_turn(kind: Kind, one: Any, other: Any, together: bool) -> None:
    stage: Any = SimpleNamespace(
        stack=SimpleNamespace(resources={"S": "stream"}), keys=lambda: {"S": {"pk": "S", "sk": "N"}}
    )
    player = Player(stage, [sent(kind, one), sent(kind, other)], {}, set(), budget=1)

    assert player.overlap(0, 1) is together
    assert player.overlap(0, 0) is (kind is Kind.QUEUE)
