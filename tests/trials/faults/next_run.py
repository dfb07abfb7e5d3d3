"""The next run of a recurring schedule: it differs in its time alone, and is no repeat of the run before."""

import json
import re
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
from trials.verdicts import Judgement, Promise, broken, held, unproved
from trials.verdicts.judge import refusal
from trials.world import World, differences
from trials.world.compare import ISO, SINKS

ITS_TIME = "<aws.scheduler.scheduled-time>"
LATER = (1, 7, 31, 366)  # days, for what is called each day may do its work each month
COLLECTED = re.compile(r"^(Query|Scan|List|BatchGet|Receive|GetRecords|Select|ExecuteStatement)")


def next_run(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Of a schedule whose input holds the time of the run, so that a function can tell two runs apart."""
    if source.kind is not Kind.SCHEDULE or source.only_once or ITS_TIME not in json.dumps(source.given, default=str):
        return
    runs = [replace(reference.sample, payload=days_later(reference.sample.payload, days)) for days in LATER]
    stage.fresh()
    empty = stage.now()
    if not sends(stage, source, empty, reference.sample, reference) or runs[0] == reference.sample:
        return
    for days, later in zip(LATER, runs, strict=True):
        if sends(stage, source, stage.world(), later, reference):
            yield held(f"the run {'of the next day' if days == 1 else f'{days} days later'} does what this one did")
            return
    for name in dict.fromkeys(identities(runs[0].payload)):
        other = replace(runs[0], payload=replaced(runs[0].payload, {name: another(name, 0)}))
        if sends(stage, source, stage.world(), other, reference):
            yield taken_for_a_repeat(name, collects(stage, reference))
            return


def taken_for_a_repeat(name: str, collects: bool) -> Judgement:
    """`name` is what all runs have in their input; `collects` that a run does what it finds, which may be done."""
    if collects:
        text = f"no later run does anything again, one with another {name!r} does"
        return unproved(text, supply="nothing, if a run had nothing new to do; else a key that holds the run's time")
    text = f"the run of the next day is taken for a repeat of this one: both have {name!r} of the schedule's input"
    return broken(Promise.LOST, text)


def collects(stage: Stage, reference: Reference) -> bool:
    """Whether a run looks for what there is to do, in AWS or outside of it."""
    asked = any(each.method == "GET" for each in stage.outside.asked)
    return asked or any(COLLECTED.match(operation) for _, operation in reference.calls)


def sends(stage: Stage, source: Source, before: World, sample: Sample, reference: Reference) -> bool:
    """Whether a run sends something or asks another service for something."""
    if refusal(deliver(stage, source, [sample])):
        return False
    changed = differences(before, stage.world(), reference.noise)
    return any(each.new and each.place.split(" ")[0] in SINKS for each in changed)


def days_later(value: Any, days: int) -> Any:
    """An input whose times, at least to the minute, are so many days later."""
    if isinstance(value, dict):
        return {key: days_later(inner, days) for key, inner in value.items()}
    if isinstance(value, list):
        return [days_later(inner, days) for inner in value]
    if not isinstance(value, str) or not ISO.fullmatch(value):
        return value
    later = datetime.fromisoformat(value) + timedelta(days=days)
    return later.isoformat().replace("+00:00", "Z") if value.endswith("Z") else later.isoformat()
