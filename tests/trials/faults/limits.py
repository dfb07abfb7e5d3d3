"""A message that is received while its function is at its reserved concurrency."""

from collections.abc import Iterator

from trials.deliveries.deliver import deliver
from trials.deliveries.history import History, Reference
from trials.project.limits import overrun
from trials.project.source import Source
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.limits import throttled_once


def at_its_limit(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Once only: how long a function stays at its limit, the trials do not know."""
    reserved = overrun(stage.project.model, source)
    if not reserved:
        return
    stage.fresh()
    empty = stage.now()
    result = deliver(stage, source, [reference.sample], throttled=1)
    yield throttled_once(History("at its limit", result, empty, stage.world()), stage.graves, reserved)
