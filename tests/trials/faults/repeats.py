"""The same event twice: one after the other, and at once."""

from collections.abc import Iterator

from trials.deliveries.deliver import deliver
from trials.deliveries.history import History, Reference
from trials.project.sources import Source
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.judge import repeated

PATIENCE = 2  # seconds for which one of two racing deliveries waits for the other to come as far


def twice(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    stage.fresh()
    first = deliver(stage, source, [reference.sample])
    before = stage.world()
    again = stage.invoke(source.function, first.event)
    history = History("twice", first, before, stage.world(), again)
    yield repeated(history, source, reference, stage.graves)


def at_once(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    stage.fresh()
    empty = stage.now()
    stage.warm(source.function, 2)
    if stage.world() != empty:  # it took the empty event for a good one
        stage.fresh()
    stage.local.meet(min(PATIENCE, stage.timeout(source.function) / 3))
    result = deliver(stage, source, [reference.sample], at_once=2)
    stage.local.clear_faults()
    history = History("twice at once", result, reference.world, stage.world())
    yield repeated(history, source, reference, stage.graves)
