"""Verdicts over executions of a state machine: pure functions over plays, each of which can be typed by hand.

What one play leaves is weighed with the others: that a task is undone when a later one fails shows that it can be.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trials.machines.history import STOOD_IN, Play, Setting, Started, Undisturbed, Way
from trials.verdicts.words import MEANT, Judgement, Promise, Verdict, broken, held, unproved
from trials.world.compare import SINKS, Difference, Noise, World, differences, masked, tellable

EVENT = "put an input with which it ends well into events/{name}.json"
ANSWER = '[[tasks]] in trials.toml with state = "{state}" and the answer that somebody gives'
RETRY = "nothing, if somebody redrives what failed; else a Retry that takes this error"
LEFT = "nothing, if what is left is meant to be left; else a Catch whose tasks undo it, or finish it"
FAILURE = re.compile(
    r"fail|error|reject|declin|cancel|refus|undo|undone|compensat|abort|timed?.?out|dead", re.IGNORECASE
)
SEES = "whoever reads how an execution ended sees it"


@dataclass(frozen=True)
class Effect:
    """Something that a task left and that is there when all is done."""

    state: str
    place: str
    record: Any

    def __str__(self) -> str:
        text = json.dumps(self.record, default=str)
        return f"{self.state} left {text if len(text) <= 100 else text[:97] + '…'} in {self.place}"


# ---- without a fault


def ended_well(reference: Undisturbed, name: str, unreached: Sequence[str]) -> Judgement:
    """What an execution without a fault did; without an effect or an output there is nothing to compare."""
    play, ending = reference.play, reference.play.ending
    origin = reference.sample.origin
    if reference.unloaded:
        text = f"{origin}: a task fails whatever it is given, for its code does not load: {reference.unloaded}"
        return unproved(text, supply="the code and the packages of that task")
    if ending.status == "WAITING":
        text = f"{origin}: it waits at {ending.waits_at} for an answer, which nobody gives here"
        return unproved(text, supply=ANSWER.format(state=ending.waits_at))
    if ending.status == "TRYING":
        where = f", and was at {ending.waits_at}" if ending.waits_at else ": it goes round and asks for no task"
        return unproved(f"{origin}: it comes to no end{where}", supply=EVENT.format(name=name))
    if ending.failed:
        cause = " ".join(ending.cause.split())[:300]
        text = f"{origin}: it ended {ending.status} with {ending.error or 'no error'}: {cause}"
        return unproved(text, *missed(unreached), supply=EVENT.format(name=name))
    effects = differences(play.empty, play.world, set())
    ran = f"{len(play.states)} tasks ran" if len(play.states) != 1 else "1 task ran"
    if effects:
        return held(f"{origin}: {ran}; {'; '.join(map(str, effects))}", *map(str, effects), *missed(unreached))
    answers = bool(play.states) or not unreached  # of a machine without tasks its output is all that it is for
    if answers and ending.output not in ("", "{}", "null", json.dumps(reference.sample.payload)):
        return held(f"{origin}: {ran}; nothing that can be seen changed, it ended with an output", *missed(unreached))
    if not play.states:
        return unproved(f"{origin}: it ended without a task", *missed(unreached), supply=EVENT.format(name=name))
    return unproved(f"{origin}: {ran}; nothing that can be seen changed", supply=EVENT.format(name=name))


def missed(unreached: Sequence[str]) -> list[str]:
    """A detail that names the tasks that the input does not reach, and that were therefore not tried."""
    return [f"not reached with this input: {', '.join(unreached)}"] if unreached else []


# ---- under a fault


def judged(play: Play, reference: Undisturbed, setting: Setting, plays: Sequence[Play]) -> Judgement:
    """How an execution ended of which one task failed; `plays` are all that were made."""
    what, ending = str(play.fault), play.ending
    told = list(tells(play, reference))
    if ending.status == "WAITING":
        text = f"{what}: it waits at {ending.waits_at} for somebody's answer"
        return held(f"{text}, told by {told[0].place}", *map(str, told)) if told else unproved(text, supply=MEANT)
    if ending.status == "TRYING":
        text = f"{what}: it tries on and on, last {ending.waits_at}"
        return held(f"{text}, and tells {told[0].place}", *map(str, told)) if told else unproved(text, supply=MEANT)
    if ending.failed:
        return failed(play, reference, setting, plays, told)
    return succeeded(play, reference, setting, told)


def tells(play: Play, reference: Undisturbed) -> Iterator[Difference]:
    """What is there only because of the failure, and may tell somebody of it."""
    for change in differences(reference.play.world, play.world, reference.noise):
        known = json.dumps(reference.play.world.get(change.place, []), default=str)
        new = json.dumps(change.new, default=str)
        words = {word.lower() for word in FAILURE.findall(new)} - {word.lower() for word in FAILURE.findall(known)}
        sent = change.place.split(" ")[0] in SINKS and change.new and not repeats(change, play, reference.play)
        same_place = reference.play.world.get(change.place) != reference.play.empty.get(change.place)
        if change.new and (words or play.fault.error in new or (sent and not same_place)):
            yield change


def repeats(change: Difference, play: Play, plain: Play) -> bool:
    """Whether what a play sent more than another is a message of either once more, equal also where plays differ.

    An id that one task makes anew in each play is the same in both messages if only a later task was tried again.
    """
    own = list(play.world.get(change.place, []))
    for record in change.new:
        own.remove(record)
    return tellable(change, {change.place: [*plain.world.get(change.place, []), *own]})


def succeeded(play: Play, reference: Undisturbed, setting: Setting, told: list[Difference]) -> Judgement:
    """It ended as if all were well: then all must be done, once, or somebody must be told."""
    what = str(play.fault)
    changed = differences(reference.play.world, play.world, reference.noise)
    changed = [each for each in changed if not repeats(each, play, reference.play)]
    details = [str(each) for each in changed]
    unknown = [each for each in changed if each.place == STOOD_IN]  # what a stand-in would have done is not known
    gone = [each for each in changed if each.gone and each not in unknown]
    seen = [each for each in changed if each not in unknown]
    again = sum(each.state == play.fault.state for each in play.attempts) > 1
    if not changed:
        return held(f"{what}: {'tried again' if again else 'it went on'}, and all is done once")
    if not gone and play.fault.way is Way.UNKNOWN_ONCE and again and any(filled(each, reference) for each in seen):
        return broken(Promise.DOUBLED, f"{what}: the retry did more than once does: {seen[0]}", *details)
    if told:
        return held(f"{what}: it ended SUCCEEDED and tells of it: {told[0]}", *details)
    if any(each.new for each in changed):
        return unproved(f"{what}: it ended SUCCEEDED with another outcome: {changed[0]}", *details, supply=MEANT)
    if not gone:
        text = f"{what}: it ended SUCCEEDED; what this task does is not here, nor what lacks now"
        return unproved(text, *details, supply=MEANT)
    if play.fault.named:
        return unproved(f"{what}, which it names: it ended SUCCEEDED without {gone[0]}", *details, supply=MEANT)
    if play.fault.error in play.ending.output and setting.started is not Started.ALONE:
        text = f"{what}: it ended SUCCEEDED, and only its output says why something lacks: {gone[0]}"
        return unproved(text, *details, supply="nothing, if whoever started it reads its output")
    text = f"{what}: it ended SUCCEEDED all the same, and nothing tells anybody: {gone[0]}"
    return broken(Promise.SILENT, text, *details)


def filled(change: Difference, reference: Undisturbed) -> bool:
    """Whether an undisturbed execution leaves something in the same place."""
    return reference.play.world.get(change.place) != reference.play.empty.get(change.place)


def failed(
    play: Play, reference: Undisturbed, setting: Setting, plays: Sequence[Play], told: list[Difference]
) -> Judgement:
    """It ended FAILED, which can be seen: what stays of it is listed, unless something undoes that elsewhere."""
    what, ending = str(play.fault), play.ending
    left = list(standing(play.world, play.empty, reference))
    seen = [*(f"told by {each}" for each in told), *(f"{name} tells of failed executions" for name in setting.watchers)]
    details = [*map(str, left), *seen]
    end = f"it ended {ending.status} with {ending.error or 'no error'}"
    if not (told or setting.watchers):
        for effect, undoer, other in forgotten(play, reference, plays):
            text = f"{what}: {end}, and {effect} stays: {undoer} takes it back if {other}, and did not run"
            return broken(Promise.LOST, text, *details)
    if not setting.keeps_failures and not told and not play.fault.named:
        text = f"{what}: {end}, and an EXPRESS execution that nobody waits for and no log keeps leaves nothing of it"
        return broken(Promise.LOST, text, *details)
    if play.fault.way in (Way.ONCE, Way.UNKNOWN_ONCE):
        rest = f"; {left[0]}" if left else "; nothing of it is left"
        return unproved(f"{what}: one failure ended it, {end}{rest}", *details, supply=RETRY)
    if left:
        return unproved(f"{what}: {end}, and what had been done stays: {left[0]}", *details, supply=LEFT)
    return held(f"{what}: {end}, and nothing of it is left; {seen[0] if seen else SEES}", *details)


def effects(reference: Undisturbed) -> Iterator[Effect]:
    """What the tasks of an undisturbed execution left, as far as it is there in the end."""
    for attempt in reference.play.attempts:
        for change in attempt.effects:
            last = marks(reference.play.world, change.place, reference)
            kept = (one for one in change.new if masked(one, change.place, reference.noise) in last)
            yield from (Effect(attempt.state, change.place, one) for one in kept)


def marks(world: World, place: str, reference: Undisturbed) -> set[str]:
    """The records in a place, in the form in which two runs agree on them."""
    return {masked(each, place, reference.noise) for each in world.get(place, [])}


def standing(world: World, empty: World, reference: Undisturbed) -> Iterator[Effect]:
    """The effects that are in a world as an undisturbed execution leaves them."""
    for effect in effects(reference):
        mark = masked(effect.record, effect.place, reference.noise)
        there = mark in marks(world, effect.place, reference) and mark not in marks(empty, effect.place, reference)
        if there:
            yield effect


def forgotten(play: Play, reference: Undisturbed, plays: Sequence[Play]) -> Iterator[tuple[Effect, str, str]]:
    """What stays though a task beside the way to success takes it back when the same or a later task fails.

    Each with the name of that task, and the failure after which it ran.
    """
    order = list(dict.fromkeys(each.state for each in reference.play.attempts))
    for effect in standing(play.world, play.empty, reference):
        mark = masked(effect.record, effect.place, reference.noise)
        for other in plays:
            later = other is not play and order.index(other.fault.state) >= order.index(play.fault.state)
            if not later or mark in marks(other.world, effect.place, reference):
                continue
            for undoer in undoers(other, effect, mark, reference):
                if undoer not in play.states:
                    yield effect, undoer, str(other.fault)


def undoers(play: Play, effect: Effect, mark: str, reference: Undisturbed) -> Iterator[str]:
    """The tasks beside the way to success that took an effect back in a play."""
    for attempt in play.attempts:
        if attempt.state in reference.play.states or attempt.error:
            continue
        for change in attempt.effects:
            if change.place == effect.place and mark in {
                masked(one, change.place, reference.noise) for one in change.gone
            }:
                yield attempt.state


def undone_twice(play: Play, plain: Play, noisy: Noise) -> Judgement:
    """What the tasks beside the way to success did whose first answer was lost, compared with one without that loss."""
    states = [each.state for each in play.attempts]
    twice = [state for state in dict.fromkeys(states) if states.count(state) > 1 and state not in play.fault.ahead]
    changed = differences(plain.world, play.world, noisy)
    more = [each for each in changed if each.new and not repeats(each, play, plain)]
    details = [str(each) for each in changed]
    if not twice:
        return unproved(f"{play.fault}: none of them is tried again", *details, supply=RETRY)
    if more and play.ending.status == plain.ending.status:
        return broken(Promise.DOUBLED, f"{play.fault}: {twice[0]}, tried again, did more: {more[0]}", *details)
    if more:
        text = f"{play.fault}: it ended {play.ending.status} with another outcome: {more[0]}"
        return unproved(text, *details, supply=MEANT)
    return held(f"{play.fault}: {', '.join(twice)} tried again, and all is undone once")


# ---- started twice


def again(play: Play, reference: Undisturbed, setting: Setting, same_name: bool = False) -> Judgement:
    """The same input in a second execution, as whoever starts it at least once gives it."""
    if same_name and not differences(reference.play.world, play.world, reference.noise):
        return held("a second start under the same name is refused by Step Functions, and does nothing more")
    changed = differences(reference.play.world, play.world, reference.noise)
    told = [each for each in changed if repeats(each, play, reference.play)]
    more = [each for each in changed if each not in told and each.new]
    here = [each for each in more if each.place != STOOD_IN]
    details = [str(each) for each in changed]
    if here and setting.started is Started.ALONE:
        return broken(Promise.DOUBLED, f"started twice with one event, it does it twice: {here[0]}", *details)
    if more:
        text = f"a second execution with the same input does it again: {more[0]}"
        supply = "nothing, if whoever starts it names the execution after the event; EXPRESS runs a name twice"
        return unproved(text, *details, supply=supply)
    if told:
        return held(f"sent on again with equal content, so its receiver can tell: {told[0].place}", *details)
    return held("a second execution with the same input did nothing more", *details)


# ---- many plays of one trial


def summed(verdicts: Sequence[Judgement], skipped: Sequence[str]) -> list[Judgement]:
    """Each that broke, and of the others one row for what is open and one for what held."""
    rows = [each for each in verdicts if each.verdict is Verdict.BROKEN]
    for verdict in (Verdict.UNPROVED, Verdict.HELD):
        same = [each for each in verdicts if each.verdict is verdict]
        if same:
            more = f"; and {len(same) - 1} more" if len(same) > 1 else ""
            details = [line for each in same for line in (each.happened, *(f"  {one}" for one in each.details))]
            supply = next((each.supply for each in same if each.supply), "")
            rows.append(Judgement(verdict, f"{same[0].happened}{more}", details=tuple(details), supply=supply))
    if skipped:
        rows.append(unproved(f"not played: {', '.join(skipped)}", supply="--thorough plays all"))
    return rows
