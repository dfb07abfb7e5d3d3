"""What a task that is stood in for may answer: made of what the definition reads of its result."""

import re
from collections.abc import Iterator
from typing import Any

from trials.machines.definition import INVOKED, State, Task, tasks
from trials.machines.inputs import STEPS_OF_JSONATA, every_state, of_state
from trials.machines.intrinsics import PATH, steps, texts
from trials.samples.derive import put_all
from trials.samples.reads import Steps
from trials.template import as_dict

NUMBER = re.compile(r"-?\d+(\.\d+)?")
RESULT = re.compile(r"\$states\.result" + STEPS_OF_JSONATA)


def answers(definition: State) -> dict[str, Any]:
    """For each task, an answer with what the definition reads of it."""
    every = list(every_state(definition))
    return {task.name: answer(task, every) for task in tasks(definition)}


def answer(task: Task, every: list[State]) -> Any:
    wanted, values = set[Steps](), dict[Steps, Any]()
    for path, value in of_result(task.body, every):
        inner = path[1:] if INVOKED in task.resource and path[:1] == ("Payload",) else path
        if inner:
            wanted.add(inner)
            values |= {inner: value} if value is not None and inner not in values else {}
    return put_all({}, sorted(wanted), values)


def of_result(state: State, every: list[State]) -> Iterator[tuple[Steps, Any]]:
    """The paths that are read of what a state answers, each with a value that it is compared with."""
    for _, text in texts(state):
        for mention in RESULT.finditer(text):
            yield steps(mention[1]), None
    selected = {
        key.removesuffix(".$"): steps(match[1])
        for key, text in as_dict(state.get("ResultSelector")).items()
        if isinstance(text, str) and (match := PATH.match(text))
    }
    for path, value in later(state, every):
        if not selected:
            yield path, value
        elif path and path[0] in selected:
            yield (*selected[path[0]], *path[1:]), value
    yield from ((path, None) for path in selected.values())


def later(state: State, every: list[State]) -> Iterator[tuple[Steps, Any]]:
    """What other states read of the place where a state lays its result."""
    if "Output" in state or state.get("ResultPath", "$") is None:
        return
    place = PATH.match(str(state.get("ResultPath")))
    prefix = steps(place[1]) if place else ()
    for other in every:
        for path, value in of_state(other):
            if path[: len(prefix)] == prefix and (prefix or other is not state):
                yield path[len(prefix) :], value


def attributes(answer: Any) -> dict[str, Any]:
    """Those of an item that an answer to GetItem holds, of the types that a plain value can have."""
    held = {name: as_dict(value) for name, value in as_dict(as_dict(answer).get("Item")).items()}
    return {
        name: {kind: plain(kind, given)}
        for name, value in held.items()
        for kind, given in list(value.items())[:1]
        if kind in ("S", "N", "BOOL")
    }


def plain(kind: str, value: Any) -> Any:
    """A value as DynamoDB takes it under a type."""
    if kind == "BOOL":
        return bool(value)
    return str(value) if kind == "S" or NUMBER.fullmatch(str(value)) else "1"
