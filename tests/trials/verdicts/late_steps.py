"""What a step does that comes when its machine has given it up, and has undone what it might have done."""

from collections.abc import Iterator
from typing import Any

from trials.machines.history import Play, Undisturbed
from trials.verdicts.machines import Effect, effects, marks, undoers
from trials.verdicts.words import MEANT, Judgement, Promise, broken, held, unproved
from trials.world.compare import differences, masked


def after_its_undo(play: Play, done: Play, reference: Undisturbed, why: str) -> Judgement:
    """`done` is the play in which every attempt was done and its answer lost: what is undone there must stay undone.

    `why` says how a step can come so late.
    """
    what, ending = str(play.fault), play.ending
    added = differences(play.world, play.late or play.world, reference.noise)
    details = [str(each) for each in added]
    if not ending.failed and ending.status != "SUCCEEDED":
        return unproved(f"{what}: it ended {ending.status} at {ending.waits_at or 'no task'}", *details, supply=MEANT)
    if not any(each.new for each in added):
        return held(f"{what}: by then it does nothing any more")
    for effect in late(play, reference):
        for undoer in takers_back(done, effect, reference):
            if undoer in play.states and not told_before(play, effect):
                text = f"{what}, for {why}: {undoer} had run by then, and {effect}, where it stays"
                return broken(Promise.LOST, text, *details)
    return unproved(f"{what}: {added[0]}", *details, supply="nothing, if what comes so late is meant to stay")


def late(play: Play, reference: Undisturbed) -> Iterator[Effect]:
    """The effects of the step that are there only since it came too late."""
    for effect in effects(reference):
        mark = masked(effect.record, effect.place, reference.noise)
        before, after = (marks(world, effect.place, reference) for world in (play.world, play.late or {}))
        if effect.state == play.fault.state and mark in after and mark not in before:
            yield effect


def takers_back(play: Play, effect: Effect, reference: Undisturbed) -> Iterator[str]:
    """The tasks beside the way to success that took an effect back, or asked an outside service to do so."""
    yield from undoers(play, effect, masked(effect.record, effect.place, reference.noise), reference)
    for attempt in play.attempts:
        beside = attempt.state not in reference.play.states and not attempt.error
        asked = [one for change in attempt.effects if change.place == "outside" for one in change.new]
        if beside and any(takes_back(one, effect.record) for one in asked):
            yield attempt.state


def takes_back(asked: Any, before: Any) -> bool:
    """Whether a request is to undo another one: one that deletes what is at its path, or ends something below it."""
    if not isinstance(asked, dict) or not isinstance(before, dict) or asked.get("host") != before.get("host"):
        return False
    there, own = (str(each.get("path")).split("?")[0] for each in (before, asked))
    return (own == there and asked.get("method") == "DELETE") or own.startswith(f"{there}/")


def told_before(play: Play, effect: Effect) -> bool:
    """Whether the outside service was asked to undo it, and so can tell that what comes now is too late."""
    return effect.place == "outside" and any(takes_back(one, effect.record) for one in play.world.get("outside", []))
