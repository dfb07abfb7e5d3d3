"""Values for parameters under which the conditions hold that keep event sources out of the stack."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from trials.project.parameters import SSM, value_for
from trials.project.source import Source
from trials.template import as_dict, as_text

Values = dict[str, str]
MOST = 16  # ways to meet one condition that are weighed


def met(body: dict[str, Any], sources: list[Source], values: Values, free: set[str], url: str) -> Values:
    """What to give to parameters that are `free` so that more sources exist than by `values`, and none exists less."""
    gates = {str(source): gated(body, source) for source in sources}
    chosen: Values = {}
    for gate in dict.fromkeys(name for names in gates.values() for name in names):
        conditions = Conditions(body, values | chosen, url)
        if conditions.holds({"Condition": gate}) is not False:
            continue
        before = conditions.existing(gates)
        for _, wish in zip(range(MOST), conditions.wishes({"Condition": gate}, True), strict=False):
            if wish.keys() <= free and before < Conditions(body, values | chosen | wish, url).existing(gates):
                chosen |= wish
                break
    return chosen


def gated(body: dict[str, Any], source: Source) -> list[str]:
    """The conditions under which a source and what it ends in are in the stack."""
    names = dict.fromkeys((source.function, source.origin, source.name.split(".")[0], source.name.replace(".", "")))
    resources = [as_dict(body["Resources"].get(name)) for name in names]
    return [each["Condition"] for each in resources if isinstance(each.get("Condition"), str)]


class Conditions:
    """The conditions of a template under values of its parameters."""

    def __init__(self, body: dict[str, Any], values: Values, url: str) -> None:
        self.parameters = as_dict(body.get("Parameters"))
        self.conditions = as_dict(body.get("Conditions"))
        self.values, self.url = values, url

    def existing(self, gates: dict[str, list[str]]) -> set[str]:
        """The sources that no condition keeps out."""
        return {
            source
            for source, names in gates.items()
            if all(self.holds({"Condition": name}) is not False for name in names)
        }

    def holds(self, expression: Any) -> bool | None:
        """None for what cannot be told."""
        function, argument = only(expression)
        if function == "Condition":
            return self.holds(self.conditions.get(str(argument)))
        if function == "Fn::Equals" and isinstance(argument, list) and len(argument) == 2:
            one, other = map(self.value, argument)
            return None if one is None or other is None else one == other
        told = [self.holds(each) for each in argument] if isinstance(argument, list) else []
        if function == "Fn::Not" and len(told) == 1:
            return None if told[0] is None else not told[0]
        if function == "Fn::And":
            return False if False in told else None if None in told else True
        if function == "Fn::Or":
            return True if True in told else None if None in told else False
        return None

    def value(self, written: Any) -> str | None:
        if isinstance(written, str | int | float):
            return as_text(written)
        function, argument = only(written)
        return self.values.get(str(argument)) if function == "Ref" else None

    def wishes(self, expression: Any, wanted: bool) -> Iterator[Values]:
        """Values of parameters under which an expression is as it is wanted, the fewest first."""
        function, argument = only(expression)
        parts = argument if isinstance(argument, list) else []
        if self.holds(expression) is wanted:
            yield {}
        elif function == "Condition":
            yield from self.wishes(self.conditions.get(str(argument)), wanted)
        elif function == "Fn::Not" and len(parts) == 1:
            yield from self.wishes(parts[0], not wanted)
        elif function in ("Fn::And", "Fn::Or") and (function == "Fn::And") is wanted:
            for ways in product(*(list(self.wishes(each, wanted))[:MOST] for each in parts)):
                together = {name: value for way in ways for name, value in way.items()}
                if all(way.items() <= together.items() for way in ways):
                    yield together
        elif function in ("Fn::And", "Fn::Or"):
            for part in parts:
                yield from self.wishes(part, wanted)
        elif function == "Fn::Equals" and len(parts) == 2:
            yield from self.of_equals(parts[0], parts[1], wanted)

    def of_equals(self, one: Any, other: Any, wanted: bool) -> Iterator[Values]:
        for reference, compared in ((one, other), (other, one)):
            function, name = only(reference)
            value = self.value(compared)
            if function != "Ref" or name not in self.parameters or value is None or only(compared)[0] == "Ref":
                continue
            parameter = as_dict(self.parameters[name])
            if SSM.fullmatch(str(parameter.get("Type", ""))):
                continue
            allowed = [as_text(each) for each in parameter.get("AllowedValues") or []]
            others = [
                *allowed,
                value_for(name, {key: each for key, each in parameter.items() if key != "Default"}, self.url),
            ]
            fitting = [value] if wanted else [each for each in others if each not in ("", value)]
            yield from ({name: each} for each in fitting if not allowed or each in allowed)


def only(expression: Any) -> tuple[str, Any]:
    """The one function of an expression and its argument; nothing for anything else."""
    if isinstance(expression, dict) and len(expression) == 1:
        return next(iter(expression.items()))
    return "", None
