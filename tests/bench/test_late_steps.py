"""A step that comes when its machine has given it up: by plays typed by hand."""

from dataclasses import replace
from typing import Any

import pytest

from trials.machines.definition import Task
from trials.machines.history import Attempt, Ending, Fault, Play, Undisturbed, Way
from trials.machines.late import late_steps, outlives
from trials.samples import Sample
from trials.verdicts import Promise, Verdict
from trials.verdicts.late_steps import after_its_undo
from trials.world.compare import Difference, World

EMPTY: World = {"table T": [], "outside": []}
HOTEL = {"id": "hotel", "trip": 1}
WELL, FAILED = Ending("SUCCEEDED", output="{}"), Ending("FAILED", error="Undone")
CHARGE = {"method": "PUT", "path": "/o-1", "key": "", "body": {"cents": 5}}
REFUND = {"method": "DELETE", "path": "/o-1?because=undone", "key": "", "body": None}
LATE, DONE = Fault(Way.LATE, "Step", "States.Timeout"), Fault(Way.UNKNOWN, "Step", "States.Timeout")


def there(place: str, *records: Any) -> World:
    return {**EMPTY, place: list(records)}


def step(place: str, record: Any, error: str = "") -> Attempt:
    return Attempt("Step", error, (Difference(place, [], [record]),))


def reference(place: str, record: Any) -> Undisturbed:
    return Undisturbed(
        Sample({}, "event.json"), Play(Fault(), WELL, (step(place, record),), EMPTY, there(place, record))
    )


TAKEN = Attempt("Undo", effects=(Difference("table T", [HOTEL], []),))
ASKED = Attempt("Undo", effects=(Difference("outside", [], [REFUND]),))
MARKED = Attempt("Undo", effects=(Difference("table T", [], [{"id": "undone"}]),))
IN_TABLE = reference("table T", HOTEL)
IN_TABLE_DONE = Play(DONE, FAILED, (step("table T", HOTEL, "States.Timeout"), TAKEN), EMPTY, EMPTY)
OUTSIDE = reference("outside", CHARGE)
OUTSIDE_DONE = Play(DONE, FAILED, (step("outside", CHARGE, "States.Timeout"), ASKED), EMPTY, EMPTY)
WHY = "the task waits 15 s, and its function may take 10 s to start and then 10 s"
GIVEN_UP = Attempt("Step", "States.Timeout")


def late(world: World, afterwards: World, *attempts: Attempt, ending: Ending = FAILED) -> Play:
    return Play(LATE, ending, (GIVEN_UP, *attempts), EMPTY, world, afterwards)


def test_what_comes_after_its_undo_and_stays_is_lost_to_it() -> None:
    undone = Attempt("Undo")

    in_a_table = after_its_undo(late(EMPTY, there("table T", HOTEL), undone), IN_TABLE_DONE, IN_TABLE, WHY)
    outside = after_its_undo(late(EMPTY, there("outside", CHARGE), MARKED), OUTSIDE_DONE, OUTSIDE, WHY)

    assert in_a_table.promise is outside.promise is Promise.LOST
    assert "Undo had run by then" in in_a_table.happened
    assert WHY in in_a_table.happened


@pytest.mark.parametrize(
    ("play", "done", "whole", "verdict"),
    [
        (late(EMPTY, EMPTY, MARKED), IN_TABLE_DONE, IN_TABLE, Verdict.HELD),  # a mark keeps it from being done
        (late(EMPTY, there("table T", HOTEL)), IN_TABLE_DONE, IN_TABLE, Verdict.UNPROVED),  # nothing was undone before
        (
            late(EMPTY, there("table T", HOTEL), Attempt("Undo")),
            replace(IN_TABLE_DONE, attempts=()),
            IN_TABLE,
            Verdict.UNPROVED,  # nothing undoes it where it was done in time
        ),
        (late(EMPTY, there("table T", {"id": "log"}), Attempt("Undo")), IN_TABLE_DONE, IN_TABLE, Verdict.UNPROVED),
        (  # the service was told to delete it, and may know what comes later
            late(there("outside", REFUND), there("outside", REFUND, CHARGE), ASKED),
            OUTSIDE_DONE,
            OUTSIDE,
            Verdict.UNPROVED,
        ),
        (
            late(EMPTY, there("table T", HOTEL), ending=Ending("WAITING", waits_at="Ask")),
            IN_TABLE_DONE,
            IN_TABLE,
            Verdict.UNPROVED,
        ),
    ],
)
def test_what_is_not_undone_or_can_be_told_is_no_loss(
    play: Play, done: Play, whole: Undisturbed, verdict: Verdict
) -> None:
    assert after_its_undo(play, done, whole, WHY).verdict is verdict


class Here:
    """A stage with one function, which lives for 20 seconds."""

    def __init__(self) -> None:
        self.stack, self.local = self, self
        self.resources = {"Work": "stack-Work-1"}

    def client(self, _: str) -> Any:
        return self

    def get_function_configuration(self, FunctionName: str) -> dict[str, int]:  # noqa: N803
        assert FunctionName == "stack-Work-1"
        return {"Timeout": 20}


INVOKE = "arn:aws:states:::lambda:invoke"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:stack-Work-1"


@pytest.mark.parametrize(
    ("task", "may_be_late"),
    [
        (Task("A", INVOKE, {"TimeoutSeconds": 25, "Arguments": {"FunctionName": "stack-Work-1:live"}}), True),
        (Task("A", INVOKE, {"TimeoutSeconds": 30, "Parameters": {"FunctionName": ARN}}), False),
        (Task("A", ARN, {"TimeoutSeconds": 10}), True),
        (Task("A", ARN), False),  # the machine waits for it
        (Task("A", ARN, {"TimeoutSeconds": "{% $seconds %}"}), False),
        (Task("A", f"{INVOKE}.waitForTaskToken", {"TimeoutSeconds": 5, "Arguments": {"FunctionName": ARN}}), False),
        (Task("A", ARN.replace("Work", "Other"), {"TimeoutSeconds": 5}), False),
        (Task("A", "arn:aws:states:::sqs:sendMessage", {"TimeoutSeconds": 5}), False),
    ],
)
def test_a_step_may_be_late_whose_function_outlives_the_clock_of_its_task(task: Task, may_be_late: bool) -> None:
    stage: Any = Here()

    assert bool(outlives(stage, task)) is may_be_late


def test_each_step_that_may_be_late_is_played_beside_the_play_in_which_it_was_done() -> None:
    once = replace(IN_TABLE_DONE, fault=replace(DONE, way=Way.UNKNOWN_ONCE))

    assert list(late_steps([once, IN_TABLE_DONE], {"Step": WHY})) == [(LATE, IN_TABLE_DONE)]
    assert list(late_steps([IN_TABLE_DONE], {})) == []
