"""A text of a sender's that holds a placeholder, which EventBridge Scheduler fills in wherever an input holds one."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.project.sources import Source
from trials.samples.stranger import opened
from trials.stage import Stage
from trials.verdicts import Judgement, Promise, broken, held, unproved
from trials.verdicts.judge import refusal
from trials.verdicts.words import MEANT

PLACEHOLDER = "<aws.scheduler.execution-id>"
PLANS = {("scheduler", "CreateSchedule"), ("scheduler", "UpdateSchedule")}


def filled_in(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """In each text of the sample that has a blank, as what people write has."""
    payload = with_placeholders(reference.sample.payload)
    if not PLANS & set(reference.calls) or payload == reference.sample.payload:
        return
    stage.fresh()
    result = deliver(stage, source, [replace(reference.sample, payload=payload)])
    if refused := refusal(result):
        yield unproved(f"a text with {PLACEHOLDER} was refused: {refused}", supply=MEANT)
        return
    yield planned([str(target.get("Input", "")) for target in targets(stage)])


def planned(inputs: list[str]) -> Judgement:
    if any(PLACEHOLDER in text for text in inputs):
        text = f"the input of its schedule holds a sender's {PLACEHOLDER}, which Scheduler replaces by an id of its own"
        return broken(Promise.LOST, f"{text}: the text arrives as another")
    return held("a sender's placeholder comes into no schedule's input as it stands")


def with_placeholders(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: with_placeholders(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_placeholders(inner) for inner in value]
    if not isinstance(value, str):
        return value
    content = opened(value)
    if isinstance(content, dict | list):
        return json.dumps(with_placeholders(content))
    return f"{value} {PLACEHOLDER}" if " " in value and not value.startswith("Bearer ") else value


def targets(stage: Stage) -> Iterator[dict[str, Any]]:
    """Of every schedule that is there."""
    scheduler = stage.local.client("scheduler")
    for schedule in scheduler.list_schedules()["Schedules"]:
        named = {"Name": schedule["Name"], "GroupName": schedule.get("GroupName", "default")}
        yield scheduler.get_schedule(**named)["Target"]
