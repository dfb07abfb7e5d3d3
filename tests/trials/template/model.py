"""What a template says, read the same way from SAM and from plain CloudFormation, whoever wrote it.

What cannot be resolved is not guessed. A value stands for all that it may become (`Node.values`): each branch of an
`Fn::If`, each row of a mapping, each of a parameter's `AllowedValues`. A rule speaks only if all of them break it.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from trials.template import events, machines, policies
from trials.template.machines import State
from trials.template.nodes import (
    FUNCTIONS,
    MACHINES,
    Delivery,
    Event,
    Mapping,
    Node,
    Resource,
    Subscription,
    Target,
    Where,
)
from trials.template.sam import merged_properties
from trials.template.values import NO_VALUE, OPAQUE, as_dict, is_intrinsic, logical_id, references

QUALIFIED = ("AWS::Lambda::Alias", "AWS::Lambda::Version")  # names of a function


class Model:
    """A template as data, and the file that it stands in, whose neighbours it may name."""

    def __init__(self, body: Any, file: Path | None = None) -> None:
        self.body: dict[str, Any] = as_dict(body)
        self.file = file
        self.parameters = as_dict(self.body.get("Parameters"))
        self.mappings_section = as_dict(self.body.get("Mappings"))
        self.resources: dict[str, Resource] = {}
        for name, resource in as_dict(self.body.get("Resources")).items():
            if isinstance(resource, dict) and resource.get("Type") is not None:
                path: Where = ["Resources", name, *(["Properties"] if "Properties" in resource else [])]
                properties = merged_properties(self.body, resource)
                self.resources[name] = Resource(self, properties, path, name, str(resource["Type"]))

    def of(self, *types: str) -> list[Resource]:
        return [each for each in self.resources.values() if each.type in types]

    def raw(self, path: Where) -> Any:
        here: Any = self.body
        for key in path:
            here = here[key]
        return here

    def neighbour(self, name: str) -> Path | None:
        """The file beside the template that a path in it means."""
        if not name or "${" in name or "://" in name or not self.file:
            return None
        path = self.file.parent / name
        return path if path.is_file() else None

    def possible(self, value: Any) -> list[Any]:
        """All that an expression may become; nothing as `None`, a reference as it is written."""
        if isinstance(value, dict) and len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Fn::If" and isinstance(argument, list) and len(argument) == 3:
                return self.possible(argument[1]) + self.possible(argument[2])
            if function == "Fn::FindInMap" and isinstance(argument, list) and len(argument) == 3:
                return self._rows(*argument) or [value]
            if value == NO_VALUE:
                return [None]
            if function == "Ref" and isinstance(argument, str) and argument in self.parameters:
                return as_dict(self.parameters[argument]).get("AllowedValues") or [value]
        return [value]

    def _rows(self, name: Any, first: Any, second: Any) -> list[Any]:
        rows = as_dict(self.mappings_section.get(name) if isinstance(name, str) else None)
        chosen = [rows.get(first)] if isinstance(first, str) else list(rows.values())
        return [
            value
            for row in chosen
            for key, value in as_dict(row).items()
            if key == second or not isinstance(second, str)
        ]

    def values(self, value: Any, *keys: str) -> list[Any]:
        everything: list[Any] = []
        for outcome in self.possible(value):
            if not keys or outcome is None:
                everything.append(outcome)
            elif isinstance(outcome, dict) and not is_intrinsic(outcome):
                everything += self.values(outcome.get(keys[0]), *keys[1:])
            else:
                everything.append(OPAQUE)
        return everything

    def resource(self, value: Any) -> Resource | None:
        """The resource that a reference means; a function for its alias or version."""
        meant = self.resources.get(logical_id(value))
        return self.resource(meant.only("FunctionName")) if meant and meant.type in QUALIFIED else meant

    def function(self, value: Any) -> str:
        """The logical id of the function that an expression means, or of the only one that it names; empty for none."""
        meant = self.resources.get(logical_id(value))
        if meant and meant.type in QUALIFIED:
            return self.function(meant.written("FunctionName"))
        if meant and meant.is_function:
            return meant.name
        among = references(value) & {each.name for each in self.functions}
        return among.pop() if len(among) == 1 else ""

    @cached_property
    def functions(self) -> list[Resource]:
        return self.of(*FUNCTIONS)

    @cached_property
    def durable(self) -> set[str]:
        """The functions whose executions outlast their invocations."""
        return {function.name for function in self.functions if not function.absent("DurableConfig")}

    @cached_property
    def machines(self) -> list[Resource]:
        return self.of(*MACHINES)

    @cached_property
    def events(self) -> list[Event]:
        return list(events.sam_events(self))

    @cached_property
    def mappings(self) -> list[Mapping]:
        return list(events.mappings(self))

    @cached_property
    def targets(self) -> list[Target]:
        return list(events.targets(self))

    @cached_property
    def subscriptions(self) -> list[Subscription]:
        return list(events.subscriptions(self))

    @cached_property
    def urls(self) -> list[tuple[Resource, Node]]:
        return list(events.urls(self))

    @cached_property
    def deliveries(self) -> list[Delivery]:
        return list(events.deliveries(self))

    def statements(self, document: Node) -> tuple[list[Node], bool]:
        return policies.statements(self, document)

    def attached(self, resource: Resource) -> tuple[list[Node], bool]:
        return policies.attached(self, resource)

    def of_function(self, function: Resource) -> tuple[list[Node], bool]:
        return policies.of_function(self, function)

    def connected(self, source: str, destination: str) -> bool:
        return policies.connected(self, source, destination)

    def refused(self, delivery: Delivery) -> bool:
        return policies.refused(self, delivery)

    def definition(self, machine: Resource) -> Node | None:
        return machines.definition(self, machine)

    def states(self, machine: Resource) -> Iterator[State]:
        return machines.states(self, machine)


def certain(breaks: Callable[..., bool], *choices: list[Any]) -> bool:
    """Every combination of what the values may become breaks the law, and none of them is unknown."""
    return all(None not in each and OPAQUE not in each and breaks(*each) for each in product(*choices))
