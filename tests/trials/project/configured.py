"""Functions whose variables the function of a custom resource sets: the template itself would refer in a circle."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from trials.template import Model, Resource, as_dict, references

WRITTEN = (".py", ".js", ".mjs", ".cjs", ".ts", ".mts")
Folders = Callable[[str], Path]  # of the code of a function

SETS = re.compile(r"update_function_configuration|updateFunctionConfiguration|UpdateFunctionConfigurationCommand")


def set_by_others(model: Model, folders: Folders) -> Iterator[tuple[str, str, set[str]]]:
    """Each function, the one that sets variables of it, and the names of those that its own code reads."""
    for resource in model.resources.values():
        setter = model.resources.get(model.function(resource.written("ServiceToken")))
        if not is_custom(resource) or setter is None or not SETS.search(code_of(folders(setter.name))):
            continue
        variables = as_dict(as_dict(setter.written("Environment")).get("Variables"))
        meant = {name: references(value) & {each.name for each in model.functions} for name, value in variables.items()}
        for target in sorted(set().union(*meant.values())):
            text = code_of(folders(target))
            names = {name for name, named in meant.items() if not named and re.search(rf"\b{re.escape(name)}\b", text)}
            if names:
                yield target, setter.name, names


def is_custom(resource: Resource) -> bool:
    return resource.type.startswith("Custom::") or resource.type == "AWS::CloudFormation::CustomResource"


def code_of(folder: Path) -> str:
    """All texts of a function's code."""
    files = [each for each in sorted(folder.rglob("*")) if each.suffix in WRITTEN and "node_modules" not in each.parts]
    return "\n".join(each.read_text(encoding="utf-8", errors="replace") for each in files if each.is_file())
