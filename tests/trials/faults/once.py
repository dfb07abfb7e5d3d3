"""The undisturbed delivery: what the others are compared with."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Delivery, Reference
from trials.deliveries.parcels import lay_objects
from trials.faults.log_lines import LOG, astray, beside, caught_in, logged, said
from trials.faults.otherwise import (
    about_oneself,
    as_a_file,
    as_a_wider_table,
    as_named_in_data,
    as_others_answer,
    is_there_already,
)
from trials.faults.refused_methods import by_its_method
from trials.faults.signed import signed_anew
from trials.project.effects import calls_nothing, only_reads, script_text
from trials.project.extensions import lacking as lacking_layers
from trials.project.sources import Kind, Source
from trials.samples.derive import guess
from trials.samples.javascript import reach
from trials.samples.learned import MOST, lacks, mends, raised
from trials.samples.lookups import Lookup, lookups
from trials.samples.refused import Refusal, classes, observations
from trials.samples.sample import Sample
from trials.samples.sought import absent_files, told, wanted
from trials.samples.stored import asking_for, place
from trials.samples.waits import ACTIVITY
from trials.samples.ways import STORED, Looked, Way, asks_only, goes_further, path_of, ways
from trials.stage import PASSED, Stage
from trials.verdicts import Judgement, Promise, Verdict, broken
from trials.verdicts.databases import database, lacks_a_table, needs_a_database
from trials.verdicts.forms import A_STATUS, no_response
from trials.verdicts.judge import (
    NO_PACKAGE,
    does_not_start,
    never_called_back,
    of_a_newer_python,
    refusal,
    refused_sample,
    returned_early,
    undisturbed,
)
from trials.verdicts.tenants import returned
from trials.world import World, differences, noise

SEEN = {"latency": 1}  # a rule that changes nothing and lists the calls
ALWAYS_SET = {"TZ", "LANG", "PATH", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_NAME"}
ANSWER = "what %s answers, under [[outside]] of trials.toml"
NOTHING = Refusal(())
MOST_SOUGHT = 5  # times that what a function looks for is laid there
MOST_CLASSES = 3  # whose objects are made of the items that are laid
MOST_SAMPLES = 3  # that are tried until the function takes one
OF_AN_ANSWER = re.compile(r"\bjson\(\)|\bjson\.loads?\(|\brepl|\bresp|\banswer", re.IGNORECASE)  # a line that reads one


@dataclass
class Attempt:
    """The reference, if the function took a sample, and what the attempt itself says."""

    judgement: Judgement
    reference: Reference | None = None
    tried: list[str] = field(default_factory=list)  # files of samples that were used
    returned_early: bool = False  # it answered before its calls had ended
    sample: Sample | None = None  # the last that was tried

    @property
    def complete(self) -> bool:
        return self.reference is not None and (self.judgement.verdict is Verdict.HELD or self.returned_early)

    @property
    def judgements(self) -> list[Judgement]:
        return [self.judgement, returned_early()] if self.returned_early else [self.judgement]


@dataclass
class Try:
    """Undisturbed deliveries of one sample, each in a world of its own; of a sample that is refused, one."""

    sample: Sample
    result: Delivery
    worlds: list[World]
    calls: list[tuple[str, str]]
    empty: World
    refused: str = ""
    mute: bool = False  # it was taken, and nothing shows: what it lacks may have been caught and logged
    said: Refusal = NOTHING
    judgement: Judgement | None = None  # of a sample that was refused
    looked: list[Lookup] = field(default_factory=list)  # for what in DynamoDB
    names: dict[str, str] = field(default_factory=dict)  # logical ids by physical id, which each world has anew
    missing: list[tuple[str, str]] = field(default_factory=list)  # kinds and names of what it asked for in vain
    made_up: list[str] = field(default_factory=list)  # calls of services that are not here
    by_stand_in: str = ""  # what is to be said of a stand-in for a database, if it answered
    bodies: list[Any] = field(default_factory=list)  # what was returned, once for each world

    @property
    def open(self) -> bool:
        """Whether it came to nothing, and the code is not known to be at fault."""
        refused = bool(self.refused) and self.judgement is not None and self.judgement.promise is None
        return refused or self.mute

    @property
    def teaches(self) -> bool:
        """Whether a sample may be mended by what was said: it is none of the project's, and nothing else is wrong."""
        loads = not any(NO_PACKAGE.search(text) or database(text) for text in self.said.texts)
        return self.open and loads and not self.sample.file


def once(stage: Stage, source: Source, samples: list[Sample]) -> Attempt:
    """Two undisturbed deliveries of the first sample that is taken; what the two do not agree on is noise.

    A sample that is refused is mended by what the refusal says, and tried again.
    """
    attempt: Attempt | None = None
    mute: Attempt | None = None  # a sample that was taken and changed nothing
    tried: list[str] = []
    gave_way: dict[str, None] = {}
    stage.seeds, stage.laid, stage.ending, stage.bearer, stage.outside.taught = [], [], "", None, {}
    stage.spoken = ""
    for sample in samples[:MOST_SAMPLES]:
        if gave_way and not own(sample):
            sample = replace(sample, origin=f"{sample.origin}, for {', '.join(gave_way)} came to nothing")
        gave_way |= dict.fromkeys(filter(None, [own(sample)]))
        tried.append(sample.file)
        first = deliveries(stage, source, sample)
        for signed in signed_anew(stage, source, sample, first.result) if first.refused else ():
            first = deliveries(stage, source, signed)
            if not first.refused or first.result.answers[-1].status not in (401, 403):
                break
        if judgement := by_its_method(stage, source, sample, first.result):
            return Attempt(judgement, None, tried, sample=sample)
        try_ = partial(deliveries, stage, source)
        if any(kind == ACTIVITY for kind, _ in first.missing):  # no other event gives it a task
            first = with_what_it_seeks(stage, source, first)
        mend = partial(mended, try_, source=source)
        fared = about_oneself(source, mend(first), try_, mend)
        fared = with_what_it_seeks(stage, source, fared)
        fared = as_a_file(stage, fared, try_)
        fared = as_a_wider_table(stage, fared, try_)
        fared = as_others_answer(stage, source, fared, try_)
        fared = as_named_in_data(stage, source, fared, try_)
        latest = taken(stage, source, fared, tried)
        if not latest.complete and latest.judgement.promise is None:
            further: Attempt | None = None  # the first that called more before it was refused
            for again in with_its_items(stage, source, fared):
                if (better := taken(stage, source, again, tried)).complete:
                    return better
                further = further or (better if again.refused and len(again.calls) > len(fared.calls) else None)
            stage.seeds, latest = [], further or latest
        if not latest.complete and sample.origin == PASSED:
            latest = behind_its_sender(stage, source, tried) or latest
        if latest.complete:
            return latest
        if latest.reference:
            mute = mute or latest
        elif (
            attempt is None or latest.judgement.promise or sample.unusual
        ):  # the first one knows most of what is wanted
            attempt = latest
        if latest.judgement.promise or (sample.origin == PASSED and not latest.reference):
            break  # what a function refuses that another one sends is no matter of the sample
    best = mute or attempt
    assert best
    return best


def own(sample: Sample) -> str:
    """What a sample of the project is called; empty for one that is made up."""
    return sample.file or (PASSED if sample.origin == PASSED else "")


def taken(stage: Stage, source: Source, fared: Try, tried: list[str]) -> Attempt:
    """What a try tells: with a reference if the function took the sample."""
    if fared.judgement:
        return Attempt(fared.judgement, None, tried, sample=fared.sample)
    seen = tuple(dict.fromkeys(fared.calls))
    answer, different = fared.result.answers[-1], noise(*fared.worlds) | noise(*map(returned, fared.bodies))
    reference = Reference(fared.sample, fared.worlds[0], different, seen, tuple(fared.calls), answer, fared.empty)
    judgement = left_behind(stage, source, reference)
    if fared.mute and (caught := caught_in(fared.said.texts)):
        lacking = lacks(fared.said) if fared.sample.file else ""
        supply = f"{lacking}, which the event in {fared.sample.origin} lacks" if lacking else judgement.supply
        judgement = replace(judgement, happened=f"{judgement.happened}; its log says: {caught}", supply=supply)
    if fared.made_up:
        text = f"{judgement.happened}; what {', '.join(fared.made_up)} answered was made up, for it is not here"
        judgement = replace(judgement, happened=text)
    if fared.by_stand_in:
        judgement = replace(judgement, happened=f"{judgement.happened}; {fared.by_stand_in}")
    return Attempt(judgement, reference, tried, stage.returned_early(source.function), fared.sample)


def left_behind(stage: Stage, source: Source, reference: Reference) -> Judgement:
    """What one delivery did, given what the function's code can do at all."""
    code = stage.project.code(source.function)
    return undisturbed(source, reference, calls_nothing(*code) or reach.calls_nothing(*code), only_reads(*code))


def is_mute(stage: Stage, source: Source, fared: Try) -> bool:
    """Whether a delivery that was taken left nothing that can be seen."""
    calls = tuple(fared.calls)
    shown = Reference(fared.sample, fared.worlds[0], set(), calls, calls, fared.result.answers[-1], fared.empty)
    return left_behind(stage, source, shown).verdict is not Verdict.HELD


def behind_its_sender(stage: Stage, source: Source, tried: list[str]) -> Attempt | None:
    """A message that another function sent, with the items that it left in the tables; None if that shows nothing."""
    sample = stage.passed_on.get(source.origin) if source.kind is Kind.QUEUE else None
    if sample is None or not sample.beside:
        return None
    stage.seeds = list(sample.beside)
    fared = deliveries(stage, source, replace(sample, origin=f"{sample.origin}, with the items that it left"))
    done = taken(stage, source, fared, tried)
    if done.complete:
        return done
    stage.seeds = []
    return None


def deliveries(stage: Stage, source: Source, sample: Sample) -> Try:
    """Of a sample that is refused for what an outside service's answer lacks, those with an answer that has it."""
    fared = delivered(stage, source, sample)
    for _ in range(MOST):
        reads_an_answer = fared.refused and stage.outside.asked and OF_AN_ANSWER.search(fared.said.line)
        lacked = lacks(fared.said) if reads_an_answer else ""
        names = {name: guess(name, None) for name in lacked.split(", ") if name and name not in stage.outside.taught}
        if not names:
            break
        stage.outside.taught |= names
        fared = delivered(stage, source, sample)
    return fared


def delivered(stage: Stage, source: Source, sample: Sample) -> Try:
    """A sample's deliveries; again if it sent a mail, for SES refuses a sender whom nobody verified."""
    fared = undisturbed_twice(stage, source, sample)
    return undisturbed_twice(stage, source, sample) if stage.learn_senders() else fared


def undisturbed_twice(stage: Stage, source: Source, sample: Sample) -> Try:
    fared = Try(sample, Delivery(), [], [], {})
    for again in (False, True):
        stage.fresh(elsewhere=again)
        lay_objects(stage, source, sample)
        empty = stage.now()
        fared.empty = fared.empty if fared.worlds else empty  # the one from which the first world came
        stage.local.fault(**SEEN)
        fared.result = deliver(stage, source, [sample])
        fared.calls = [(str(each["service"]), str(each["operation"])) for each in stage.local.faulted()]
        fared.looked = [each for told in stage.local.lookups() for each in lookups(told["request"], told["operation"])]
        fared.names = {physical: name for name, physical in stage.stack.resources.items()}
        fared.missing = stage.missing()
        fared.by_stand_in = "; ".join(filter(None, (each.answered() for each in stage.databases)))
        fared.made_up = list(dict.fromkeys(stage.local.made_up()))
        fared.worlds.append(stage.world())
        fared.bodies += [answer.body for answer in fared.result.answers[-1:]]
        formless = no_response(source, fared.result.answers[-1]) if fared.result.answers else ""
        seen = differences(empty, fared.worlds[-1], set())  # what was done is tried, whatever its caller is told
        fared.refused = refusal(fared.result) or ("" if seen else formless)
        if fared.refused:
            log = stage.lines(source.function)
            fared.said = said(fared.result, log, stage.project.code(source.function)[0], stage.reads(source.function))
            fared.judgement = refused_by(stage, source, sample, fared, log)
            if fared.refused == formless and not fared.judgement.promise:
                fared.judgement = replace(fared.judgement, supply=A_STATUS)
            break
    if not fared.refused and is_mute(stage, source, fared):
        log = stage.lines(source.function)[-LOG:]
        fared.mute, fared.said = True, Refusal(("\n".join(log),), raised(log, stage.project.code(source.function)[0]))
    return fared


def with_what_it_seeks(stage: Stage, source: Source, fared: Try) -> Try:
    """A try that came to nothing, with the objects, parameters and secrets that it asked for in vain.

    What changes nothing is taken away again.
    """
    for _ in range(MOST_SOUGHT):
        before, folder = list(stage.laid), stage.project.code(source.function)[0]
        missing = [*fared.missing, *absent_files([fared.refused, *fared.said.texts])]
        things = wanted(missing, folder, stage.stack.resources, before) if fared.open else []
        if not things:
            break
        replaced = {(kind, name) for kind, name, _ in things}
        stage.laid = [each for each in before if each[:2] not in replaced] + things
        origin = fared.sample.origin.removesuffix(f", {told(before)}")
        sample = replace(fared.sample, origin=f"{origin}, {told(stage.laid)}")
        again = mended(lambda variant: deliveries(stage, source, variant), deliveries(stage, source, sample), source)
        same = (again.refused, again.mute, again.missing) == (fared.refused, fared.mute, fared.missing)
        if (again.open and same) or is_there_already(again):
            stage.laid = before
            break
        fared = again
    return fared


def not_found(fared: Try, source: Source) -> bool:
    """Whether a request may have been refused because what its path names is in no table."""
    status = fared.result.answers[-1].status if fared.result.answers else 0
    looked = any(service == "dynamodb" for service, _ in fared.calls)
    named = source.kind is Kind.HTTP and bool(path_of(fared.sample))
    return bool(fared.refused) and named and (status == 404 or (looked and status not in (400, 401, 403)))


def with_its_items(stage: Stage, source: Source, fared: Try) -> Iterator[Try]:
    """The try again with the items that it looked for, then with one under the path's names in each table.

    What then calls less than before has found its work done, and is no try, unless it writes more or only asks.
    """
    keys = stage.keys()
    looked = Looked(fared.looked, fared.names, keys, stage.declared(), stage.reads(source.function))
    stored = [(table, stage.passed_on[place(table)].payload) for table in keys if place(table) in stage.passed_on]
    first = []
    if source.route and path_of(fared.sample) and not fared.sample.file and not source.route.websocket:
        first = [Way(STORED, stored)]
    named = path_of(fared.sample) if not_found(fared, source) else None
    for way in chain(first, ways(looked, fared.sample, source, named, fared.refused)):
        if way.seeds:
            stage.seeds = way.seeds
            sample = replace(fared.sample, origin=f"{fared.sample.origin}, with {way.told}")
            if way.told == STORED and source.route:
                sample = asking_for(sample, source.route, [item for _, item in way.seeds], sample.origin)
            again = of_their_class(stage, source, sample, looked, way)
            for _ in range(MOST_CLASSES):  # it found one item, and looks for the next
                after = replace(looked, asked=again.looked, names=again.names)
                further = after.seeds(way.more) if way.more and again.refused else []
                if len(further) <= len(stage.seeds):
                    break
                again = of_their_class(stage, source, sample, looked, replace(way, seeds=further))
            if goes_further(fared.calls, again.calls) or asks_only(source):
                laid = stage.laid
                yield with_what_it_seeks(stage, source, again) if again.missing else again  # what an item names
                stage.laid = laid


def of_their_class(stage: Stage, source: Source, sample: Sample, looked: Looked, way: Way) -> Try:
    """A try beside a way's items; once more with those that a class takes, each time that one refuses an item."""
    stage.seeds = way.seeds
    again = deliveries(stage, source, sample)
    for _ in range(MOST_CLASSES):
        named = [name for text in again.said.texts for name in classes(text) if name not in looked.classes]
        known = {name: shape for name in named[:1] if (shape := stage.made_of(source.function, name))}
        if not known:
            break
        looked.classes |= known
        stage.seeds = [(table, looked.fitted(table, item)) for table, item in stage.seeds]
        again = deliveries(stage, source, sample)
    return again


def mended(try_: Callable[[Sample], Try], fared: Try, source: Source, most: int = MOST) -> Try:
    """The try of a sample that was mended as long as each mend changed what the refusal says; at most `most` tries."""
    while fared.teaches and most:
        before, better = observations(fared.said), None
        for sample in mends(fared.sample, source, fared.said):
            after = try_(sample)
            most -= 1
            if not (after.refused or after.mute) or observations(after.said) != before:
                better = after
            if better or not most:
                break
        if better is None:
            break
        fared = better
    return fared


def refused_by(stage: Stage, source: Source, sample: Sample, fared: Try, log: list[str]) -> Judgement:
    here, result, error = not stage.project.layers_left_out, fared.result, fared.refused
    folder, handler, runtime = stage.project.code(source.function)
    called = bool(fared.calls) or bool(stage.outside.asked)
    if endless := never_called_back(result.last_error or error, script_text(folder, handler, runtime), called):
        return endless
    if newer := of_a_newer_python(result.last_error or error, runtime):
        return newer
    if name := database("\n".join((*(answer.whole for answer in result.answers), error, *log))):
        return needs_a_database(sample.origin, name, error)
    if unknown := lacks_a_table(sample.origin, error):
        return unknown
    if reason := does_not_start(result.last_error or error, variables(stage, source.function), here):
        return broken(Promise.DOES_NOT_START, reason)
    outside = astray(log)
    lacking = lacks(fared.said) if sample.file else ""
    last = fared.calls[-1] if fared.calls else ("", "")
    judgement = refused_sample(source, sample.origin, logged(log) or error, result, called, outside, lacking, last)
    judgement = replace(judgement, happened=f"{judgement.happened}{beside(error, log[-LOG:])}")
    more = [ANSWER % asked.host for asked in stage.outside.asked[-1:] if asked.host and not (lacking or outside)]
    more += lacking_layers(stage.project.foreign(source.function), variables(stage, source.function), error)
    return replace(judgement, supply=", or ".join([judgement.supply, *more]))


def variables(stage: Stage, function: str) -> set[str]:
    """The names of the variables that a function gets from its template."""
    return {*stage.variables(function), *ALWAYS_SET}
