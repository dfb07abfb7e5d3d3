"""The same event twice: one after the other, at once, and on either side of midnight."""

from collections.abc import Iterator

from trials.deliveries.deliver import deliver
from trials.deliveries.history import History, Reference
from trials.moment import present
from trials.project.sources import Kind, Source
from trials.project.unread import reads_nothing
from trials.stage import Stage
from trials.verdicts import Judgement, Promise, unproved
from trials.verdicts.judge import has_key, refusal, repeated
from trials.verdicts.repeats import added, on_another_day
from trials.world import World

PATIENCE = 2  # seconds for which one of two racing deliveries waits for the other to come as far
DAY = 86_400
SURE = "nothing, if nobody repeats a call; else an id in the event, and a condition on it"
BESIDE_MIDNIGHT = 60  # seconds between either delivery and midnight, UTC


def twice(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    stage.fresh()
    first = deliver(stage, source, [reference.sample])
    before = stage.world()
    again = stage.invoke(source.function, first.event)
    history = History("twice", first, before, stage.world(), again)
    yield told(stage, source, repeated(history, source, reference, stage.graves))


def at_once(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    stage.fresh()
    empty = stage.now()
    stage.warm(source.function, 2)
    if stage.world() != empty:  # it took the empty event for a good one
        stage.fresh()
    stage.meet(min(PATIENCE, stage.timeout(source.function) / 3))
    result = deliver(stage, source, [reference.sample], at_once=2)
    stage.local.clear_faults()
    history = History("twice at once", result, reference.world, stage.world())
    yield told(stage, source, repeated(history, source, reference, stage.graves))


def told(stage: Stage, source: Source, judgement: Judgement) -> Judgement:
    """Who invokes a function that reads nothing of its event asks for its effect each time."""
    if judgement.promise is not Promise.DOUBLED or source.kind is not Kind.DIRECT or source.given:
        return judgement
    if not reads_nothing(*stage.project.written(source.function)):
        return judgement
    why = "it reads nothing of its event by which a repeat could be known"
    return unproved(f"each call does it again, for {why}: {judgement.happened}", *judgement.details, supply=SURE)


def over_midnight(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Twice before midnight, once after it: what a key takes from the date is another one by then.

    Nothing is said where the repeat before midnight does more already, which the trial twice tells, nor where the first
    delivery does less than now: the event may be too late at the next midnight, and too early at the last one.
    """
    if source.kind is Kind.HTTP and not has_key(reference):
        return
    upcoming = DAY - present() % DAY
    for midnight in (upcoming, upcoming - DAY):
        stage.fresh()
        stage.later(source.function, int(midnight) - BESIDE_MIDNIGHT)
        first = deliver(stage, source, [reference.sample])
        once = stage.world()
        if refusal(first) or counts(once) != counts(reference.world):
            continue
        stage.invoke(source.function, first.event)
        before = stage.world()
        if added(once, before, reference, stage.graves):
            return
        stage.local.move_clock(midnight + BESIDE_MIDNIGHT)
        stage.renew(source.function)
        again = stage.invoke(source.function, first.event)
        yield on_another_day(History("over midnight", first, before, stage.world(), again), reference, stage.graves)
        return


def counts(world: World) -> dict[str, int]:
    """How many records are in each place that has any."""
    return {place: len(records) for place, records in world.items() if records}
