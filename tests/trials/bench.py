"""Try a project: source by source, trial by trial, as one stream of events that every output handles."""

import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from trials import faults
from trials.deliveries.history import Reference
from trials.faults.once import Attempt, once
from trials.faults.passing_on import pass_on
from trials.integrations.trying import try_way
from trials.machines.trying import try_machine
from trials.pipes.carrying import carry
from trials.project import Kind, Project, Source
from trials.project.accounted import needed
from trials.project.integrations import DEFAULT_BUS, planted_id
from trials.project.tenancy import unnamed
from trials.report.events import CallsSeen, Event, SamplesUsed, SourceEnded, Told, TrialStarted
from trials.samples import sample_files, samples
from trials.samples.code import of_function
from trials.samples.written import whole
from trials.stage import Stage
from trials.verdicts import Finding, Judgement, Promise, Status, Verdict, unproved
from trials.verdicts.databases import with_known_keys
from trials.verdicts.judge import comparable_answer
from trials.verdicts.remedies import remedy
from trials.wiring import wiring
from trials.workers import AT_ONCE, Pool

OF_READS = "throttled"  # the one trial that tells of a request which changes nothing: what its caller learns
OURS = "nothing of yours: the trials are at fault; report the lines below with the template"


def try_project(project: Project, port: int = 0, thorough: bool = False, policy: bool = False) -> Iterator[Event]:
    """Deploy the project and try every source; sources that cannot be tried end at once, with the reason."""
    tried = [source for source in project.sources if not why_untried(project, source)]
    for source in project.sources:
        if source not in tried:
            why = why_untried(project, source)
            yield SourceEnded(source, Status.UNTRIED, why, needed(source, why))
    if tried:
        with Pool(project.path, min(AT_ONCE, len(tried)), port, thorough, policy) as pool:
            yield from pool.run(project, tried)


def why_untried(project: Project, source: Source) -> str:
    if source.kind is Kind.OTHER:
        return source.why
    if nobody := unnamed(project.model, source):
        return nobody
    return f"{source.function}: {project.left_out[source.function]}" if source.function in project.left_out else ""


def safely(stage: Stage, source: Source) -> Iterator[Event]:
    """An exception of ours is an unproved source with its trace, never a pass."""
    began = time.monotonic()
    ended = False
    try:
        for event in try_source(stage, source):
            ended = ended or isinstance(event, SourceEnded)
            yield event
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        why = f"the trials stopped: {type(error).__name__}: {' '.join(str(error).split())[:300]} ({place})"
        told = unproved(why, *traceback.format_exc().splitlines()[-6:], supply=OURS)
        yield Told(Finding(str(source), "all", told))
        if not ended:
            yield SourceEnded(source, Status.UNPROVED, why, OURS, time.monotonic() - began)


def try_source(stage: Stage, source: Source) -> Iterator[Event]:
    """All trials of one source, each finding as soon as it is known."""
    began = time.monotonic()
    if reason := absent(stage, source):
        yield SourceEnded(source, Status.UNTRIED, reason, needed(source, reason))
        return
    for judgement in wiring(stage.project.model, source):
        yield Told(finding(source, "arrives", judgement))
    yield TrialStarted(source, "once")
    if source.call:
        yield from try_way(stage, source, began)
        return
    if source.kind is Kind.ROUTE:
        judgement = carry(stage, source) if source.pipe else pass_on(stage, source)
        yield Told(finding(source, "once", judgement))
        why = "" if judgement.verdict is Verdict.HELD else judgement.happened
        yield SourceEnded(source, STATUS[judgement.verdict], why, judgement.supply, time.monotonic() - began)
        return
    if source.kind is Kind.MACHINE:
        yield from try_machine(stage, source, began)
        return
    project = stage.project
    reads = of_function(project, source.function)
    given = samples(project.body, project.files, source, stage.passed_on, reads, project.supply.claims)
    attempt = once(stage, source, given)
    yield SamplesUsed(source, attempt.tried)
    for judgement in attempt.judgements:
        yield Told(finding(source, "once", judgement))
    for judgement in passed_over(source, attempt, project.files):
        yield Told(finding(source, "once", judgement))
    status = Status.BROKEN if attempt.returned_early else STATUS[attempt.judgement.verdict]
    if attempt.reference and not attempt.returned_early:  # else what each delivery leaves is chance
        stage.remember()
        yield from the_faults(stage, source, attempt.reference, attempt.judgement)
        used = stage.used.pop(source.function, None)
        if used and stage.policy:
            yield CallsSeen(source.function, used)
    judgement = attempt.judgements[-1]
    why = "" if status is Status.DELIVERED else judgement.happened
    event = whole(source, attempt.sample) if attempt.sample else None
    yield SourceEnded(source, status, why, judgement.supply, time.monotonic() - began, event)


def passed_over(source: Source, attempt: Attempt, files: list[sample_files.SampleFile]) -> Iterator[Judgement]:
    """What the project's own events for this very source came to, where another sample told more."""
    own, exact = sample_files.given(files, source)
    if not exact or not attempt.reference or not attempt.sample:
        return
    for file in dict.fromkeys(sample.file for sample in own if sample.file in attempt.tried):
        if file != attempt.sample.file:
            text = f"{file}: the function refused it, or left nothing; {attempt.sample.origin} was tried in its place"
            yield unproved(
                text, supply=f"events/{source.name}.json with it: then it alone is tried, and its error told"
            )


STATUS = {Verdict.HELD: Status.DELIVERED, Verdict.UNPROVED: Status.UNPROVED, Verdict.BROKEN: Status.BROKEN}


def absent(stage: Stage, source: Source) -> str:
    holder = source.name.replace(".", "")
    known = {*stage.project.body["Resources"], *stage.project.left_out} - stage.stack.resources.keys()
    if source.elsewhere is not None and holder in known:
        return f"{holder} was not deployed: {not_deployed(stage, holder)}"
    no_resource = source.elsewhere is not None or ((source.call or source.pipe) and source.function == DEFAULT_BUS)
    if source.function not in stage.stack.resources and not no_resource:
        return f"{source.function} was not deployed: {not_deployed(stage, source.function)}"
    if (source.call or source.pipe) and planted_id(source) not in stage.stack.resources:
        return f"what its {'integration' if source.call else 'pipe'} refers to was not deployed"
    begins = source.origin in ("", *stage.stack.resources) or stage.project.bus(source.origin)
    if source.kind is Kind.ROUTE and not begins:
        return f"{source.origin}, where it begins, was not deployed"
    if source.kind is Kind.QUEUE and source.origin not in stage.stack.resources:
        return f"the {source.kind} is not part of this template"
    return ""


def not_deployed(stage: Stage, name: str) -> str:
    """Why a resource of the template is not in the stack."""
    resource = stage.project.body["Resources"].get(name, {})
    unmet = f"its condition {resource.get('Condition')} is not met by the parameters"
    left_out = {**stage.project.left_out, **stage.stack.left_out}
    return left_out.get(name, unmet if "Condition" in resource else "left out")


def the_faults(stage: Stage, source: Source, reference: Reference, first: Judgement) -> Iterator[Event]:
    unheard = source.route is not None and source.route.unheard  # an answer that nobody gets shows nothing
    shows = reference.has_effect or (comparable_answer(source, reference.answer) and not unheard)
    mute = first.verdict is not Verdict.HELD or not shows
    for trial in faults.ALL:
        if not trial.applies(source) or (source.kind is Kind.HTTP and only_reads(reference) and trial.name != OF_READS):
            continue
        asked_for = not trial.thorough or stage.thorough or (trial.policy and stage.policy)
        if (mute and trial.needs_effect) or not asked_for:
            continue
        yield TrialStarted(source, trial.name)
        for judgement in trial.run(stage, source, reference):
            yield Told(finding(source, trial.name, judgement))


def only_reads(reference: Reference) -> bool:
    request = reference.sample.payload
    context = request.get("requestContext") or {}
    method = request.get("httpMethod") or (context.get("http") or {}).get("method")
    return method in ("GET", "HEAD", "OPTIONS")


def finding(source: Source, trial: str, judgement: Judgement) -> Finding:
    judgement = with_known_keys(judgement)
    promise: Promise | None = judgement.promise
    return Finding(str(source), trial, judgement, *remedy(promise, source, trial))
