"""An event that nobody can mean, before a good one where the source delivers batches."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Delivery, History, Reference
from trials.local_aws import LocalAwsError, wait_for
from trials.project.graves import keeps_failures
from trials.project.sources import Kind, Source
from trials.samples.made import bus_event
from trials.samples.pattern import merge
from trials.samples.sample import Sample
from trials.stage import Stage
from trials.verdicts import Judgement, Promise, unproved
from trials.verdicts.judge import POISON, alone, beside_poison, holds_poison, kept_after_retries
from trials.world import differences


def malformed(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    payload = spoiled(source, reference.sample.payload)
    if payload is None:
        return
    bad = replace(reference.sample, payload=payload, attributes={})
    stage.fresh()
    empty = stage.now()
    batch = source.kind in (Kind.QUEUE, Kind.STREAM)
    result = deliver(stage, source, [bad, reference.sample] if batch else [bad])
    if result.discarded and not batch and source.kind is not Kind.HTTP:
        yield given_up(stage, source, result)
        return
    history = History("malformed", result, empty, stage.world())
    if batch:
        fifo = stage.stack.resources.get(source.origin, "").endswith(".fifo")
        judgement = beside_poison(history, source, reference, stage.graves, fifo)
        if judgement.promise is Promise.SILENT and does_the_same(stage, source, reference, bad):
            text = "it does the same whatever a message holds, so none is malformed to it"
            yield unproved(text, supply="nothing, if no message can be wrong")
        else:
            yield judgement
    else:
        yield alone(history, source)


def does_the_same(stage: Stage, source: Source, reference: Reference, bad: Sample) -> bool:
    """Whether the malformed record alone leaves what the good one does: the function never looks into it."""
    stage.fresh()
    deliver(stage, source, [bad])
    return not differences(reference.world, stage.world(), reference.noise)


def spoiled(source: Source, good: Any) -> Any:
    """A malformed event that the source would still deliver; None where a source makes its events itself."""
    if source.kind in (Kind.QUEUE, Kind.STREAM, Kind.TOPIC):
        return POISON
    if source.kind is Kind.BUS:
        if source.given:
            return None
        event = bus_event(source.pattern)
        merge(event, {"detail": {"trial-poison": True}})
        return event
    if source.kind is Kind.HTTP and good.get("body"):
        return {**good, "body": POISON}
    return None


def given_up(stage: Stage, source: Source, result: Delivery) -> Judgement:
    """What is left of an asynchronous event that fails every time."""
    stage.fresh()
    stage.give_up(source.function, result.event)
    with suppress(LocalAwsError):
        wait_for("the failed event to be kept", lambda: holds_poison(stage.now()), timeout=8)
    places = [place for place, records in stage.now().items() if holds_poison(records)]
    return kept_after_retries(places, result.error, keeps_failures(stage.project.body, source.function))
