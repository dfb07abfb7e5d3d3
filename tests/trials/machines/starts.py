"""What the template says around a state machine: who starts it and waits for it, what keeps and tells its failures."""

import json
from collections.abc import Iterator
from typing import Any

from trials.machines.history import Setting, Started
from trials.template import FUNCTIONS, MACHINES, Model, Resource, listed, references

APIS = ("AWS::ApiGateway", "AWS::Serverless::Api", "AWS::Serverless::HttpApi", "AWS::ApiGatewayV2")
WATCHED = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")


def setting(model: Model, machine: Resource) -> Setting:
    express = "EXPRESS" in (machine.only("Type"), machine.only("StateMachineType"))
    return Setting(express, logged(machine), started(model, machine, express), tuple(watchers(model, machine)))


def logged(machine: Resource) -> bool | None:
    """Whether the log of a machine keeps what failed; None where only deployment tells."""
    levels = [machine.only(key, "Level") for key in ("Logging", "LoggingConfiguration") if not machine.absent(key)]
    if not levels or levels[0] in (None, "OFF"):
        return False
    return True if levels[0] in ("ALL", "ERROR", "FATAL") else None


def started(model: Model, machine: Resource, express: bool) -> Started:
    """Whoever may look how an execution ended comes before those that certainly do not."""
    ways = set(starters(model, machine, express))
    return next((way for way in (Started.BY_CODE, Started.WAITED_FOR, Started.ALONE) if way in ways), Started.UNKNOWN)


def starters(model: Model, machine: Resource, express: bool) -> Iterator[Started]:
    for target in model.targets:
        if target.destination is machine:
            yield Started.ALONE
    for event in model.events:
        if event.owner is machine and event.kind == "Api":
            yield Started.ALONE if express else Started.BY_CODE
    for other in model.resources.values():
        if other is machine or machine.name not in references(other.body):
            continue
        if other.type in FUNCTIONS:
            yield Started.BY_CODE
        elif other.type in MACHINES:
            yield Started.WAITED_FOR
        elif other.type.startswith(APIS):
            waits = "StartSyncExecution" in json.dumps(other.body, default=str)
            yield Started.WAITED_FOR if waits else Started.ALONE if express else Started.BY_CODE
        elif other.type == "AWS::Pipes::Pipe":
            way = other.only("TargetParameters", "StepFunctionStateMachineParameters", "InvocationType")
            yield Started.ALONE if way == "FIRE_AND_FORGET" else Started.WAITED_FOR


def watchers(model: Model, machine: Resource) -> Iterator[str]:
    """The alarms and rules of the template that tell of executions that failed."""
    for alarm in model.of("AWS::CloudWatch::Alarm"):
        text = json.dumps(alarm.body, default=str)
        own = names(alarm.body) & set(model.resources)
        other = {each.name for each in model.machines} & own - {machine.name}
        if any(metric in text for metric in WATCHED) and not (other and machine.name not in own):
            yield alarm.name
    rules = [(rule.name, rule.only("EventPattern")) for rule in model.of("AWS::Events::Rule")]
    rules += [(f"{event.owner.name}.{event.name}", event.only("Pattern")) for event in model.events]
    for name, pattern in rules:
        if isinstance(pattern, dict) and "aws.states" in listed(pattern.get("source")):
            status = json.dumps(pattern.get("detail") or {}, default=str)
            if "status" not in status or "FAILED" in status:
                yield name


def names(value: Any) -> set[str]:
    return set(references(value))
