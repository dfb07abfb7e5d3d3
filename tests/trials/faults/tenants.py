"""Somebody else's event before the sample, in the environment that then gets the sample."""

from collections.abc import Iterator
from dataclasses import replace

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.project.sources import Kind, Source
from trials.samples.sample import Sample
from trials.samples.spoilt import inner, wrapped
from trials.samples.stranger import known_identities, stranger
from trials.stage import Stage
from trials.verdicts import Judgement, Verdict, unproved
from trials.verdicts.judge import comparable_answer, refusal
from trials.verdicts.tenants import as_if_alone, leaked, names_it, own_records, returned, taken_for_a_repeat
from trials.verdicts.words import MEANT
from trials.world import World

ANOTHER = "a trial in an account of yours, where there is what another's event needs"
NOBODY_READS = (Kind.QUEUE, Kind.BUS, Kind.TOPIC, Kind.STREAM)  # what the function answers


def after_another(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Two events of two tenants, users or groups; a new environment is tried only where the warm one tells of both."""
    made = stranger(reference.sample, source)
    if not made:
        return
    other, strange = made
    alone = own_records(reference.empty, reference.world, reference.noise)
    if comparable_answer(source, reference.answer):
        alone |= returned(reference.answer.body)
    warm = second(stage, source, reference, other, renewed=False)
    if isinstance(warm, str):
        yield unproved(f"an event of somebody else was refused: {warm}", supply=ANOTHER)
        return
    alike = as_if_alone(alone, warm, reference.noise, strange)
    cold = warm if alike else second(stage, source, reference, other, renewed=True)
    if isinstance(cold, str):
        text = f"after the event of somebody else, a new environment refused this one: {cold}"
        yield unproved(text, supply=MEANT)
        return
    judgement = leaked(alone, warm, cold, reference.noise, strange)
    if judgement.verdict is Verdict.HELD and source.kind in NOBODY_READS and alone and not warm:
        own = names_it(alone, known_identities(reference.sample, source))
        judgement = taken_for_a_repeat(shared(stage, source, reference, other), own)
    yield judgement


def shared(stage: Stage, source: Source, reference: Reference, other: Sample) -> str:
    """The field by which two events of which the second left nothing are taken for one; empty if it is no one field."""
    content = inner(other.payload, source)
    own = inner(reference.sample.payload, source)
    if not isinstance(content, dict) or not isinstance(own, dict):
        return ""
    for name, value in content.items():
        if value == own.get(name) and isinstance(value, str | int) and not isinstance(value, bool):
            changed = {**content, name: value + 1 if isinstance(value, int) else f"{value} 2"}
            different = replace(other, payload=wrapped(other.payload, source, changed))
            added = second(stage, source, reference, different, renewed=False)
            if isinstance(added, dict) and added:
                return str(name)
    return ""


def second(stage: Stage, source: Source, reference: Reference, other: Sample, renewed: bool) -> World | str:
    """What the sample adds after the other event, or why one of them was refused."""
    stage.fresh()
    if refused := refusal(deliver(stage, source, [other])):
        return refused
    before = stage.world()
    if renewed:
        stage.renew(source.function)
    result = deliver(stage, source, [reference.sample])
    if refused := refusal(result):
        return refused
    added = own_records(before, stage.world(), reference.noise)
    if comparable_answer(source, reference.answer):
        added |= returned(result.answers[-1].body)
    return added
