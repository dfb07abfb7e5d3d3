"""Nested stacks and applications from local files, laid into the template that holds them, as if written there."""

import os
import re
from pathlib import Path
from typing import Any

from trials.template.load import read_template
from trials.template.nodes import ASSET
from trials.template.sam import merged_properties, shared_section

LOCATIONS = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}
PATHS = ("CodeUri", "ContentUri", "DefinitionUri", "Location")  # of what lies beside a template
SECTIONS = ("Parameters", "Mappings", "Conditions", "Resources")
NAMED = re.compile(r"\$\{(\w+)((?:\.\w+)*)\}")


def inlined(body: dict[str, Any], folder: Path, notes: list[str]) -> dict[str, Any]:
    """The template with what its nested stacks hold in their place; those without a file here stay as they are."""
    for name, stack in list(body["Resources"].items()):
        path = local_template(stack, folder)
        if path is None:
            continue
        inner = read_template(path)
        if not isinstance(inner.get("Resources"), dict):
            continue
        notes.append(f"{name} is laid into the template, from {os.path.relpath(path, folder)}")
        inner = with_places(inlined(inner, path.parent, notes))
        inner = with_paths(inner, os.path.relpath(path.parent, folder))
        body = lay_in(body, name, inner)
    return body


def local_template(stack: dict[str, Any], folder: Path) -> Path | None:
    """The file of a nested stack; one `..` too many is forgiven, for a build often copies the template a level down."""
    key = LOCATIONS.get(str(stack.get("Type")))
    properties = stack.get("Properties") or {}
    location = (stack.get("Metadata") or {}).get(ASSET) or (properties.get(key) if key else None)
    if not key or not isinstance(location, str) or "://" in location:
        return None
    for written in (location, location.removeprefix("../")):
        for path in (folder / written, folder / written / "template.yaml"):
            if path.is_file():
                return path
    return None


def lay_in(outer: dict[str, Any], name: str, inner: dict[str, Any]) -> dict[str, Any]:
    """The outer template with the inner one in place of the nested stack `name`, whose name all that it holds gets."""
    stack = outer["Resources"][name]
    given = (stack.get("Properties") or {}).get("Parameters") or {}
    plain = {key: value for key, value in given.items() if not isinstance(value, dict | list)}
    put = {key: value for key, value in given.items() if key not in plain}  # what only the outer template tells
    inner = {**inner, "Parameters": {k: v for k, v in (inner.get("Parameters") or {}).items() if k not in put}}
    for key, value in plain.items():
        if key in inner["Parameters"]:
            inner["Parameters"][key] = {**inner["Parameters"][key], "Default": value}
    renamed = {key: f"{name}{key}" for section in SECTIONS for key in inner.get(section) or {}}
    inner = with_globals(inner)
    moved = {
        section: {renamed[key]: rewritten(each, renamed, put) for key, each in (inner.get(section) or {}).items()}
        for section in SECTIONS
    }
    if condition := stack.get("Condition"):
        for key, resource in moved["Resources"].items():
            own = resource.get("Condition")
            if own:
                moved["Conditions"][f"{key}Both"] = {"Fn::And": [{"Condition": condition}, {"Condition": own}]}
            resource["Condition"] = f"{key}Both" if own else condition
    outputs = {key: rewritten(each["Value"], renamed, put) for key, each in (inner.get("Outputs") or {}).items()}
    rest = {key: each for key, each in outer["Resources"].items() if key != name}
    whole = {**outer, **joined_transforms(outer, inner), "Resources": rest}
    whole = told_outputs(whole, name, outputs)
    for section, entries in moved.items():
        if entries:
            whole[section] = {**(whole.get(section) or {}), **entries}
    return whole


def joined_transforms(outer: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    names: list[Any] = []
    for declared in (outer.get("Transform"), inner.get("Transform")):
        names += [one for one in (declared if isinstance(declared, list) else [declared]) if one and one not in names]
    return {"Transform": names if len(names) > 1 else names[0]} if names else {}


def rewritten(value: Any, renamed: dict[str, str], put: dict[str, Any]) -> Any:
    """A piece of the inner template: what it refers to by its new name, parameters by what the outer one puts there."""
    if isinstance(value, list):
        return [rewritten(each, renamed, put) for each in value]
    if not isinstance(value, dict):
        return value
    piece: dict[str, Any] = {}
    for key, inner in value.items():
        if key == "Ref" and inner in put:
            return put[inner]
        if key in ("Ref", "Condition") and isinstance(inner, str):
            piece[key] = renamed.get(inner, inner)
        elif key == "DependsOn":
            piece[key] = [renamed.get(one, one) for one in (inner if isinstance(inner, list) else [inner])]
        elif key == "Fn::GetAtt":
            parts = inner.split(".", 1) if isinstance(inner, str) else inner
            piece[key] = [renamed.get(parts[0], parts[0]), *rewritten(parts[1:], renamed, put)]
        elif key in ("Fn::If", "Fn::FindInMap") and isinstance(inner[0], str):
            piece[key] = [renamed.get(inner[0], inner[0]), *rewritten(inner[1:], renamed, put)]
        elif key == "Fn::Sub":
            text, given = (inner, {}) if isinstance(inner, str) else inner
            given = rewritten(given, renamed, put)
            used = {name for name, _ in NAMED.findall(text)} - given.keys()
            text = NAMED.sub(lambda at: at[0] if at[1] in given else f"${{{renamed.get(at[1], at[1])}{at[2]}}}", text)  # noqa: B023
            given |= {name: put[name] for name in used & put.keys()}
            piece[key] = [text, given] if given else text
        else:
            piece[key] = rewritten(inner, renamed, put)
    return piece


def told_outputs(value: Any, name: str, outputs: dict[str, Any]) -> Any:
    """A piece of the outer template in which the outputs of the nested stack `name` are what they stand for."""
    if isinstance(value, list):
        return [told_outputs(each, name, outputs) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and "Fn::GetAtt" in value:
        inner = value["Fn::GetAtt"]
        parts = inner.split(".") if isinstance(inner, str) else [inner[0], *str(inner[1]).split(".")]
        if parts[:2] == [name, "Outputs"]:
            return outputs.get(parts[2], "")
    if value == {"Ref": name}:
        return name
    if len(value) == 1 and "Fn::Sub" in value:
        text, given = (value["Fn::Sub"], {}) if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"]
        given = told_outputs(given, name, outputs)
        for key in re.findall(rf"\$\{{{name}\.Outputs\.(\w+)\}}", text):
            text = text.replace(f"${{{name}.Outputs.{key}}}", f"${{{name}Outputs{key}}}")
            given[f"{name}Outputs{key}"] = outputs.get(key, "")
        return {"Fn::Sub": [text, given] if given else text}
    kept = {key: told_outputs(inner, name, outputs) for key, inner in value.items()}
    if isinstance(kept.get("DependsOn"), str | list) and "Type" in kept:
        listed = kept["DependsOn"] if isinstance(kept["DependsOn"], list) else [kept["DependsOn"]]
        kept["DependsOn"] = [each for each in listed if each != name]
    return kept


def with_globals(inner: dict[str, Any]) -> dict[str, Any]:
    """Globals are of one template: what they say is written into each resource that they are for."""
    resources = {
        name: {**resource, "Properties": merged_properties(inner, resource)}
        if shared_section(inner, str(resource.get("Type")))
        else resource
        for name, resource in inner["Resources"].items()
    }
    return {**{key: each for key, each in inner.items() if key != "Globals"}, "Resources": resources}


def with_places(inner: dict[str, Any]) -> dict[str, Any]:
    """The code of a function that says nothing of it lies beside its own template, not beside the outer one."""
    for resource in inner["Resources"].values():
        placed = {"CodeUri", "InlineCode", "ImageUri"} & merged_properties(inner, resource).keys()
        if resource.get("Type") == "AWS::Serverless::Function" and not placed:
            resource["Properties"] = {**(resource.get("Properties") or {}), "CodeUri": "."}
    return inner


def with_paths(value: Any, place: str) -> Any:
    """A piece of the inner template whose paths start at the outer one's folder."""
    if isinstance(value, list):
        return [with_paths(each, place) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: os.path.normpath(f"{place}/{inner}")
        if key in (*PATHS, ASSET) and isinstance(inner, str) and "://" not in inner
        else with_paths(inner, place)
        for key, inner in value.items()
    }
