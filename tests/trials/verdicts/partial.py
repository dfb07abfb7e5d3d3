"""What becomes of an entry of a batch that is refused: once, or at every retry."""

from trials.deliveries.history import History, Reference
from trials.project.sources import Kind, Source
from trials.verdicts.judge import short
from trials.verdicts.recovery import recovered
from trials.verdicts.words import Judgement, Promise, Verdict, broken, held, unproved
from trials.world.compare import differences

A_CHANGE = "a real event of this source that makes the function change what is there"


def for_now(history: History, source: Source, reference: Reference, graves: frozenset[str], again: bool) -> Judgement:
    """As `recovered`, except of an entry that nobody sent `again` and nobody misses: it may have had no effect."""
    judgement = recovered(history, source, reference, graves)
    if judgement.verdict is not Verdict.HELD or history.delivery.failures or again or judgement.details:
        return judgement
    what = f"{history.fault}: it was not sent again, and nothing is missing that can be seen"
    return unproved(what, supply=A_CHANGE)


def for_good(history: History, source: Source, reference: Reference) -> Judgement:
    """Somebody must learn of it: by an error, an answer, or a record that is set aside."""
    what, delivery = history.fault, history.delivery
    changed = differences(reference.world, history.after, reference.noise)
    details = [str(each) for each in changed]
    more = [each for each in changed if each.new]
    gone = [each for each in changed if each.gone]
    last = delivery.answers[-1]
    if delivery.failures or last.status >= 400:
        return held(f"{what}: {delivery.error or f'the caller was told {last.status}'}", *details)
    if more:
        return held(f"{what}: something else was done instead: {more[0]}", *details)
    if not gone:
        return unproved(f"{what}: nothing is missing that can be seen", *details, supply=A_CHANGE)
    if source.kind in (Kind.TASK, Kind.DIRECT) and last != reference.answer:
        return held(f"{what}: whoever called was told {short(last)}", *details)
    return broken(Promise.LOST, f"{what}: reported as done, and it lies nowhere: {gone[0]}", *details)
