"""Stacks of one CDK app of which one imports what another exports, laid into one template."""

from pathlib import Path
from typing import Any

from trials.template.load import read_template
from trials.template.nested import SECTIONS, joined_transforms, rewritten, with_globals

Body = dict[str, Any]
NESTED = ".nested.template.json"  # is laid into the template that holds it
SHARED = ("Parameters", "Mappings", "Conditions")  # sections of which equal entries are one


def linked(paths: list[Path]) -> list[Path]:
    """The largest group of templates that exchange values, by their order; the first one alone if none do."""
    bodies = {path: read_template(path) for path in paths if not path.name.endswith(NESTED)}
    groups = [{path} for path in bodies]
    for path, body in bodies.items():
        made = {other for other, there in bodies.items() if imports(body) & exports(there).keys()} | {path}
        touched = [group for group in groups if group & made]
        groups = [group for group in groups if not group & made] + [set().union(*touched)]
    if not groups:
        return paths[:1]
    largest = max(groups, key=lambda group: (len(group), -min(paths.index(path) for path in group)))
    return [path for path in paths if path in largest]


def exports(body: Body) -> dict[str, Any]:
    """What a template exports, by the name under which another stack imports it."""
    outputs = [each for each in (body.get("Outputs") or {}).values() if isinstance(each, dict)]
    named = {(each.get("Export") or {}).get("Name"): each.get("Value") for each in outputs if each.get("Export")}
    return {name: value for name, value in named.items() if isinstance(name, str)}


def imports(value: Any) -> set[str]:
    """The names of exports that a piece of a template imports."""
    if isinstance(value, list):
        return {name for each in value for name in imports(each)}
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
    resolved: Body = with_values(whole, exported)
    return {section: entries for section, entries in resolved.items() if entries}


def with_values(value: Any, exported: dict[str, Any]) -> Any:
    """A piece of the template with what is exported in place of each import of it."""
    if isinstance(value, list):
        return [with_values(each, exported) for each in value]
    if not isinstance(value, dict):
        return value
    name = value.get("Fn::ImportValue")
    if len(value) == 1 and isinstance(name, str) and name in exported:
        return with_values(exported[name], exported)
    return {key: with_values(each, exported) for key, each in value.items()}
