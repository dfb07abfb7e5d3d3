"""The states of a state machine, wherever its definition stands."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trials.template import logical_id, read_template


def definition(properties: dict[str, Any], folder: Path) -> Any:
    """A state machine's states, with `${X}` for what refers to X; empty if they are not here."""
    found = properties.get("Definition") or properties.get("DefinitionString") or {}
    uri = properties.get("DefinitionUri")
    if isinstance(uri, str) and (folder / uri).is_file():
        return read_template(folder / uri)  # JSON is YAML
    if isinstance(found, dict) and "Fn::Join" in found:
        found = "".join(each if isinstance(each, str) else f"${{{logical_id(each)}}}" for each in found["Fn::Join"][1])
    elif isinstance(found, dict) and "Fn::Sub" in found:
        found, given = (found["Fn::Sub"], {}) if isinstance(found["Fn::Sub"], str) else found["Fn::Sub"]
        for name, value in given.items():
            found = found.replace(f"${{{name}}}", f"${{{logical_id(value)}}}")
    try:
        return json.loads(found) if isinstance(found, str) else found
    except ValueError:
        return {}


def states(value: Any) -> Iterator[dict[str, Any]]:
    """All states of a definition, those within others too."""
    if isinstance(value, dict):
        found = value.get("States")
        yield from (each for each in (found if isinstance(found, dict) else {}).values() if isinstance(each, dict))
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from states(inner)


def attempts(state: dict[str, Any]) -> int:
    """How often a state calls a function that fails; which of its own errors it raises is not known beforehand."""
    for each in state.get("Retry", []):
        if {"States.ALL", "States.TaskFailed"} & set(each.get("ErrorEquals", [])):
            return 1 + int(each.get("MaxAttempts", 3))
    return 1
