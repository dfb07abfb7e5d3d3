"""The functions that a state machine calls, and how often when they fail."""

import re

from trials.template import Model, Resource, as_dict, listed, logical_id, references
from trials.template.machines import State


def invocations(template: Model, machine: Resource) -> dict[str, int]:
    """Each function that a task of a machine waits for, with the attempts of the first state that calls it."""
    functions = {function.name for function in template.functions}
    attempts_of: dict[str, int] = {}
    for state in template.states(machine):
        if state.body.get("Type") == "Task" and "waitForTaskToken" not in str(state.body.get("Resource")):
            for function in sorted(called(state) & functions - attempts_of.keys()):
                attempts_of[function] = attempts(state)
    return attempts_of


def called(state: State) -> set[str]:
    """Logical ids in what a task calls, through the substitutions of its machine."""
    given = as_dict(state.machine.only("DefinitionSubstitutions"))
    passed = as_dict(state.body.get("Arguments") or state.body.get("Parameters"))
    target = passed.get("FunctionName") or state.body.get("Resource")
    parts = re.findall(r"\$\{(\w+)", str(target))
    return references(target) | {logical_id(given[part]) if part in given else part for part in parts}


def attempts(state: State) -> int:
    """How often a state calls a function that fails; which of its own errors it raises is not known beforehand."""
    for retrier in map(as_dict, listed(state.body.get("Retry"))):
        if {"States.ALL", "States.TaskFailed"} & set(listed(retrier.get("ErrorEquals"))):
            return 1 + int(retrier.get("MaxAttempts", 3))
    return 1
