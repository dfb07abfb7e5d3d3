"""What became of events that were spoilt in many ways, summed up in one row."""

from collections.abc import Iterator
from enum import StrEnum

from trials.deliveries.history import History, Reference
from trials.project.sources import Kind, Source
from trials.verdicts.words import MEANT, Judgement, Promise, broken, held, unproved
from trials.world.compare import Noise, World, differences


class Fate(StrEnum):
    REFUSED = "refused"  # kept, given up, or answered with 4xx
    GOOD = "passes as good"  # it leaves what a good one does, in the same places
    VANISHED = "vanishes"  # reported as done, without a trace
    BLOCKS = "blocks its shard"
    RETURNS = "comes back until it expires"
    OWN_FAULT = "is answered with 5xx, so that clients send it again"
    OTHER = "leaves something else"
    NOT_SENT = "is not taken by the source"


def fate(history: History, source: Source, reference: Reference) -> Fate:
    delivery = history.delivery
    status = delivery.answers[-1].status if delivery.answers else 0
    if delivery.stuck:
        return Fate.BLOCKS if source.kind is Kind.STREAM else Fate.RETURNS
    if source.kind is Kind.HTTP and (status >= 400 or delivery.failures):
        return Fate.REFUSED if 400 <= status < 500 else Fate.OWN_FAULT
    if delivery.failures:
        return Fate.REFUSED
    left = {each.place for each in differences(history.before, history.after, set())}
    good = {each.place for each in differences(reference.empty, reference.world, set())}
    if left == good and (good or source.kind is Kind.HTTP):
        return Fate.GOOD
    return Fate.OTHER if left else Fate.VANISHED


def summed(fates: dict[str, Fate], has_effect: bool) -> Judgement:
    """One row: which ways pass, vanish or block; what is optional, only the reader knows."""
    by_fate = {one: [way for way, told in fates.items() if told is one] for one in Fate}
    details = tuple(f"{way}: {told}" for way, told in fates.items())
    strange = {one: ways for one, ways in by_fate.items() if ways and one not in (Fate.REFUSED, Fate.NOT_SENT)}
    if ways := by_fate[Fate.BLOCKS]:
        return broken(Promise.BLOCKED, f"{', '.join(ways)}: the record {Fate.BLOCKS}", *details)
    if not strange:
        return held(f"all {len(by_fate[Fate.REFUSED])} ways of spoiling it are refused", *details)
    text = "; ".join(f"{one}: {', '.join(ways)}" for one, ways in strange.items())
    if not has_effect:
        return unproved(f"a good one leaves no trace either; {text}", *details, supply=MEANT)
    text = f"{len(by_fate[Fate.REFUSED])} of {len(fates)} ways of spoiling it are refused; {text}"
    return unproved(text, *details, supply="nothing, if these may be left out or be anything; else a schema")


def first_of_two(one: World, other: World, both: World, noise: Noise) -> Iterator[Judgement]:
    """Two came in one list and were taken: broken if the world is as one of them alone leaves it."""
    for done, left in ((one, "the second"), (other, "the first")):
        if not differences(done, both, noise):
            text = f"of two in a list where one is expected, {left} is dropped, and both count as done"
            yield broken(Promise.SILENT, text)
            return
