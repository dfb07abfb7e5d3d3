"""Functions of a template that cannot run here: its machines call them by name, and stand-ins answer."""

import re
from typing import Any

from trials.local_aws import ACCOUNT, REGION
from trials.template import FUNCTIONS, MACHINES, references

CALLERS = (*MACHINES, "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")


def called_by_name(body: dict[str, Any], absent: set[str]) -> dict[str, Any]:
    """The template in which machines and their roles name the absent functions, which then stay where they refer."""
    functions = {name for name in absent if body["Resources"][name]["Type"] in FUNCTIONS}
    resources = dict(body["Resources"])
    for name, resource in resources.items():
        if resource["Type"] in CALLERS and references(resource) & functions:
            resources[name] = named(resource, functions)
    return {**body, "Resources": resources}


def named(value: Any, functions: set[str]) -> Any:
    """A piece of a template with the functions' ARNs and names in the place of references."""
    if isinstance(value, list):
        return [named(each, functions) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("Ref") in functions and len(value) == 1:
        return value["Ref"]
    asked = value.get("Fn::GetAtt")
    name, _, attribute = ".".join(asked if isinstance(asked, list) else [str(asked)]).partition(".")
    if name in functions and attribute == "Arn":
        return arn(name)
    kept = {key: named(inner, functions) for key, inner in value.items()}
    if "DependsOn" in kept:
        depends = kept["DependsOn"] if isinstance(kept["DependsOn"], list) else [kept["DependsOn"]]
        kept["DependsOn"] = [each for each in depends if each not in functions]
    written = kept.get("Fn::Sub")
    if isinstance(written, str):
        kept["Fn::Sub"] = substituted(written, functions)
    elif isinstance(written, list):
        kept["Fn::Sub"] = [substituted(written[0], functions - set(written[1])), *written[1:]]
    return kept


def substituted(text: str, functions: set[str]) -> str:
    for name in functions:
        text = re.sub(rf"\$\{{{name}\.Arn\}}", arn(name), text).replace(f"${{{name}}}", name)
    return text


def arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
