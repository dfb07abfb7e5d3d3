"""All trials of one state machine, as the stream of events that every source is."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from trials.machines import inputs, results
from trials.machines.definition import beyond, forward, tasks
from trials.machines.faults import UNMENTIONED, faults
from trials.machines.history import Fault, Play, Setting, Started, Undisturbed, Way
from trials.machines.late import late_steps, outliving
from trials.machines.playing import FIRST, SECOND, Played, deployed, play
from trials.machines.starts import setting
from trials.project import Kind, Source
from trials.report.events import Event, SamplesUsed, SourceEnded, Told, TrialStarted
from trials.samples.code import of_function
from trials.samples.learned import mends
from trials.samples.lookups import lookups, wanted_items
from trials.samples.reads import Reads
from trials.samples.refused import Refusal
from trials.samples.sample import Sample
from trials.stage import Stage
from trials.verdicts import Finding, Judgement, Status, Verdict, unproved
from trials.verdicts.late_steps import after_its_undo
from trials.verdicts.machines import again, ended_well, judged, summed, undone_twice
from trials.verdicts.remedies import remedy
from trials.world import noise

__all__ = ["LATE", "Trying", "does_not_load", "faults", "try_machine"]

NO_CODE = re.compile(r"Worker init failed|Runtime\.(ImportModuleError|HandlerNotFound|UserCodeSyntaxError)")
MOST_SAMPLES = 3
MOST_MENDS = 6
MOST_PLAYS = 18  # under faults, unless all are asked for
TRIALS = {
    "a task fails once": (Way.ONCE,),
    "a task fails for good": (Way.FOR_GOOD,),
    "outcome unknown": (Way.UNKNOWN_ONCE, Way.UNKNOWN),
}
LATE = "late step"
HANDED = "as the machine hands it over"
STATUS = {Verdict.HELD: Status.DELIVERED, Verdict.UNPROVED: Status.UNPROVED, Verdict.BROKEN: Status.BROKEN}


class Trying:
    """One machine on a stage; each play has a world of its own."""

    def __init__(self, stage: Stage, source: Source) -> None:
        stage.fresh()  # else the definitions may be those that were made to ask
        self.stage, self.name = stage, source.function
        self.model = stage.project.model
        self.machine = self.model.resources[self.name]
        self.setting: Setting = setting(self.model, self.machine)
        self.definition = deployed(stage, self.name)
        self.outliving = outliving(stage, self.definition)
        self.answers: dict[str, Any] = {**results.answers(self.definition), **stage.project.supply.tasks}

    def samples(self) -> list[Sample]:
        passed = self.stage.passed_on.get(self.name)
        files = self.stage.project.files
        return inputs.inputs(self.model, self.machine, self.definition, files, passed, self.reads)

    def reads(self, physical: str) -> Reads | None:
        """What the function of a physical name reads of its event."""
        known = {each: name for name, each in self.stage.stack.resources.items()}
        return of_function(self.stage.project, known[physical]) if physical in known else None

    def play(self, sample: Sample, fault: Fault, answering: set[str] | None = None, again: str = "") -> Play:
        return self.played(sample, fault, answering, again).play

    def played(self, sample: Sample, fault: Fault, answering: set[str] | None = None, again: str = "") -> Played:
        """A play; again if it failed after a mail was sent, for SES refuses a sender whom nobody verified."""
        asked = (self.stage, self.name, sample, fault, self.answers, answering, again)
        done = play(*asked)
        return play(*asked) if done.play.ending.failed and self.stage.learn_senders() else done

    def undisturbed(self, sample: Sample) -> Undisturbed:
        """Two equal executions; a sample that a function refuses is mended by what the refusal says."""
        first = self.played(sample, Fault())
        for _ in range(MOST_MENDS):
            better = next(iter(self.mended(sample, first)), None) if first.play.ending.failed else None
            if better is None:
                break
            sample, first = better, self.played(better, Fault())
        if first.play.ending.failed and (stocked := self.beside_what_is_compared(sample)):
            first = stocked
        if first.play.ending.failed and (beside := self.beside_what_it_reads(sample, first)):
            first, sample = beside, replace(sample, origin=f"{sample.origin}, with the item that it reads")
        unloaded = next(
            filter(None, (does_not_load(state, done.cause) for state, *_, done in first.prompter.failures)), ""
        )
        if first.play.ending.status != "SUCCEEDED" or unloaded:
            return Undisturbed(sample, first.play, unloaded=unloaded)
        names = {physical: name for name, physical in self.stage.stack.resources.items()}
        for function, payload in first.prompter.handed.items():
            self.stage.passed_on[f"{self.name}.{names[function]}"] = Sample(payload, HANDED)
        return Undisturbed(sample, first.play, noise(first.play.world, self.play(sample, Fault()).world))

    def beside_what_is_compared(self, sample: Sample) -> Played | None:
        """The execution beside the items whose attributes a task's condition compared, such as enough in stock."""
        asked = [each for told in self.stage.local.lookups() for each in lookups(told["request"], told["operation"])]
        keys = self.stage.keys()
        tables = {self.stage.stack.resources[name]: name for name in keys}
        seeds = wanted_items([each for each in asked if each.compares], tables, keys)
        return self.beside(seeds, sample)

    def beside_what_it_reads(self, sample: Sample, fared: Played) -> Played | None:
        """The execution beside the items that its tasks read in vain, each with what the definition reads of it."""
        tables = {physical: name for name, physical in self.stage.stack.resources.items()}
        seeds = [
            (tables[asked["TableName"]], {**results.attributes(self.answers.get(state)), **asked["Key"]})
            for state, asked in fared.prompter.in_vain
            if asked.get("TableName") in tables
        ]
        return self.beside(seeds, sample)

    def beside(self, seeds: list[tuple[str, dict[str, Any]]], sample: Sample) -> Played | None:
        """The execution beside these items; None, and without them again, if it fails or other items lie there."""
        if not seeds or self.stage.seeds:
            return None
        self.stage.seeds = seeds
        again = self.played(sample, Fault())
        if again.play.ending.failed:
            self.stage.seeds = []
            return None
        return again

    def mended(self, sample: Sample, fared: Played) -> Iterator[Sample]:
        """Samples with what the refusal of a function says that the machine's input, which it was passed, lacks."""
        for state, given, arguments, done in fared.prompter.failures[:1]:
            payload = arguments.get("Payload", arguments) if isinstance(arguments, dict) else arguments
            if sample.file or not isinstance(payload, dict) or not isinstance(given, dict):
                return
            if all(payload.get(key) == value for key, value in given.items()):
                refusal = Refusal(tuple(text for text in (done.cause, "\n".join(done.log[-40:])) if text))
                yield from mends(sample, Source(Kind.DIRECT, "", state), refusal)


def does_not_load(state: str, cause: str) -> str:
    """What keeps the code behind a task from loading, by the cause of its failure; empty for any other failure."""
    return f"{state}: {' '.join(cause.split())[:200]}" if NO_CODE.search(cause) else ""


def try_machine(stage: Stage, source: Source, began: float) -> Iterator[Event]:
    stage.seeds, stage.laid, stage.ending, stage.bearer = [], [], "", None  # those of the source before
    trying = Trying(stage, source)
    if lost := list(beyond(trying.definition)):
        judgement = unproved(f"the local AWS passes over {', '.join(lost)}", supply="try it in an account of yours")
        yield Told(told(source, "once", judgement))
        yield SourceEnded(source, Status.UNPROVED, judgement.happened, judgement.supply, time.monotonic() - began)
        return
    tried: list[str] = []
    for sample in trying.samples()[:MOST_SAMPLES]:
        tried.append(sample.file)
        reference = trying.undisturbed(sample)
        judgement = ended_well(reference, source.name, unreached(trying, reference.play))
        if judgement.verdict is Verdict.HELD:
            break
    yield SamplesUsed(source, tried)
    yield Told(told(source, "once", judgement))
    if judgement.verdict is Verdict.HELD:
        yield from under_faults(trying, source, reference)
    why = "" if judgement.verdict is Verdict.HELD else judgement.happened
    seconds = time.monotonic() - began
    event = reference.sample.payload
    yield SourceEnded(source, STATUS[judgement.verdict], why, judgement.supply, seconds, event)


def unreached(trying: Trying, reference: Play) -> list[str]:
    """The tasks on a way without failures that the input does not lead to."""
    ahead = forward(trying.definition)
    return [each.name for each in tasks(trying.definition) if each.name in ahead - reference.states]


def under_faults(trying: Trying, source: Source, reference: Undisturbed) -> Iterator[Event]:
    known = {task.name: task for task in tasks(trying.definition)}
    wanted = faults(reference.play, known)
    chosen = wanted if trying.stage.thorough else wanted[:MOST_PLAYS]
    plays: list[Play] = []
    for trial, ways in TRIALS.items():
        yield TrialStarted(source, trial)
        for fault in chosen:
            if fault.way in ways:
                plays.append(trying.play(reference.sample, fault, reference.play.states))
    for trial, ways in TRIALS.items():
        verdicts = [judged(each, reference, trying.setting, plays) for each in plays if each.fault.way in ways]
        skipped = [str(each) for each in wanted[len(chosen) :] if each.way in ways]
        yield from (Told(told(source, trial, judgement)) for judgement in summed(verdicts, skipped))
    if trying.stage.thorough:
        yield TrialStarted(source, "undone twice")
        verdicts = list(undoing(trying, reference, plays))
        yield from (Told(told(source, "undone twice", judgement)) for judgement in summed(verdicts, []))
        yield TrialStarted(source, LATE)
        verdicts = [
            after_its_undo(
                trying.play(reference.sample, fault, reference.play.states),
                done,
                reference,
                trying.outliving[fault.state],
            )
            for fault, done in list(late_steps(plays, trying.outliving))
        ]
        yield from (Told(told(source, LATE, judgement)) for judgement in summed(verdicts, []))
    yield TrialStarted(source, "started twice")
    yield Told(told(source, "started twice", twice(trying, reference)))


def undoing(trying: Trying, reference: Undisturbed, plays: list[Play]) -> Iterator[Judgement]:
    """Of each task that was refused for good: what is undone then, once more with the first answers of that lost."""
    ahead = frozenset(reference.play.states)
    for plain in plays:
        beside = [each for each in plain.attempts if each.state not in ahead and each.effects and not each.error]
        if plain.fault.way is not Way.FOR_GOOD or plain.fault.error != UNMENTIONED or not beside:
            continue
        fault = replace(plain.fault, way=Way.UNDONE_TWICE, ahead=ahead)
        again = trying.play(reference.sample, fault, reference.play.states)
        same = trying.play(reference.sample, plain.fault, reference.play.states)
        yield undone_twice(again, plain, reference.noise | noise(plain.world, same.world))


def twice(trying: Trying, reference: Undisturbed) -> Judgement:
    """A second execution: under the same name, if whoever starts it can choose one and Step Functions heeds it."""
    surroundings = trying.setting
    own_name = not surroundings.express and surroundings.started is not Started.ALONE
    second = trying.play(reference.sample, Fault(), reference.play.states, FIRST if own_name else SECOND)
    return again(second, reference, surroundings, own_name)


def told(source: Source, trial: str, judgement: Judgement) -> Finding:
    return Finding(str(source), trial, judgement, *remedy(judgement.promise, source, trial))
