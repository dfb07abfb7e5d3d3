"""An object whose key has a space, a plus and an umlaut, for a function that took one with a plain key."""

from collections.abc import Iterator
from dataclasses import replace

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.deliveries.parcels import lay_objects
from trials.project.graves import keeps_failures
from trials.project.sources import Source
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.keys import unusual_key


def unusual(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Nothing to tell where the sample has no plain key because none was needed."""
    if reference.sample.unusual is None:
        return
    sample = replace(reference.sample, payload=reference.sample.unusual)
    stage.fresh()
    lay_objects(stage, source, sample)
    empty = stage.now()
    result = deliver(stage, source, [sample])
    world = stage.world()
    left = {place for place in reference.world if reference.world[place] != reference.empty.get(place)}
    changed = {place for place in world if world[place] != empty.get(place)}
    done = bool(left & changed) if left and changed <= left else None
    kept = [place for place in sorted(stage.graves) if world.get(place)]
    declared = keeps_failures(stage.project.body, source.function)
    yield unusual_key(result, stage.lines(source.function), [*kept, *([declared] if declared else [])], done)
