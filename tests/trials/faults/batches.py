"""An outage that begins in the middle of a batch: what came first is done, and what comes second must come again."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.faults.once import SEEN
from trials.faults.refusals import passing, refusal_of
from trials.project.sources import Kind, Source
from trials.samples.sample import Sample
from trials.samples.stranger import another, known_identities, opened, replaced
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.batches import dropped
from trials.verdicts.judge import refusal
from trials.world import World, differences, noise

IN_BATCHES = (Kind.QUEUE, Kind.STREAM, Kind.TABLE)
MOST_IDENTITIES = 3  # of a sample, each of which may be the one that tells events apart


def within_a_batch(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Another event and the sample in one batch: each call is refused once the first event's are done."""
    if source.kind not in IN_BATCHES or source.batching.size < 2 or not reference.calls:
        return
    for other in others(stage, source, reference):
        both = replace(reference, ahead=(other,))
        apart = after(stage, source, [[other], [reference.sample]])
        together, again = (after(stage, source, [both.batch]) for _ in range(2))
        if apart is None or together is None or again is None or not adds(reference, apart):
            continue  # one of them was refused, or the two are one event
        different = reference.noise | noise(together, again)
        if judgement := dropped(apart, together, different):
            yield judgement
        elif not differences(apart, together, different):
            both = replace(both, world=together, noise=different)
            yield from cut_short(stage, source, both)
            yield first_refused(stage, source, both)
        return


def others(stage: Stage, source: Source, reference: Reference) -> list[Sample]:
    """Events that differ from the sample in one identity, or in what is the key of an item that it left."""
    content = opened(reference.sample.payload)
    named = [*known_identities(reference.sample, source), *keys_within(stage, source, reference, content)]
    values = list(dict.fromkeys(named))[:MOST_IDENTITIES]
    payload = reference.sample.payload
    return [replace(reference.sample, payload=replaced(payload, {value: another(value, 0)})) for value in values]


def keys_within(stage: Stage, source: Source, reference: Reference, content: object) -> list[str]:
    """The texts of a sample that are the key of an item which it leaves."""
    stage.fresh()
    before = list(stage.items())
    deliver(stage, source, [reference.sample])
    own, known = set(texts(content)), stage.keys()
    left = [(table, item) for table, item in stage.items() if (table, item) not in before]
    return [value for table, item in left for name in known[table] if (value := item[name].get("S", "")) in own]


def texts(content: object) -> Iterator[str]:
    if isinstance(content, dict):
        for inner in content.values():
            yield from texts(inner)
    elif isinstance(content, list):
        for inner in content:
            yield from texts(inner)
    elif isinstance(content, str):
        yield content


def after(stage: Stage, source: Source, batches: list[list[Sample]]) -> World | None:
    """What batches leave that come one after the other; None if one was refused."""
    stage.fresh()
    if any(refusal(deliver(stage, source, batch)) for batch in batches):
        return None
    return stage.world()


def adds(reference: Reference, apart: World) -> bool:
    """Whether the other event leaves something of its own beside all that the sample leaves."""
    added = differences(reference.world, apart, reference.noise)
    return bool(added) and not any(each.gone for each in added)


def cut_short(stage: Stage, source: Source, both: Reference) -> Iterator[Judgement]:
    """Nothing to tell where no call came after those of the first, as of a handler that makes one call for all."""
    calls, met = len(both.every_call), list[int]()

    def begin() -> None:
        stage.local.fault(**SEEN, times=calls)
        for service, operation in both.calls:
            refusal_of(stage, service, operation)()

    def end() -> None:
        met.append(len(stage.local.faulted()))
        stage.local.clear_faults()

    judgement = passing(stage, source, both, "an outage that begins at the second of a batch", begin, end)
    if met[-1] > calls:
        yield judgement


def first_refused(stage: Stage, source: Source, both: Reference) -> Judgement:
    """The first event's first call, once, by an error that the SDK does not try again: a permission not yet there."""
    service, operation = both.every_call[0]
    error = {"code": "AccessDeniedException", "status": 400}
    begin = partial(stage.local.fault, service=service, operation=operation, error=error, times=1)
    return passing(
        stage, source, both, f"{service} {operation} denied to the first of a batch", begin, stage.local.clear_faults
    )
