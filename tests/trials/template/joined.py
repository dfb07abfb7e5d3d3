"""Stacks of one CDK app that take what others of it export, or put into Parameter Store, laid into one template."""

import re
from pathlib import Path
from typing import Any

from trials.template.load import read_template
from trials.template.nested import SECTIONS, joined_transforms, rewritten, with_globals

Body = dict[str, Any]
NESTED = ".nested.template.json"  # is laid into the template that holds it
STORED = "parameter "  # before the name of a parameter in Parameter Store, which is passed on as an export is
OF_STORE = re.compile(r"AWS::SSM::Parameter::Value<.*>")
DYNAMIC = re.compile(r"\{\{resolve:ssm:([^:}]+)(?::\d+)?\}\}")
SHARED = ("Parameters", "Mappings", "Conditions")  # sections of which equal entries are one


def linked(paths: list[Path]) -> list[Path]:
    """The largest group of templates that exchange values, by their order; the first one alone if none do."""
    read = {path: read_template(path) for path in paths if not path.name.endswith(NESTED)}
    bodies = {path: body for path, body in read.items() if body.get("Resources")} or read
    groups = [{path} for path in bodies]
    for path, body in bodies.items():
        taken = imports(body) | {f"{STORED}{name}" for name in of_parameters(body).values()}
        made = {other for other, there in bodies.items() if taken & exports(there).keys()} | {path}
        touched = [group for group in groups if group & made]
        groups = [group for group in groups if not group & made] + [set().union(*touched)]
    if not groups:
        return paths[:1]
    largest = max(groups, key=lambda group: (len(group), -min(paths.index(path) for path in group)))
    return [path for path in paths if path in largest]


def exports(body: Body) -> dict[str, Any]:
    """What a template exports or stores, by the name under which another stack takes it."""
    outputs = [each for each in (body.get("Outputs") or {}).values() if isinstance(each, dict)]
    named = {(each.get("Export") or {}).get("Name"): each.get("Value") for each in outputs if each.get("Export")}
    resources = [each for each in (body.get("Resources") or {}).values() if each.get("Type") == "AWS::SSM::Parameter"]
    stored = [each.get("Properties") or {} for each in resources]
    named |= {f"{STORED}{each['Name']}": each.get("Value") for each in stored if isinstance(each.get("Name"), str)}
    return {name: value for name, value in named.items() if isinstance(name, str)}


def of_parameters(body: Body) -> dict[str, str]:
    """By parameter of a template: the name in Parameter Store from which it takes its value."""
    parameters = {name: each for name, each in (body.get("Parameters") or {}).items() if isinstance(each, dict)}
    defaults = {name: each.get("Default") for name, each in parameters.items() if OF_STORE.fullmatch(str(each["Type"]))}
    return {name: default for name, default in defaults.items() if isinstance(default, str)}


def imports(value: Any) -> set[str]:
    """The names of exports that a piece of a template imports."""
    if isinstance(value, list):
        return {name for each in value for name in imports(each)}
    if isinstance(value, str):
        return {f"{STORED}{name}" for name in DYNAMIC.findall(value)}
    if not isinstance(value, dict):
        return set()
    own = value.get("Fn::ImportValue")
    inner = {name for key, each in value.items() if key != "Fn::ImportValue" for name in imports(each)}
    return inner | ({own} if isinstance(own, str) else imports(own))


def joined(paths: list[Path]) -> Body:
    """One template with all that these hold; what has the name of something else gets its stack's in front."""
    whole: Body = {section: {} for section in SECTIONS}
    exported: dict[str, Any] = {}
    for path in paths:
        body = with_globals(read_template(path))
        stack = "".join(letter for letter in path.name.split(".")[0] if letter.isalnum())
        renamed = {
            key: f"{stack}{key}"
            for section in SECTIONS
            for key, entry in (body.get(section) or {}).items()
            if any(key in whole[taken] for taken in SECTIONS)
            and not (section in SHARED and whole[section].get(key) == entry)
        }
        for section in SECTIONS:
            for key, entry in (body.get(section) or {}).items():
                whole[section][renamed.get(key, key)] = rewritten(entry, renamed, {})
        exported |= {name: rewritten(value, renamed, {}) for name, value in exports(body).items()}
        whole |= joined_transforms(whole, body)
    stored = {name: f"{STORED}{held}" for name, held in of_parameters(whole).items() if f"{STORED}{held}" in exported}
    whole["Parameters"] = {name: each for name, each in whole["Parameters"].items() if name not in stored}
    whole = rewritten(whole, {}, {name: exported[held] for name, held in stored.items()})
    resolved: Body = with_values(whole, exported)
    return {section: entries for section, entries in resolved.items() if entries}


def with_values(value: Any, exported: dict[str, Any]) -> Any:
    """A piece of the template with what is exported in place of each import of it."""
    if isinstance(value, list):
        return [with_values(each, exported) for each in value]
    dynamic = DYNAMIC.fullmatch(value) if isinstance(value, str) else None
    if dynamic and f"{STORED}{dynamic[1]}" in exported:
        return with_values(exported[f"{STORED}{dynamic[1]}"], exported)
    if not isinstance(value, dict):
        return value
    name = value.get("Fn::ImportValue")
    if len(value) == 1 and isinstance(name, str) and name in exported:
        return with_values(exported[name], exported)
    return {key: with_values(each, exported) for key, each in value.items()}
