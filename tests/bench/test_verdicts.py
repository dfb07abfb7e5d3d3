"""Verdicts over histories typed by hand: for each thing that may be said, a history that must and one that must not."""

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trials.deliveries.history import Answer, Delivery, History, Reference
from trials.faults import ALL as TRIALS
from trials.home import page
from trials.machines.trying import LATE
from trials.project import Kind, Source
from trials.project.source import Batching, Call, Route
from trials.samples import Sample
from trials.samples.signing import Signing
from trials.verdicts import Promise, Verdict
from trials.verdicts.forms import no_response
from trials.verdicts.judge import (
    POISON,
    alone,
    beside_poison,
    does_not_start,
    holds_poison,
    kept_after_retries,
    never_called_back,
    of_a_newer_python,
    ordered,
    refusal,
    refused_sample,
    repeated,
    undisturbed,
)
from trials.verdicts.recovery import recovered
from trials.verdicts.remedies import OF_TRIALS, SECTIONS_OF_TRIALS, remedy
from trials.world import World

ROOT = Path(__file__).resolve().parents[2]
HELD, UNPROVED = (Verdict.HELD, None), (Verdict.UNPROVED, None)
LOST, DOUBLED = (Verdict.BROKEN, Promise.LOST), (Verdict.BROKEN, Promise.DOUBLED)
BLOCKED, SILENT = (Verdict.BROKEN, Promise.BLOCKED), (Verdict.BROKEN, Promise.SILENT)
NOT_STARTED = (Verdict.BROKEN, Promise.DOES_NOT_START)

QUEUE = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
STREAM = Source(Kind.STREAM, "Work", "Work.S", "S", Batching(keeps_discarded=True))
BARE_STREAM = Source(Kind.STREAM, "Work", "Work.S", "S")
HTTP = Source(Kind.HTTP, "Api", "Api.Post")
BUS = Source(Kind.BUS, "Work", "Placed")
TASK = Source(Kind.TASK, "Work", "Orders.Work", "Orders")
GRAVES = frozenset({"queue Dlq"})
NOTHING: World = {"table T": [], "queue Dlq": [], "queue Jobs": []}
ONCE: World = {**NOTHING, "table T": [{"id": "a", "n": "1"}]}
AGAIN: World = {**NOTHING, "table T": [{"id": "a", "n": "1"}, {"id": "b", "n": "1"}]}


def reference(payload: Any = "{}", world: World = ONCE, answer: Answer = Answer(), **more: Any) -> Reference:  # noqa: B008
    return Reference(Sample(payload, "event.json"), world, set(), answer=answer, empty=NOTHING, **more)


def said(judgement: Any) -> tuple[Verdict, Promise | None]:
    return judgement.verdict, judgement.promise


# ---- the undisturbed delivery


@pytest.mark.parametrize(
    ("source", "world", "answer", "verdict"),
    [
        (QUEUE, ONCE, None, HELD),
        (QUEUE, NOTHING, None, UNPROVED),
        (QUEUE, NOTHING, {"batchItemFailures": []}, UNPROVED),
        (QUEUE, {**NOTHING, "queue Jobs": ["{}"]}, None, UNPROVED),  # its own message, to its own queue
        (QUEUE, {**ONCE, "queue Jobs": ["{}"]}, None, HELD),
        (HTTP, NOTHING, {"statusCode": 200}, HELD),
        (HTTP, NOTHING, None, UNPROVED),
        (TASK, NOTHING, {"paid": True}, HELD),
        (TASK, NOTHING, None, UNPROVED),
        (TASK, NOTHING, {}, UNPROVED),
        (BUS, NOTHING, {"paid": True}, UNPROVED),  # nobody reads what it returns
    ],
)
def test_a_delivery_is_a_reference_only_if_there_is_something_to_compare(
    source: Source, world: World, answer: Any, verdict: tuple[Verdict, Promise | None]
) -> None:
    judged = undisturbed(source, reference(world=world, answer=Answer(answer)))

    assert said(judged) == verdict
    assert bool(judged.supply) is (verdict is UNPROVED)


def test_what_is_taken_from_the_own_queue_is_not_sent_to_it_again() -> None:
    waited = replace(reference(world=NOTHING), empty={**NOTHING, "queue Jobs": ["what the bucket told"]})
    assert said(undisturbed(QUEUE, waited, calls_nothing=True)) == HELD

    again = reference(world={**NOTHING, "queue Jobs": ["again"]})
    assert said(undisturbed(QUEUE, again, calls_nothing=True)) == UNPROVED


def test_a_service_that_is_not_here_is_named_and_no_event_would_help() -> None:
    error = "Runtime.HandlerError: An error occurred (400) when calling the DetectLabels operation: "
    judged = refused_sample(QUEUE, "made up", error, Delivery(), True, "")
    assert "it called DetectLabels, which the local AWS does not know" in judged.happened
    assert "account" in judged.supply

    of_node = [
        refused_sample(QUEUE, "made up", "Runtime.HandlerError: UnknownError", Delivery(), True, "", last=call).supply
        for call in (("rekognition", "DetectLabels"), ("s3", "HeadObject"))
    ]
    assert ["account" in each for each in of_node] == [True, False]

    told = refused_sample(QUEUE, "made up", f"{error}no such image", Delivery(), True, "")
    assert "events/" in told.supply


def test_a_function_that_can_only_log_is_done_when_it_took_the_event() -> None:
    nothing = reference(world=NOTHING)

    assert said(undisturbed(QUEUE, nothing, calls_nothing=True)) == HELD
    assert said(undisturbed(QUEUE, nothing)) == UNPROVED
    called = reference(world=NOTHING, calls=(("ses", "SendEmail"),))
    assert said(undisturbed(QUEUE, called, calls_nothing=True)) == UNPROVED
    wrote, read = (reference(world=NOTHING, calls=(("s3", name),)) for name in ("PutObject", "GetObject"))
    assert [said(undisturbed(QUEUE, each, only_reads=True)) for each in (nothing, wrote, read)] == [
        UNPROVED,
        UNPROVED,
        HELD,
    ]


@pytest.mark.parametrize(
    ("delivery", "why"),
    [
        (Delivery(answers=[Answer(error="no")], failures=1), "no"),
        (Delivery(answers=[Answer({"statusCode": 400})]), "{'statusCode': 400}"),
        (
            Delivery(answers=[Answer({"statusCode": 404, "headers": {"a": "b" * 300}, "body": "no order"})]),
            "404: no order",
        ),
        (Delivery(answers=[Answer({"statusCode": 201})]), ""),
        (Delivery(answers=[Answer({"statusCode": 200, "body": '{"ok": true, "error": ""}'})]), ""),
        (Delivery(answers=[Answer({"statusCode": 200, "body": "no JSON"})]), ""),
        (Delivery(answers=[Answer({"success": False, "why": "no id"})]), "{'success': False, 'why': 'no id'}"),
        (Delivery(answers=[Answer({"body": '{"error": "no id"}'})]), "{'body': '{\"error\": \"no id\"}'}"),
        (Delivery(answers=[Answer({"body": '{"status": "failed"}'})]), "{'body': '{\"status\": \"failed\"}'}"),
        (Delivery(answers=[Answer()]), ""),
        (Delivery(), ""),
    ],
)
def test_what_a_function_refused_is_known_by_its_failure_or_its_status(delivery: Delivery, why: str) -> None:
    assert refusal(delivery) == why


@pytest.mark.parametrize(
    ("error", "starts"),
    [
        ("RuntimeError: Worker init failed: Identifier 'S3' has already been declared", False),
        ("RuntimeError: Worker init failed: Unexpected token '}'", False),
        ("RuntimeError: Worker init failed: Unexpected token 'u', \"undefined\" is not valid JSON", True),
        ("SyntaxError: Unexpected token } in JSON at position 4", True),
        ("Exception: Worker init failed: invalid syntax (app.py, line 3)", False),
        ("Exception: Worker init failed: expected ':' (app.py, line 1)", False),
        ("Exception: Worker init failed: No module named 'orders'", False),
        ("Exception: Worker init failed: module 'app' has no attribute 'handler'", False),
        ("Exception: Worker init failed: cannot import name 'x' from 'app' (/var/app.py)", False),
        ("Exception: Worker init failed: 'TABLE'", False),
        ("Runtime.UserCodeSyntaxError: SyntaxError: Unexpected token '}'", False),
        ("Runtime.HandlerNotFound: app.handler is undefined or not exported", False),
        ("Runtime.ImportModuleError: Error: Cannot find module 'app'", False),
        ("KeyError: 'TABLE'", False),
        ("Exception: Worker init failed: 'QUEUE'", True),  # the template sets it
        ("Exception: Worker init failed: Parameter /shop/known not found", True),  # AWS has it, perhaps
        ("Exception: Worker init failed: the local AWS lets nothing out: api.example.test", True),
        ("KeyError: 'order_id'", True),
        ("AttributeError: 'NoneType' object has no attribute 'get'", True),
        ("SyntaxError: Unexpected token 'o', \"order\" is not valid JSON", True),
        ("Runtime.HandlerError: no order_id", True),
        ("RuntimeError: Worker init failed: Handler lambdaHandler is not a function in app", False),
    ],
)
def test_code_that_can_never_run_is_told_from_code_that_refuses_an_event(error: str, starts: bool) -> None:
    assert bool(does_not_start(error, {"QUEUE"})) is not starts


def test_a_plain_function_that_hands_nothing_back_is_not_called_endless() -> None:
    error, plain = "Sandbox.Timedout: Task timed out after 3.00 seconds", "exports.handler = function (event) { log() }"

    ended = never_called_back(error, plain, called=False)
    assert ended is not None
    assert ended.verdict is Verdict.UNPROVED
    assert never_called_back(error, plain.replace("function", "async function"), called=False) is None
    assert never_called_back(error, "", called=False) is None  # Python
    assert never_called_back("TypeError: x", plain, called=False) is None


@pytest.mark.parametrize("name", ["aws-sdk", "aws-sdk/clients/dynamodb"])
def test_the_sdk_that_newer_runtimes_lack_is_named_as_the_reason(name: str) -> None:
    error = f"Runtime.ImportModuleError: Error: Cannot find module '{name}'"

    assert does_not_start(error).startswith("it calls version 2 of the SDK")
    assert not does_not_start(error, layers_are_here=False)
    assert does_not_start(error.replace("aws-sdk", "aws-sdkit")).startswith("its code does not load")


def test_a_package_that_a_left_out_layer_may_hold_is_not_called_missing() -> None:
    assert does_not_start("Worker init failed: No module named 'shared'", set(), layers_are_here=False) == ""
    assert does_not_start("Worker init failed: bad (app.py, line 1)", set(), layers_are_here=False)


@pytest.mark.parametrize(
    ("runtime", "error", "said"),
    [
        ("python3.12", "Worker init failed: f-string: unmatched '[' (app.py, line 25)", True),
        ("python3.13", "Worker init failed: cannot import name 'override' from 'typing'", True),
        ("python3.14", "Worker init failed: multiple exception types must be parenthesized (app.py, line 3)", True),
        ("python3.13", "Worker init failed: expected ':' (app.py, line 1)", False),  # in no Python it is
        ("python3.13", "Runtime.HandlerNotFound: Handler 'handler' missing on module 'app'", False),
        ("python3.13", "Worker init failed: cannot import name 'price' from 'shop'", False),
        ("python3.11", "Worker init failed: f-string: unmatched '[' (app.py, line 25)", False),
        ("python3.9", "Worker init failed: bad (app.py, line 1)", False),
        ("nodejs22.x", "Runtime.UserCodeSyntaxError", False),
        ("python3.12", "KeyError: 'id'", False),
    ],
)
def test_code_for_a_newer_python_is_no_code_that_cannot_load(runtime: str, error: str, said: bool) -> None:
    judgement = of_a_newer_python(error, runtime, (3, 11))

    assert (judgement is not None) is said
    assert not judgement or (judgement.verdict is Verdict.UNPROVED and "UV_PYTHON" in judgement.supply)


@pytest.mark.parametrize(
    ("runtime", "error", "said"),
    [
        ("python3.10", "Worker init failed: cannot import name '_imaging' from 'PIL' (/opt/python/PIL)", True),
        ("python3.9", "Worker init failed: No module named 'pydantic_core._pydantic_core'", True),
        ("python3.12", "Worker init failed: /opt/python/x.so: invalid ELF header", True),
        ("python3.11", "Worker init failed: cannot import name '_imaging' from 'PIL' (/opt/python/PIL)", False),
        ("python3.10", "Worker init failed: cannot import name 'prices' from 'shop'", False),
    ],
)
def test_a_module_that_is_compiled_for_another_python_is_no_code_that_cannot_load(
    runtime: str, error: str, said: bool
) -> None:
    judgement = of_a_newer_python(error, runtime, (3, 11))

    assert (judgement is not None) is said
    assert not judgement or judgement.verdict is Verdict.UNPROVED


TIMEOUT = Delivery(answers=[Answer(error="Sandbox.Timedout: Task timed out after 10.00 seconds")], failures=1)


@pytest.mark.parametrize(
    ("delivery", "called", "outside", "verdict", "supply"),
    [
        (TIMEOUT, False, "", NOT_STARTED, ""),
        (TIMEOUT, True, "", UNPROVED, "put a real event"),
        (TIMEOUT, False, "db.example.test", UNPROVED, "make the address of db.example.test a parameter"),
        (Delivery(answers=[Answer(error="no")], failures=1), False, "", UNPROVED, "put a real event"),
    ],
)
def test_a_function_that_never_ends_is_broken_only_if_it_waited_for_nobody(
    delivery: Delivery, called: bool, outside: str, verdict: Any, supply: str
) -> None:
    judged = refused_sample(QUEUE, "made up", delivery.error, delivery, called, outside)

    assert said(judged) == verdict
    assert judged.supply.startswith(supply)


# ---- a repeat


@pytest.mark.parametrize(
    ("after", "again", "verdict"),
    [
        (ONCE, Answer(), HELD),
        (AGAIN, Answer(), DOUBLED),
        ({**ONCE, "table T": [{"id": "a", "n": "2"}]}, Answer(), DOUBLED),
        ({**ONCE, "table T": []}, Answer(), DOUBLED),  # the repeat undid it
        (ONCE, Answer(error="Duplicate"), UNPROVED),
        ({**ONCE, "queue Dlq": ["{}"]}, Answer(), HELD),  # a dead letter is no effect
        ({**ONCE, "queue Out": ["{}"]}, Answer(), DOUBLED),
    ],
)
def test_a_repeat_is_doubled_only_if_something_happened_again(after: World, again: Answer, verdict: Any) -> None:
    history = History("twice", Delivery(), ONCE, after, again)

    assert said(repeated(history, QUEUE, reference(), GRAVES)) == verdict


@pytest.mark.parametrize(
    ("world", "after", "verdict"),
    [
        (NOTHING, {**NOTHING, "outside": [{"method": "PUT", "path": "/scores/1"}]}, UNPROVED),  # an execution's, later
        (NOTHING, AGAIN, DOUBLED),
        (ONCE, {**ONCE, "outside": [{"method": "PUT", "path": "/scores/1"}]}, DOUBLED),
    ],
)
def test_what_goes_on_after_an_answer_is_no_repeat(world: World, after: World, verdict: Any) -> None:
    history = History("twice at once", Delivery(answers=[Answer()]), world, after)

    assert said(repeated(history, QUEUE, reference(world=world), GRAVES)) == verdict


def test_an_equal_message_is_told_as_a_repeat_by_its_receiver() -> None:
    before = {"queue Out": [{"id": "a"}]}
    history = History("twice", Delivery(), before, {"queue Out": [{"id": "a"}, {"id": "a"}]}, Answer())

    judged = repeated(history, QUEUE, reference(), GRAVES)
    assert said(judged) == HELD
    assert "its receiver can tell" in judged.happened


@pytest.mark.parametrize(("second", "verdict"), [("1002", HELD), ("1003", DOUBLED)])
def test_of_two_at_once_it_is_their_own_messages_that_are_equal(second: str, verdict: Any) -> None:
    alone = {"queue Out": [{"id": "1001"}]}
    both = {"queue Out": [{"id": "1002"}, {"id": second}]}
    history = History("twice at once", Delivery(answers=[Answer()]), alone, both)

    told = Reference(Sample("{}", "event.json"), alone, {("queue Out", "id")})
    assert said(repeated(history, QUEUE, told, GRAVES)) == verdict


def test_what_the_mapping_does_not_read_is_no_refusal_of_the_repeat() -> None:
    named = Answer({"batchItemFailures": [{"itemIdentifier": "m"}]})
    reads = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs", Batching(reports_failures=True))
    history = History("twice", Delivery(), ONCE, ONCE, named)

    assert said(repeated(history, reads, reference(), GRAVES)) == UNPROVED
    assert said(repeated(history, QUEUE, reference(), GRAVES)) == HELD


def test_of_two_at_once_the_failure_of_the_delivery_counts() -> None:
    failed = Delivery(answers=[Answer(error="Duplicate")], failures=1)

    assert said(repeated(History("twice at once", failed, ONCE, ONCE), QUEUE, reference(), GRAVES)) == UNPROVED
    assert said(repeated(History("twice at once", Delivery(), ONCE, ONCE), QUEUE, reference(), GRAVES)) == HELD


def test_two_at_once_that_leave_less_than_one_have_lost_it() -> None:
    lost = repeated(History("twice at once", Delivery(), ONCE, {}), QUEUE, reference(), GRAVES)

    assert said(lost) == LOST


@pytest.mark.parametrize(
    ("request_", "verdict"),
    [
        ({"httpMethod": "POST", "headers": {}}, UNPROVED),
        ({"httpMethod": "POST", "headers": None}, UNPROVED),
        ({"httpMethod": "POST", "headers": {"Idempotency-Key": "k"}}, DOUBLED),
        ({"requestContext": {"http": {"method": "PUT"}}}, DOUBLED),
        ({"requestContext": {"http": {"method": "POST"}}}, UNPROVED),
    ],
)
def test_a_repeated_request_is_broken_only_if_it_can_be_known_as_one(request_: Any, verdict: Any) -> None:
    history = History("twice", Delivery(), ONCE, AGAIN, Answer())

    assert said(repeated(history, HTTP, reference(request_), GRAVES)) == verdict


def test_a_key_that_the_bench_made_up_binds_nobody() -> None:
    request_ = {"httpMethod": "POST", "headers": {"idempotency-key": "k"}}
    history = History("twice", Delivery(), ONCE, AGAIN, Answer())

    for origin in ("made up from the route", "made up from the route, with what the code reads"):
        assert said(repeated(history, HTTP, Reference(Sample(request_, origin), ONCE), GRAVES)) == UNPROVED
    read = "made up from the route, with what the code reads, with the key that the code reads"
    assert said(repeated(history, HTTP, Reference(Sample(request_, read), ONCE), GRAVES)) == DOUBLED


# ---- order


@pytest.mark.parametrize(
    ("reversed_", "verdict"),
    [
        ([{"id": "a", "version": "2"}], HELD),
        ([{"id": "a", "version": "1"}], LOST),
        ([{"id": "a", "version": "2", "note": "x"}], UNPROVED),
        ([], UNPROVED),
    ],
)
def test_an_older_event_that_wins_is_lost_and_any_other_trace_of_order_is_unproved(
    reversed_: list[Any], verdict: Any
) -> None:
    in_order = {"table T": [{"id": "a", "version": "2"}]}

    assert said(ordered(in_order, {"table T": reversed_}, reference())) == verdict


def test_messages_may_leave_in_any_order() -> None:
    assert said(ordered({"queue Q": [1, 2]}, {"queue Q": [2]}, reference())) == HELD


# ---- a malformed event beside a good one

KEPT: World = {"queue Dlq": [POISON]}
BOTH: World = {"queue Dlq": [POISON, {"id": "a"}]}
FAILED = Delivery(failures=1)
STUCK = Delivery(failures=4, stuck="it has no dead-letter queue: it comes back until it expires")


@pytest.mark.parametrize(
    ("source", "delivery", "world", "verdict"),
    [
        (QUEUE, FAILED, {**ONCE, **KEPT}, HELD),
        (QUEUE, FAILED, {**NOTHING, **BOTH}, BLOCKED),
        (QUEUE, FAILED, {**ONCE, **BOTH}, BLOCKED),
        (QUEUE, FAILED, {**NOTHING, **KEPT}, LOST),  # the good one is in no table and in no dead-letter queue
        (QUEUE, STUCK, {**ONCE, "queue Jobs": [POISON]}, LOST),
        (QUEUE, STUCK, {**NOTHING, "queue Jobs": [POISON, {"id": "a"}]}, BLOCKED),
        (QUEUE, STUCK, {**ONCE, "queue Jobs": [POISON], "queue Fatal": [POISON]}, UNPROVED),
        (QUEUE, Delivery(), ONCE, SILENT),
        (QUEUE, Delivery(), {**ONCE, "bucket Bad": [{"key": "k", "body": POISON}]}, HELD),
        (QUEUE, Delivery(), {**NOTHING, "table T": [{"id": "a", "n": "2"}]}, UNPROVED),  # one counter for both
        (QUEUE, Delivery(), {**ONCE, "table Log": [{"id": "x"}]}, UNPROVED),  # a trace, but of what?
        (QUEUE, FAILED, {**ONCE, "queue Jobs": [POISON]}, HELD),  # more receives than were waited for
        (STREAM, Delivery(failures=4, stuck="no limit"), ONCE, BLOCKED),
        (STREAM, Delivery(failures=2, discarded=1), ONCE, HELD),
        (BARE_STREAM, Delivery(failures=2, discarded=1), ONCE, LOST),
        (STREAM, Delivery(failures=3, discarded=2), ONCE, HELD),
        (STREAM, Delivery(failures=3, discarded=2), NOTHING, BLOCKED),
        (BARE_STREAM, Delivery(failures=3, discarded=2), NOTHING, BLOCKED),
        (STREAM, Delivery(), ONCE, SILENT),
        (STREAM, Delivery(), {**ONCE, "bucket Discards": [{"key": "k", "body": {"raw": POISON}}]}, HELD),
    ],
)
def test_what_became_of_a_malformed_record_and_of_the_good_one_beside_it(
    source: Source, delivery: Delivery, world: World, verdict: Any
) -> None:
    history = History("malformed", delivery, NOTHING, world)

    assert said(beside_poison(history, source, reference(), GRAVES, fifo=False)) == verdict


@pytest.mark.parametrize(
    ("delivery", "world", "verdict"),
    [
        (FAILED, {**NOTHING, **BOTH}, HELD),  # what stands behind the bad one goes with it, in order
        (FAILED, {**NOTHING, **KEPT}, LOST),  # the rest of the batch was not given back
        (FAILED, {**ONCE, **KEPT}, HELD),
        (FAILED, {**NOTHING, "table T": [POISON], "queue Dlq": BOTH["queue Dlq"][-1:]}, UNPROVED),  # a delay by design
    ],
)
def test_in_a_fifo_group_the_good_one_shares_the_fate_but_is_kept(
    delivery: Delivery, world: World, verdict: Any
) -> None:
    history = History("malformed", delivery, NOTHING, world)

    assert said(beside_poison(history, QUEUE, reference(), GRAVES, fifo=True)) == verdict


@pytest.mark.parametrize(
    ("source", "delivery"),
    [(QUEUE, Delivery()), (STREAM, Delivery(failures=3, discarded=2)), (STREAM, Delivery())],
)
def test_a_function_that_leaves_no_trace_of_a_good_event_is_not_judged_by_a_bad_one(
    source: Source, delivery: Delivery
) -> None:
    """A handler that swallows every exception holds nothing, and nothing is shown against it."""
    history = History("malformed", delivery, NOTHING, NOTHING)

    assert said(beside_poison(history, source, reference(world=NOTHING), GRAVES, fifo=False)) == UNPROVED


@pytest.mark.parametrize(
    ("records", "holds"),
    [
        ([POISON], True),
        ([{"body": {"raw": [POISON]}}], True),
        (["dHJpYWwtcG9pc29uIHtub3QgSlNPTg=="], True),
        ([" dHJpYWwtcG9pc29u"], True),
        ([{"id": "a"}], False),
        ([], False),
    ],
)
def test_the_malformed_event_is_known_again_also_in_base64(records: Any, holds: bool) -> None:
    assert holds_poison(records) is holds


@pytest.mark.parametrize(
    ("places", "declared", "verdict"),
    [(["queue Dlq"], "", HELD), (["queue Dlq"], "Dlq", HELD), ([], "", LOST), ([], "Fallback", UNPROVED)],
)
def test_an_asynchronous_event_that_always_fails_must_be_kept(places: list[str], declared: str, verdict: Any) -> None:
    assert said(kept_after_retries(places, "no", declared)) == verdict


@pytest.mark.parametrize(
    ("source", "answer", "world", "verdict"),
    [
        (BUS, Answer({"statusCode": 500}), NOTHING, SILENT),
        (BUS, Answer({"statusCode": 500}), {"queue Refused": [{"detail": {"trial-poison": True}}]}, UNPROVED),
        (BUS, Answer({"statusCode": 200}), NOTHING, UNPROVED),
        (BUS, Answer(), ONCE, UNPROVED),
        (HTTP, Answer({"statusCode": 400}), NOTHING, HELD),
        (HTTP, Answer({"statusCode": 200}), NOTHING, UNPROVED),
        (HTTP, Answer({"statusCode": 200}), ONCE, UNPROVED),
        (HTTP, Answer("plain"), NOTHING, UNPROVED),
    ],
)
def test_what_a_malformed_event_that_came_alone_was_answered(
    source: Source, answer: Answer, world: World, verdict: Any
) -> None:
    history = History("malformed", Delivery(answers=[answer]), NOTHING, world)

    assert said(alone(history, source)) == verdict


def test_a_malformed_request_that_is_answered_with_5xx_is_not_called_held() -> None:
    fared = Delivery(answers=[Answer({"statusCode": 502})], failures=3)

    assert said(alone(History("malformed", fared, NOTHING, NOTHING), HTTP)) == UNPROVED


REST, URL = Route("POST", "/orders", "1.0"), Route("POST", "/orders")


@pytest.mark.parametrize(
    ("route", "answer", "told"),
    [
        (REST, Answer({"statusCode": 200}), False),
        (REST, Answer('{"message": "done"}'), True),
        (REST, Answer({"message": "done"}), True),
        (REST, Answer(None), True),
        (REST, Answer(error="x"), False),  # which is a refusal anyway
        (URL, Answer({"message": "done"}), False),  # in the second version it is the body of a 200
        (Route("", "say", "1.0", websocket=True), Answer({}), False),
    ],
)
def test_an_answer_without_a_status_is_a_502_of_a_rest_api(route: Route, answer: Answer, told: bool) -> None:
    assert bool(no_response(replace(HTTP, route=route), answer)) is told


# ---- a fault that passes

RETRIED = Delivery(answers=[Answer(error="Throttled"), Answer()], failures=1)
GAVE_UP = Delivery(answers=[Answer(error="Throttled")] * 3, failures=3, discarded=1)
SHIPPED: World = {**ONCE, "queue Out": [{"shipment": "s-1", "order": "a"}]}
TWICE: World = {**ONCE, "queue Out": [{"shipment": "s-1", "order": "a"}, {"shipment": "s-2", "order": "a"}]}


@pytest.mark.parametrize(
    ("source", "delivery", "world", "verdict"),
    [
        (QUEUE, RETRIED, SHIPPED, HELD),
        (QUEUE, Delivery(answers=[Answer()]), SHIPPED, HELD),
        (QUEUE, RETRIED, TWICE, DOUBLED),
        (QUEUE, RETRIED, {**SHIPPED, "queue Out": [SHIPPED["queue Out"][0]] * 2}, HELD),  # an equal message
        (QUEUE, Delivery(answers=[Answer()]), {**SHIPPED, "table Failures": [1]}, UNPROVED),
        (QUEUE, RETRIED, {**SHIPPED, "table Attempts": [1]}, UNPROVED),  # undisturbed leaves nothing there
        (QUEUE, GAVE_UP, {**NOTHING, "queue Dlq": ["{}"]}, UNPROVED),  # kept as a dead letter, not lost
        (QUEUE, RETRIED, NOTHING, LOST),
        (QUEUE, Delivery(answers=[Answer()]), NOTHING, LOST),
        (QUEUE, Delivery(answers=[Answer(error="x")] * 4, failures=4, stuck="no queue"), NOTHING, UNPROVED),
        (BUS, GAVE_UP, NOTHING, UNPROVED),
        (BUS, Delivery(answers=[Answer({"statusCode": 500})]), NOTHING, LOST),
        (HTTP, Delivery(answers=[Answer({"statusCode": 503})]), NOTHING, HELD),
        (HTTP, Delivery(answers=[Answer({"statusCode": 200})]), NOTHING, LOST),
        (HTTP, Delivery(answers=[Answer({"statusCode": 200, "body": '{"success": false}'})]), NOTHING, HELD),
        (HTTP, Delivery(answers=[Answer({"statusCode": 200, "body": '{"success": true}'})]), NOTHING, LOST),
        (TASK, Delivery(answers=[Answer({"paid": False})]), NOTHING, UNPROVED),
        (TASK, Delivery(answers=[Answer({"paid": True})]), NOTHING, LOST),
        (TASK, Delivery(answers=[Answer(error="x"), Answer({})], failures=1), NOTHING, LOST),
        (TASK, Delivery(answers=[Answer(error="x"), Answer(error="x")], failures=2), NOTHING, UNPROVED),
        (QUEUE, RETRIED, {**SHIPPED, "table T": [{"id": "a", "n": "2"}]}, UNPROVED),
    ],
)
def test_after_a_fault_that_passed_all_is_as_if_it_had_not_been(
    source: Source, delivery: Delivery, world: World, verdict: Any
) -> None:
    good = reference(world=SHIPPED, answer=Answer({"paid": True}))

    assert said(recovered(History("a call", delivery, NOTHING, world), source, good, GRAVES)) == verdict


def answers(status: int, body: str = "{}", **headers: str) -> Answer:
    return Answer({"statusCode": status, "headers": headers, "body": body})


JS_SAID = {  # by the version of the SDK, whose error is handed on as JSON
    2: '{"message": "Please reduce your request rate.", "code": "SlowDown", "retryable": true}',
    3: '{"name": "ThrottlingException", "$fault": "client", "$metadata": {"totalRetryDelay": 153}}',
}
AWS_SAID = "An error occurred (ThrottlingException) when calling the PutItem operation: Rate exceeded, try again later"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (answers(400), LOST),
        (answers(404), LOST),
        (answers(400, AWS_SAID), LOST),  # AWS's words to the function are none to the caller
        (answers(400, JS_SAID[2]), LOST),
        (answers(400, JS_SAID[3]), LOST),
        (answers(409), HELD),
        (answers(412), HELD),  # read it again, and ask again
        (answers(400, '{"error": "busy, try again"}'), HELD),
        (Answer({"statusCode": 400, "headers": {"Retry-After": "3"}, "body": "{}"}), HELD),
        (answers(401), UNPROVED),  # a session that cannot be looked up: the client logs in again
        (answers(403), UNPROVED),
    ],
)
def test_who_is_told_that_a_good_request_is_wrong_does_not_ask_again(answer: Answer, verdict: Any) -> None:
    history = History("dynamodb PutItem", Delivery(answers=[answer]), NOTHING, NOTHING)

    assert said(recovered(history, HTTP, reference(), GRAVES)) == verdict


@pytest.mark.parametrize(
    ("route", "answer", "verdict"),
    [
        (Route("", "say", websocket=True, unheard=True), answers(500), LOST),
        (Route("", "say", websocket=True, unheard=True), answers(200), LOST),
        (Route("", "say", websocket=True), answers(500), HELD),
        (Route("", "$disconnect", websocket=True, unheard=True), answers(500), UNPROVED),  # a TTL may do it later
    ],
)
def test_a_websocket_s_client_gets_a_status_only_by_a_response(route: Route, answer: Answer, verdict: Any) -> None:
    history = History("dynamodb Scan", Delivery(answers=[answer]), NOTHING, NOTHING)

    assert said(recovered(history, replace(HTTP, route=route), reference(), GRAVES)) == verdict


LISTED = answers(200, '[{"id": "a"}]')


@pytest.mark.parametrize(
    ("answer", "world", "verdict"),
    [
        (answers(400), NOTHING, LOST),
        (answers(404), NOTHING, LOST),
        (answers(429), NOTHING, HELD),
        (answers(401), NOTHING, UNPROVED),
        (answers(200, "[]"), NOTHING, UNPROVED),  # an empty list, where there is an item
        (answers(200, '{"error": "busy"}'), NOTHING, HELD),
        (LISTED, NOTHING, HELD),
        (answers(400), ONCE, UNPROVED),  # done, and not told
        (LISTED, ONCE, HELD),
    ],
)
def test_who_only_asks_is_not_told_that_the_question_is_wrong(answer: Answer, world: World, verdict: Any) -> None:
    """Nothing is missing in the world when a read fails: what its caller learns is all that there is."""
    history = History("dynamodb Query", Delivery(answers=[answer]), NOTHING, world)

    assert said(recovered(history, HTTP, reference(world=world, answer=LISTED), GRAVES)) == verdict


def test_who_reads_from_a_rest_api_is_told_502_by_what_is_no_response() -> None:
    history = History("dynamodb Query", Delivery(answers=[Answer('{"message": "no"}')]), NOTHING, NOTHING)
    listed = reference(world=NOTHING, answer=LISTED)

    assert said(recovered(history, replace(HTTP, route=REST), listed, GRAVES)) == HELD


def test_a_program_that_signs_its_requests_has_nothing_to_log_in_with() -> None:
    signing = Signing(b"key", "sha256", b"", b"", "signature")
    signed = replace(reference(), sample=replace(reference().sample, signing=signing))
    history = History("secretsmanager GetSecretValue", Delivery(answers=[answers(401)]), NOTHING, NOTHING)

    assert said(recovered(history, HTTP, signed, GRAVES)) == LOST


# ---- remedies

WAY = Source(Kind.ROUTE, "Jobs", "Api.Post", "Api", call=Call("sqs", "SendMessage"))
REPORTING = replace(QUEUE, batching=Batching(reports_failures=True))
GUARDED_STREAM = replace(STREAM, batching=Batching(10, True, retries=3, halves=True, keeps_discarded=True))
TABLE, TOPIC = Source(Kind.TABLE, "Work", "Work.T", "T"), Source(Kind.TOPIC, "Work", "Work.N", "N")
DIRECT, NIGHTLY = Source(Kind.DIRECT, "Work", "Work"), Source(Kind.SCHEDULE, "Work", "Work.Nightly")
BUCKET, MACHINE = Source(Kind.BUCKET, "Work", "Work.B", "B"), Source(Kind.MACHINE, "Orders", "Orders")
DURABLE = replace(DIRECT, durable=True)
SPOKEN_OF: list[tuple[Promise, Source, str, str]] = [  # what the section has to say of such a failure
    (Promise.LOST, WAY, "malformed", "$util.urlEncode"),
    (Promise.LOST, WAY, "service refuses", "FailedEntryCount"),
    (Promise.SILENT, WAY, "service refuses", "integration response"),
    (Promise.BLOCKED, WAY, "malformed", "encodes"),
    (Promise.LOST, DIRECT, "throttled", "an exception that becomes a success"),
    (Promise.LOST, QUEUE, "throttled", "an exception that becomes a success"),
    (Promise.LOST, STREAM, "dies", "before the work"),
    (Promise.LOST, HTTP, "answer lost", "an exception that becomes a success"),
    (Promise.SILENT, QUEUE, "malformed", "an exception that becomes a success"),
    (Promise.SILENT, BUS, "malformed", "statusCode: 500"),
    (Promise.SILENT, STREAM, "malformed", "Store at once"),
    (Promise.LOST, QUEUE, "partly refused", "UnprocessedItems"),
    (Promise.LOST, BUS, "refused for good", "FailedEntryCount"),
    (Promise.LOST, QUEUE, "malformed", "RedrivePolicy"),
    (Promise.LOST, BUS, "malformed", "OnFailure"),
    (Promise.LOST, TABLE, "malformed", "on-failure destination"),
    (Promise.LOST, BUS, "outage and redrive", "OnFailure"),
    (Promise.DOUBLED, QUEUE, "outage and redrive", "redrive"),
    (Promise.DOUBLED, QUEUE, "twice", "idempotency key"),
    (Promise.DOUBLED, TOPIC, "twice", "business id in the body"),
    (Promise.DOUBLED, TABLE, "twice", "DynamoDB stream"),
    (Promise.DOUBLED, BUCKET, "twice", "sequencer"),
    (Promise.DOUBLED, BUS, "dies", "detail.metadata.event_id"),
    (Promise.DOUBLED, HTTP, "twice", "Idempotency-Key"),
    (Promise.DOUBLED, NIGHTLY, "twice", "keyed by"),
    (Promise.DOUBLED, TASK, "twice", "Step Functions execution"),
    (Promise.DOUBLED, DURABLE, "dies", "AT_MOST_ONCE_PER_RETRY"),
    (Promise.DOUBLED, MACHINE, "started twice", "redelivered event"),
    (Promise.LOST, MACHINE, LATE, "after its undo"),
    (Promise.SILENT, MACHINE, "throttled", "`Fail` state"),
    (Promise.BLOCKED, QUEUE, "malformed", "The whole batch comes again"),
    (Promise.BLOCKED, TABLE, "malformed", "stops its lane"),
    (Promise.BLOCKED, STREAM, "malformed in many ways", "stops its lane"),
    (Promise.BLOCKED, TABLE, "item removed", "stops its lane"),
    (Promise.BLOCKED, QUEUE, "at its limit", "Reserved concurrency"),
    (Promise.BLOCKED, QUEUE, "dies", "stays in progress"),
    (Promise.BLOCKED, TASK, "answer lost", "stays in progress"),
    (Promise.BLOCKED, BUS, "times out", "stays in progress"),
    (Promise.BLOCKED, HTTP, "connection gone", "GoneException"),
    (Promise.BLOCKED, BUCKET, "unusual key", "unquote_plus"),
    (Promise.LOST, BUCKET, "unusual key", "unquote_plus"),
    (Promise.LOST, BUS, "once", "before its promises"),
    (Promise.LOST, QUEUE, "throttled in a batch", "batchItemFailures"),
    (Promise.LOST, STREAM, "throttled in a batch", "batchItemFailures"),
    (Promise.LOST, BUS, "after another", "Which key"),
    (Promise.LOST, QUEUE, "late repeat", "on condition"),
    (Promise.LOST, QUEUE, "out of order", "number each entity's changes"),
    (Promise.LOST, STREAM, "out of order", "count a version"),
    (Promise.LOST, QUEUE, "twice at once", "Concurrent writers overwrite"),
    (Promise.LOST, QUEUE, "another at once", "Concurrent writers overwrite"),
    (Promise.LOST, NIGHTLY, "next run", "<aws.scheduler.scheduled-time>"),
    (Promise.LOST, HTTP, "text with a placeholder", "\\u003c"),
    (Promise.LOST, QUEUE, "in pages", "LastEvaluatedKey"),
    (Promise.DOUBLED, QUEUE, "in pages", "LastEvaluatedKey"),
    (Promise.BLOCKED, QUEUE, "in pages", "LastEvaluatedKey"),
    (Promise.SILENT, HTTP, "read at once", "just written"),
    (Promise.SILENT, HTTP, "another under its key", "another body"),
    (Promise.SILENT, HTTP, "malformed in many ways", "drops the rest"),
    (Promise.SILENT, QUEUE, "identities joined", "joined from input"),
    (Promise.SILENT, HTTP, "forged", "HMAC"),
    (Promise.LEAKED, HTTP, "forged", "compare_digest"),
    (Promise.LEAKED, HTTP, "told too much", "account, role and resource"),
    (Promise.LOST, TABLE, "arrives", "The filter's pattern"),
    (Promise.LOST, QUEUE, "arrives", "`body` for SQS"),
    (Promise.LEAKED, QUEUE, "after another", "global"),
    (Promise.DENIED, BUS, "once", "AWS::Lambda::Permission"),
    (Promise.DENIED, QUEUE, "under its role", "Permissions"),
    (Promise.DOES_NOT_START, QUEUE, "once", "Packaging"),
]


def section_of(link: str) -> str:
    document, anchor = link.removeprefix(page("")).split("#")
    for part in re.split(r"^## ", (ROOT / document).read_text(), flags=re.MULTILINE)[1:]:
        if re.sub(r"[^\w -]", "", part.partition("\n")[0].lower()).replace(" ", "-") == anchor:
            return part
    return ""


@pytest.mark.parametrize("promise", list(Promise))
@pytest.mark.parametrize("kind", list(Kind))
def test_whatever_breaks_has_a_remedy_and_a_section(promise: Promise, kind: Kind) -> None:
    for trial in ["", "search", "arrives", LATE, *(trial.name for trial in TRIALS)]:
        text, link = remedy(promise, Source(kind, "Work", "Work.Jobs", "Jobs"), trial)

        assert link.startswith(page(""))
        assert section_of(link)
        assert text.endswith(".")


@pytest.mark.parametrize(("promise", "source", "trial", "words"), SPOKEN_OF)
def test_a_finding_leads_to_what_is_said_of_such_a_failure(
    promise: Promise, source: Source, trial: str, words: str
) -> None:
    assert words in section_of(remedy(promise, source, trial)[1])


def test_every_trial_with_a_section_of_its_own_is_among_them() -> None:
    assert {(promise, trial) for promise, _, trial, _ in SPOKEN_OF} >= SECTIONS_OF_TRIALS.keys()
    assert {trial for _, trial in [*OF_TRIALS, *SECTIONS_OF_TRIALS]} <= {
        *(trial.name for trial in TRIALS),
        LATE,
        "arrives",
        "once",
    }


def test_how_good_records_are_kept_apart_depends_on_what_the_mapping_has() -> None:
    bare, reporting = (remedy(Promise.BLOCKED, source, "malformed")[0] for source in (QUEUE, REPORTING))
    stream, guarded = (remedy(Promise.BLOCKED, source, "malformed")[0] for source in (BARE_STREAM, GUARDED_STREAM))

    assert "ReportBatchItemFailures" in bare
    assert "return only the failed ones in batchItemFailures" in bare
    assert "ReportBatchItemFailures" not in reporting
    assert "return only the failed ones in batchItemFailures" in reporting
    assert not re.search("Bisect|MaximumRecordAge|on-failure", bare + reporting)
    for option in ("ReportBatchItemFailures", "BisectBatchOnFunctionError", "MaximumRecordAge", "on-failure"):
        assert option in stream
        assert option not in guarded
    assert "batchItemFailures" in guarded


@pytest.mark.parametrize("source", [DIRECT, TASK, HTTP, BUS, NIGHTLY, TOPIC, BUCKET], ids=lambda source: source.kind)
@pytest.mark.parametrize("promise", [Promise.LOST, Promise.SILENT, Promise.BLOCKED])
def test_no_batch_is_spoken_of_where_there_is_none(promise: Promise, source: Source) -> None:
    for trial in ("throttled", "malformed", "answer lost"):
        assert not re.search("(?i)batch|mapping|record that", remedy(promise, source, trial)[0])


def test_what_a_queue_lost_is_kept_and_named() -> None:
    assert "RedrivePolicy" in remedy(Promise.LOST, QUEUE, "malformed")[0]
    assert "ReportBatchItemFailures" in remedy(Promise.LOST, QUEUE, "throttled")[0]
    assert "ReportBatchItemFailures" not in remedy(Promise.LOST, REPORTING, "throttled")[0]


@pytest.mark.parametrize("promise", list(Promise))
@pytest.mark.parametrize("kind", list(Kind))
def test_a_remedy_is_one_for_both_languages(promise: Promise, kind: Kind) -> None:
    for trial in ["", LATE, *(trial.name for trial in TRIALS)]:
        text = remedy(promise, Source(kind, "Work", "Work.Jobs", "Jobs"), trial)[0]

        assert not re.search(r"=True|\b(None|raise|except|dict|boto3|unquote_plus)\b", text)
        assert ("hmac." in text) is ("crypto." in text)


def test_a_part_that_was_refused_under_status_200_has_a_remedy_of_its_own() -> None:
    assert "UnprocessedItems" in remedy(Promise.LOST, QUEUE, "partly refused")[0]
    assert "UnprocessedItems" not in remedy(Promise.LOST, QUEUE, "throttled")[0]


def test_what_held_needs_no_remedy() -> None:
    assert remedy(None, QUEUE) == ("", "")


def test_every_unproved_verdict_says_what_to_supply() -> None:
    """Also that it is nothing, if what happened is meant."""
    calls = [
        (path.name, node)
        for path in sorted((ROOT / "tests" / "trials").rglob("*.py"))
        if "node_modules" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "unproved"
    ]
    silent = [f"{name}:{call.lineno}" for name, call in calls if "supply" not in {each.arg for each in call.keywords}]

    assert len(calls) > 50
    assert silent == []
