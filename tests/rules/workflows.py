"""What a state machine needs so that it neither fails for a moment's fault nor waits for a year."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))
import _model as model

SECTION = "references/eda-patterns.md#saga"
TAGS = ["stepfunctions", "orchestrate with state machines"]
LIMITS = ("TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath")
TRANSIENT = (
    "States.ALL",
    "States.TaskFailed",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
)


def tasks(template: model.Model) -> Iterator[model.State]:
    for machine in template.machines:
        for state in template.states(machine):
            if state.body.get("Type") == "Task":
                yield state


def waits(state: model.State) -> str:
    """How a task waits for more than an answer: `.sync`, `.waitForTaskToken`, an activity, or not at all."""
    match = re.search(r"\.(sync|waitForTaskToken)(:2)?$|:(activity):", state.resource)
    return (match[1] and f".{match[1]}") or "an activity" if match else ""


class ExpressWaits(model.Rule):
    id = "E9501"
    shortdesc = "An Express workflow waits for no job, no callback and no activity"
    description = "Step Functions refuses to make it: Express knows request and response only."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for state in tasks(template):
            if state.express and waits(state):
                yield state.path, f"{state.name}: an Express workflow has no {waits(state)}: make it STANDARD"


class Transient(model.Rule):
    id = "W9502"
    shortdesc = "A task that invokes a function retries Lambda's transient errors"
    description = "Otherwise a moment of throttling or a fault of the service fails the execution."
    section = SECTION
    tags = ["lambda", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for state in tasks(template):
            around = (state.body, *state.outer)
            errors = [error for each in around for retry in _rules(each, "Retry") for error in _errors(retry)]
            if _invokes(state) and not set(TRANSIENT) & set(map(str, errors)):
                message = f"{state.name}: a moment of throttling is final"
                yield (
                    state.path,
                    f"{message}: retry Lambda.ServiceException, Lambda.TooManyRequestsException and the like",
                )


def _rules(state: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Its retriers or catchers."""
    return [each for each in model.listed(state.get(key)) if isinstance(each, dict)]


def _errors(rule: dict[str, Any]) -> list[Any]:
    return model.listed(rule.get("ErrorEquals"))


def _invokes(state: model.State) -> bool:
    if re.search(r":states:::(lambda:invoke|aws-sdk:lambda:invoke)", state.resource):
        return True
    if model.service(state.resource) == "lambda":
        return True
    name = re.fullmatch(r"\$\{(\w+)(\.\w+)?\}", state.resource)
    if not name:
        return False
    given = state.machine.values("DefinitionSubstitutions", name[1]) if not name[2] else [None]
    resource = state.template.resource(given[0]) if given[0] is not None else state.template.resources.get(name[1])
    return bool(resource and resource.is_function)


class Endless(model.Rule):
    id = "E9503"
    shortdesc = "A task that waits for a job, a callback or an activity has a timeout"
    description = "Otherwise one answer that never comes keeps the execution waiting for a year."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for state in tasks(template):
            whole = template.definition(state.machine)
            if waits(state) and not (whole and "TimeoutSeconds" in whole.body) and not set(LIMITS) & set(state.body):
                yield state.path, f"{state.name}: {waits(state)} may never end: add TimeoutSeconds or HeartbeatSeconds"


class LastResort(model.Rule):
    id = "E9504"
    shortdesc = "States.ALL stands alone in the last retrier or catcher"
    description = "Step Functions refuses the definition: what follows States.ALL is never reached."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for machine in template.machines:
            for state in template.states(machine):
                for key in ("Retry", "Catch"):
                    by_rule = [_errors(one) for one in _rules(state.body, key)]
                    if any(
                        "States.ALL" in errors and (len(errors) > 1 or errors is not by_rule[-1]) for errors in by_rule
                    ):
                        yield state.path, f"{state.name}: put States.ALL alone, in the last {key}"


class ExpressLogs(model.Rule):
    id = "W9505"
    shortdesc = "An Express workflow logs"
    description = "An Express workflow keeps no history: without logs nobody can tell what a failed execution did."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for machine in template.machines:
            key = "Logging" if machine.type.startswith("AWS::Serverless") else "LoggingConfiguration"
            levels = machine.values(key, "Level", default="OFF")
            kind = machine.only("Type" if key == "Logging" else "StateMachineType")
            if kind == "EXPRESS" and all(level == "OFF" for level in levels):
                yield machine.resource_path, f"{machine.name} keeps no history: add {key} with Level ERROR or ALL"
