"""The states of a state machine, wherever its definition stands: inline, as text, or in a file beside the template."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from trials.template.nodes import Node, Resource, Where
from trials.template.values import as_dict, is_intrinsic, listed, text

if TYPE_CHECKING:
    from trials.template.model import Model


@dataclass(frozen=True, eq=False)
class State(Node):
    """A state of a state machine; its path is its own, or that of the text that holds it."""

    name: str
    machine: Resource
    outer: tuple[dict[str, Any], ...]  # the Map and Parallel states around it
    express: bool

    @property
    def resource(self) -> str:
        """What a task calls, references left as `${Name.Attribute}`."""
        return text(self.body.get("Resource"))


def definition(template: Model, machine: Resource) -> Node | None:
    """A state machine's definition, with `${X}` for what refers to X."""
    for key in ("Definition", "DefinitionString", "DefinitionUri", "DefinitionS3Location"):
        value = machine.only(key)
        if key == "Definition" and isinstance(value, dict) and not is_intrinsic(value):
            return Node(template, value, machine.at(key))
        written = text(value)
        if key in ("DefinitionUri", "DefinitionS3Location"):
            file = template.neighbour(written)
            written = file.read_text(encoding="utf-8", errors="replace") if file else ""
        if written:
            parsed = parsed_definition(written)
            return Node(template, parsed, machine.at(key)) if isinstance(parsed, dict) else None
    return None


def parsed_definition(written: str) -> Any:
    """A definition's text as data, JSON or YAML; None if it is neither. JSON may hold tabs, which YAML may not."""
    try:
        return json.loads(written)
    except ValueError:
        try:
            return yaml.safe_load(written)
        except yaml.YAMLError:
            return None


def states(template: Model, machine: Resource) -> Iterator[State]:
    """All states of a machine, those within others too."""
    whole = definition(template, machine)
    if whole:
        inline = whole.path[-1:] == ["Definition"]
        kind = machine.only("Type" if machine.type.startswith("AWS::Serverless") else "StateMachineType")
        yield from _states(machine, whole, inline, (), bool(kind == "EXPRESS"))


def _states(
    machine: Resource, within: Node, inline: bool, outer: tuple[dict[str, Any], ...], express: bool
) -> Iterator[State]:
    for name, state in as_dict(as_dict(within.body).get("States")).items():
        if not isinstance(state, dict):
            continue
        path = [*within.path, "States", name] if inline else within.path
        yield State(within.template, state, path, str(name), machine, outer, express)
        inner: list[tuple[Where, Any]] = [([key], state.get(key)) for key in ("ItemProcessor", "Iterator")]
        inner += [(["Branches", index], branch) for index, branch in enumerate(listed(state.get("Branches")))]
        for keys, body in inner:
            children = as_dict(as_dict(body).get("ProcessorConfig")).get("ExecutionType")
            node = Node(within.template, body, [*path, *keys] if inline else path)
            yield from _states(machine, node, inline, (*outer, state), express or children == "EXPRESS")
