"""The next run of a recurring schedule: it differs in its time alone, and is no repeat of the run before."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.project.sources import Kind, Source
from trials.samples.sample import Sample
from trials.samples.stranger import another, identities, replaced
from trials.stage import Stage
from trials.verdicts import Judgement, Promise, broken, held
from trials.verdicts.judge import refusal
from trials.world import World, differences
from trials.world.compare import ISO, SINKS

ITS_TIME = "<aws.scheduler.scheduled-time>"
DAY = timedelta(days=1)


def next_run(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Of a schedule whose input holds the time of the run, so that a function can tell two runs apart."""
    if source.kind is not Kind.SCHEDULE or ITS_TIME not in json.dumps(source.given, default=str):
        return
    later = replace(reference.sample, payload=a_day_later(reference.sample.payload))
    names = dict.fromkeys(identities(later.payload))
    stage.fresh()
    empty = stage.now()
    if not sends(stage, source, empty, reference.sample, reference) or later == reference.sample:
        return
    if sends(stage, source, stage.world(), later, reference):
        yield held("the run of the next day does what this one did")
        return
    for name in names:
        other = replace(later, payload=replaced(later.payload, {name: another(name, 0)}))
        if sends(stage, source, stage.world(), other, reference):
            text = (
                f"the run of the next day is taken for a repeat of this one: both have {name!r} of the schedule's input"
            )
            yield broken(Promise.LOST, text)
            return


def sends(stage: Stage, source: Source, before: World, sample: Sample, reference: Reference) -> bool:
    """Whether a run sends something or asks another service for something."""
    if refusal(deliver(stage, source, [sample])):
        return False
    changed = differences(before, stage.world(), reference.noise)
    return any(each.new and each.place.split(" ")[0] in SINKS for each in changed)


def a_day_later(value: Any) -> Any:
    """An input whose times, at least to the minute, are one day later."""
    if isinstance(value, dict):
        return {key: a_day_later(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [a_day_later(inner) for inner in value]
    if not isinstance(value, str) or not ISO.fullmatch(value):
        return value
    later = datetime.fromisoformat(value) + DAY
    return later.isoformat().replace("+00:00", "Z") if value.endswith("Z") else later.isoformat()
