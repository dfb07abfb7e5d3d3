"""Verdicts over executions of a state machine, each of a history that is typed by hand."""

from dataclasses import replace
from typing import Any

import pytest

from trials.machines.history import STOOD_IN, Attempt, Ending, Fault, Play, Setting, Started, Undisturbed, Way
from trials.machines.trying import does_not_load
from trials.samples import Sample
from trials.verdicts import Promise, Verdict
from trials.verdicts.machines import again, ended_well, judged, summed, undone_twice
from trials.verdicts.words import broken, held, unproved
from trials.world.compare import Difference, World

EMPTY: World = {"table T": [], "queue Told": [], STOOD_IN: []}
HOTEL, FLIGHT = {"id": "hotel", "trip": 1}, {"id": "flight", "trip": 1}


def world(*records: Any, told: Any = ()) -> World:
    return {**EMPTY, "table T": list(records), "queue Told": list(told)}


def made(record: Any) -> tuple[Difference, ...]:
    return (Difference("table T", [], [record]),)


def taken(record: Any) -> tuple[Difference, ...]:
    return (Difference("table T", [record], []),)


WELL = Ending("SUCCEEDED", output="{}")
BOTH = (Attempt("Hotel", effects=made(HOTEL)), Attempt("Flight", effects=made(FLIGHT)))
GOOD = Undisturbed(Sample({"id": 1}, "event.json"), Play(Fault(), WELL, BOTH, EMPTY, world(HOTEL, FLIGHT)))
QUEUED = Setting(started=Started.ALONE)
HELD, UNPROVED = (Verdict.HELD, None), (Verdict.UNPROVED, None)
LOST, DOUBLED = (Verdict.BROKEN, Promise.LOST), (Verdict.BROKEN, Promise.DOUBLED)
SILENT = (Verdict.BROKEN, Promise.SILENT)


def play(
    way: Way,
    state: str,
    left: World,
    status: str = "SUCCEEDED",
    attempts: tuple[Attempt, ...] = (),
    named: bool = False,
    **end: str,
) -> Play:
    return Play(Fault(way, state, "Down", named), Ending(status, **end), attempts, EMPTY, left)


def verdict(of: Play, setting: Setting = QUEUED, others: tuple[Play, ...] = ()) -> tuple[Verdict, Promise | None]:
    judgement = judged(of, GOOD, setting, [of, *others])
    return judgement.verdict, judgement.promise


TWICE = (Attempt("Flight", "Down"), Attempt("Flight", effects=made(FLIGHT)))


@pytest.mark.parametrize(
    ("played", "expected"),
    [
        (play(Way.ONCE, "Flight", world(HOTEL, FLIGHT), attempts=TWICE), HELD),
        (play(Way.UNKNOWN_ONCE, "Flight", world(HOTEL, FLIGHT), attempts=TWICE), HELD),
        (play(Way.UNKNOWN_ONCE, "Flight", world(HOTEL, FLIGHT, {"id": "f2", "trip": 1}), attempts=TWICE), DOUBLED),
        # without a retry it cannot have been the retry
        (play(Way.UNKNOWN_ONCE, "Flight", world(HOTEL, FLIGHT, {"id": "f2"}), attempts=TWICE[:1]), UNPROVED),
        # it was refused before it was done: more is no second time
        (play(Way.ONCE, "Flight", world(HOTEL, FLIGHT, {"id": "f2"}), attempts=TWICE), UNPROVED),
        (play(Way.FOR_GOOD, "Flight", world(HOTEL)), SILENT),
        (play(Way.ONCE, "Flight", world(HOTEL)), SILENT),
        (play(Way.FOR_GOOD, "Flight", world(HOTEL), named=True), UNPROVED),  # a business answer, for all one knows
        (play(Way.FOR_GOOD, "Flight", world(HOTEL, told=[{"error": "Down"}])), HELD),
        (play(Way.FOR_GOOD, "Flight", world(HOTEL, told=["look at trip 1"])), HELD),
        (play(Way.FOR_GOOD, "Flight", world({**HOTEL, "status": "FAILED"})), HELD),
        (play(Way.FOR_GOOD, "Flight", world({**HOTEL, "seat": None})), UNPROVED),  # who reads that?
        (play(Way.FOR_GOOD, "Flight", world(HOTEL, FLIGHT)), HELD),  # it only read
        (play(Way.FOR_GOOD, "Flight", EMPTY, "FAILED", error="Down"), HELD),
        (play(Way.FOR_GOOD, "Flight", world(HOTEL), "FAILED", error="Down"), UNPROVED),
        (play(Way.ONCE, "Flight", world(HOTEL), "FAILED", error="Down"), UNPROVED),
        (play(Way.ONCE, "Flight", EMPTY, "FAILED", error="Down"), UNPROVED),  # a passing fault ended it
        (play(Way.FOR_GOOD, "Flight", world(HOTEL, told=["?"]), "WAITING", waits_at="Ask"), HELD),
        (play(Way.FOR_GOOD, "Flight", world(HOTEL), "WAITING", waits_at="Ask"), UNPROVED),
        (play(Way.FOR_GOOD, "Flight", world(HOTEL, told=["?"]), "TRYING", waits_at="Undo"), HELD),
        (play(Way.FOR_GOOD, "Flight", world(HOTEL), "TRYING", waits_at="Undo"), UNPROVED),
    ],
)
def test_how_an_execution_ended_under_a_fault_is_weighed(
    played: Play, expected: tuple[Verdict, Promise | None]
) -> None:
    assert verdict(played) == expected


def test_what_a_stand_in_would_have_done_is_neither_missed_nor_doubled() -> None:
    called = {"state": "Score", "called": "function score", "with": {"id": 1}}
    other = {**called, "with": {"id": 2}}
    scored = Play(Fault(), WELL, (Attempt("Score", stood_in=True),), EMPTY, {**EMPTY, STOOD_IN: [called]})
    reference = Undisturbed(GOOD.sample, scored)
    attempts = (Attempt("Score", "Down"), Attempt("Score"))
    for way, left in ((Way.FOR_GOOD, []), (Way.UNKNOWN_ONCE, [called, other])):
        left_there = replace(play(way, "Score", {**EMPTY, STOOD_IN: left}), attempts=attempts)
        assert judged(left_there, reference, QUEUED, []).verdict is Verdict.UNPROVED
    assert again(play(Way.NOT, "", {**EMPTY, STOOD_IN: [called, other]}), reference, QUEUED).verdict is Verdict.UNPROVED


@pytest.mark.parametrize("started", [Started.BY_CODE, Started.WAITED_FOR, Started.UNKNOWN])
def test_an_output_that_says_why_is_silent_only_where_nobody_can_read_it(started: Started) -> None:
    swallowed = play(Way.FOR_GOOD, "Flight", world(HOTEL), output='{"error": {"Error": "Down"}}')

    assert verdict(swallowed, Setting(started=started)) == UNPROVED
    assert verdict(swallowed, QUEUED) == SILENT
    assert verdict(replace(swallowed, ending=WELL), Setting(started=started)) == SILENT


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (Setting(True, False, Started.ALONE), LOST),
        (Setting(True, False, Started.WAITED_FOR), HELD),
        (Setting(True, False, Started.BY_CODE), HELD),
        (Setting(True, False, Started.UNKNOWN), HELD),
        (Setting(True, True, Started.ALONE), HELD),
        (Setting(True, None, Started.ALONE), HELD),  # only deployment tells
        (Setting(False, False, Started.ALONE), HELD),
    ],
)
def test_a_failed_execution_is_lost_only_where_nothing_keeps_it(
    setting: Setting, expected: tuple[Verdict, Promise | None]
) -> None:
    assert verdict(play(Way.FOR_GOOD, "Flight", EMPTY, "FAILED", error="Down"), setting) == expected
    assert verdict(play(Way.FOR_GOOD, "Flight", EMPTY, "FAILED", named=True), setting) == HELD  # refused by its name


UNDO = Attempt("CancelHotel", effects=taken(HOTEL))
FLIGHT_FAILS = play(Way.FOR_GOOD, "Flight", EMPTY, "FAILED", (BOTH[0], Attempt("Flight", "Down"), UNDO), error="Down")
NO_ANSWER = play(Way.UNKNOWN, "Hotel", world(HOTEL), "FAILED", (Attempt("Hotel", "Down", made(HOTEL)),), error="Down")


def test_a_step_without_an_answer_that_is_undone_elsewhere_and_not_here_is_lost() -> None:
    judgement = judged(NO_ANSWER, GOOD, QUEUED, [NO_ANSWER, FLIGHT_FAILS])

    assert (judgement.verdict, judgement.promise) == LOST
    assert "CancelHotel takes it back if Flight refused each time with Down" in judgement.happened


@pytest.mark.parametrize(
    ("played", "other", "setting"),
    [
        (NO_ANSWER, NO_ANSWER, QUEUED),  # nothing shows that it can be undone
        (NO_ANSWER, FLIGHT_FAILS, replace(QUEUED, watchers=("Alarm",))),
        (replace(NO_ANSWER, world=world(HOTEL, told=["Down"])), FLIGHT_FAILS, QUEUED),
        # the undo was tried
        (replace(NO_ANSWER, attempts=(*NO_ANSWER.attempts, replace(UNDO, error="x"))), FLIGHT_FAILS, QUEUED),
        # only an earlier failure undoes: after the flight there may be no way back
        (
            play(Way.FOR_GOOD, "Flight", world(HOTEL), "FAILED", BOTH[:1], error="Down"),
            replace(FLIGHT_FAILS, fault=Fault(Way.FOR_GOOD, "Hotel", "Down")),
            QUEUED,
        ),
        # another task of the plain way changed it, which is no undo
        (NO_ANSWER, replace(FLIGHT_FAILS, attempts=(Attempt("Flight", effects=taken(HOTEL)),)), QUEUED),
        # a task ran that changed something else
        (NO_ANSWER, replace(FLIGHT_FAILS, attempts=(replace(UNDO, effects=made(FLIGHT)),)), QUEUED),
        # it ran, and the effect is there all the same
        (NO_ANSWER, replace(FLIGHT_FAILS, world=world(HOTEL)), QUEUED),
    ],
)
def test_what_stays_is_open_unless_it_is_shown_that_it_could_be_undone(
    played: Play, other: Play, setting: Setting
) -> None:
    judgement = judged(played, GOOD, setting, [played, other])

    assert (judgement.verdict, judgement.promise) == UNPROVED
    assert any("Hotel left" in line for line in judgement.details)


@pytest.mark.parametrize(
    ("left", "setting", "expected"),
    [
        (world(HOTEL, FLIGHT), QUEUED, HELD),
        (world(HOTEL, FLIGHT, {"id": "h2"}), QUEUED, DOUBLED),
        (world(HOTEL, FLIGHT, {"id": "h2"}), Setting(started=Started.BY_CODE), UNPROVED),
        (world(HOTEL, FLIGHT, {"id": "h2"}), Setting(started=Started.UNKNOWN), UNPROVED),
    ],
)
def test_a_second_execution_doubles_only_where_nobody_names_it(
    left: World, setting: Setting, expected: tuple[Verdict, Promise | None]
) -> None:
    judgement = again(play(Way.NOT, "", left), GOOD, setting)

    assert (judgement.verdict, judgement.promise) == expected


def test_a_message_that_is_sent_again_with_equal_content_is_told_by_its_receiver() -> None:
    sent = Undisturbed(GOOD.sample, Play(Fault(), WELL, BOTH, EMPTY, world(told=["m"])))

    assert again(play(Way.NOT, "", world(told=["m", "m"])), sent, QUEUED).verdict is Verdict.HELD


@pytest.mark.parametrize(
    ("output", "unreached", "verdict"),
    [
        ('{"greeting": "hello"}', [], Verdict.HELD),
        ('{"greeting": "hello"}', ["Later"], Verdict.UNPROVED),  # a task that could leave something did not run
        ('{"id": 1}', [], Verdict.UNPROVED),  # what came in
        ("{}", [], Verdict.UNPROVED),
    ],
)
def test_the_output_of_a_machine_without_tasks_is_its_answer(
    output: str, unreached: list[str], verdict: Verdict
) -> None:
    play = Play(Fault(), Ending("SUCCEEDED", output=output), (), EMPTY, EMPTY)

    assert ended_well(Undisturbed(GOOD.sample, play), "Flow", unreached).verdict is verdict


@pytest.mark.parametrize(
    ("ending", "left", "attempts", "expected"),
    [
        (WELL, world(HOTEL), BOTH, Verdict.HELD),
        (Ending("SUCCEEDED", output='{"score": 3}'), EMPTY, BOTH, Verdict.HELD),
        (Ending("SUCCEEDED", output='{"id": 1}'), EMPTY, BOTH, Verdict.UNPROVED),  # its own input
        (WELL, EMPTY, BOTH, Verdict.UNPROVED),
        (Ending("SUCCEEDED", output='{"a": 1}'), EMPTY, (), Verdict.UNPROVED),
        (Ending("FAILED", "NoSuchOrder"), world(HOTEL), BOTH, Verdict.UNPROVED),
        (Ending("WAITING", waits_at="Approve"), world(HOTEL), BOTH, Verdict.UNPROVED),
        (Ending("TRYING", waits_at="Poll"), world(HOTEL), BOTH, Verdict.UNPROVED),
    ],
)
def test_an_execution_without_a_fault_counts_if_it_ends_well_and_leaves_something(
    ending: Ending, left: World, attempts: tuple[Attempt, ...], expected: Verdict
) -> None:
    judgement = ended_well(Undisturbed(GOOD.sample, Play(Fault(), ending, attempts, EMPTY, left)), "Flow", ["Later"])

    assert judgement.verdict is expected
    assert bool(judgement.supply) is (expected is Verdict.UNPROVED)


def test_what_a_machine_does_without_the_code_of_a_task_tells_nothing() -> None:
    """A Catch leads on where a function cannot be loaded, and all that follows is no undisturbed execution."""
    cause = '{"errorMessage": "Worker init failed: No module named \'pandas\'"}'
    play = Play(Fault(), WELL, BOTH, EMPTY, world(HOTEL))
    judgement = ended_well(Undisturbed(GOOD.sample, play, unloaded=does_not_load("Score", cause)), "Flow", [])

    assert judgement.verdict is Verdict.UNPROVED
    assert "Score" in judgement.happened
    assert does_not_load("Score", '{"errorMessage": "no such order"}') == ""


def test_of_many_plays_each_that_broke_is_a_row_and_the_others_are_one_by_verdict() -> None:
    rows = summed([held("a"), broken(Promise.LOST, "b"), unproved("c", "left"), held("d"), unproved("e")], ["f"])

    assert [(each.verdict, each.happened) for each in rows] == [
        (Verdict.BROKEN, "b"),
        (Verdict.UNPROVED, "c; and 1 more"),
        (Verdict.HELD, "a; and 1 more"),
        (Verdict.UNPROVED, "not played: f"),
    ]
    assert rows[1].details == ("c", "  left", "e")


# ---- undone twice

AHEAD = frozenset({"Hotel", "Flight"})
CANCELLED = (Attempt("Flight", "TrialError"), Attempt("CancelHotel", effects=taken(HOTEL)))
CANCELLED_TWICE = (*CANCELLED[:1], Attempt("CancelHotel", "States.Timeout", taken(HOTEL)), Attempt("CancelHotel"))


def undoing(left: World, attempts: tuple[Attempt, ...], status: str = "FAILED") -> tuple[Verdict, Promise | None]:
    plain = Play(Fault(Way.FOR_GOOD, "Flight", "TrialError"), Ending("FAILED"), CANCELLED, EMPTY, world())
    fault = Fault(Way.UNDONE_TWICE, "Flight", "TrialError", ahead=AHEAD)
    judgement = undone_twice(Play(fault, Ending(status), attempts, EMPTY, left), plain, set())
    return judgement.verdict, judgement.promise


def test_an_undo_that_a_retry_repeats_must_undo_once() -> None:
    assert undoing(world(), CANCELLED_TWICE) == HELD
    assert undoing(world({"id": "refund", "n": 2}), CANCELLED_TWICE) == DOUBLED


@pytest.mark.parametrize(("second", "expected"), [("b", HELD), ("c", DOUBLED)])
def test_a_message_is_a_repeat_of_one_in_its_own_execution(second: str, expected: Any) -> None:
    """Its id is another in each execution: an earlier task drew it, and only the later one was tried again."""
    said = [{"id": "a"}], [{"id": "b"}, {"id": second}]
    plain, played = (world(HOTEL, FLIGHT, told=messages) for messages in said)
    drawn = Undisturbed(GOOD.sample, replace(GOOD.play, world=plain), {("queue Told", "id")})
    tried = play(Way.UNKNOWN_ONCE, "Flight", played, attempts=TWICE)

    judgement = judged(tried, drawn, QUEUED, [tried])

    assert (judgement.verdict, judgement.promise) == expected


def test_an_undo_that_nothing_repeats_tells_nothing() -> None:
    assert undoing(world(), CANCELLED) == UNPROVED
    assert undoing(world({"id": "x"}), CANCELLED_TWICE, "TIMED_OUT") == UNPROVED
