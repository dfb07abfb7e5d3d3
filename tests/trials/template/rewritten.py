"""Templates with something left out or put differently, and the names that their authors gave."""

import re
from collections.abc import Set
from typing import Any

from trials.template.nodes import FUNCTIONS
from trials.template.values import listed, references, substituted

NAMING = ("Environment", "Policies", "PolicyDocument")  # properties of functions and roles
ROLES = ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")


def own_names(template: dict[str, Any]) -> dict[str, str]:
    """Each logical id with the name that its author wrote: CDK adds a hash, and keeps the path of the construct."""
    names = {}
    for logical_id, resource in template["Resources"].items():
        path = resource.get("Metadata", {}).get("aws:cdk:path")
        parts = path.split("/")[1:] if path else [logical_id]
        names[logical_id] = ".".join(part for part in parts if part not in ("Resource", "Default"))
    return names


def secrets_by_arn(template: dict[str, Any]) -> dict[str, Any]:
    """A copy of the template that asks for a secret's ARN, which `Ref` is in CloudFormation; MiniStack's is a name."""
    resources = template["Resources"]
    secrets = {name for name, resource in resources.items() if resource["Type"] == "AWS::SecretsManager::Secret"}

    def written(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"Ref"} and value["Ref"] in secrets:
                return {"Fn::GetAtt": [value["Ref"], "Id"]}
            if set(value) == {"Fn::Sub"}:
                text, given = substituted(value["Fn::Sub"])
                for name in secrets - given.keys():
                    text = text.replace(f"${{{name}}}", f"${{{name}.Id}}")
                return {"Fn::Sub": [text, written(given)] if given else text}
            return {key: written(inner) for key, inner in value.items()}
        return [written(inner) for inner in value] if isinstance(value, list) else value

    adapted = written(template)
    assert isinstance(adapted, dict)
    return adapted


def without_bootstrap(template: dict[str, Any]) -> dict[str, Any]:
    """The template without CDK's check of its bootstrap stack, which only an account has."""
    parameters = {name: each for name, each in template.get("Parameters", {}).items() if name != "BootstrapVersion"}
    return {**{key: each for key, each in template.items() if key != "Rules"}, "Parameters": parameters}


def naming_only(resource: dict[str, Any], gone: set[str], here: Set[str]) -> dict[str, Any]:
    """A function or role that only names some resources in its variables and policies; another one as it is.

    So is a policy of its own if its roles are not all here: SAM makes some for a machine, which may be gone.
    """
    properties = resource.get("Properties")
    if resource.get("Type") not in (*FUNCTIONS, *ROLES) or not isinstance(properties, dict):
        return resource
    if not references(properties.get("Roles")) <= here:
        return resource
    named = {key: as_names(value, gone) if key in NAMING else value for key, value in properties.items()}
    return {**resource, "Properties": named}


def as_names(value: Any, gone: set[str], arn: str = "arn:aws:trial:us-east-1:123456789012:") -> Any:
    """A piece of a template with a text for each reference to what is gone; `arn` is how its ARN begins."""
    if isinstance(value, list):
        return [as_names(each, gone, arn) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"} and value["Ref"] in gone:
        return value["Ref"]
    if set(value) == {"Fn::GetAtt"}:
        wanted = value["Fn::GetAtt"]
        parts = wanted.split(".") if isinstance(wanted, str) else [str(part) for part in wanted]
        return named(parts[0], ".".join(parts[1:]), arn) if parts[0] in gone else value
    if set(value) == {"Fn::Sub"}:
        text, given = substituted(value["Fn::Sub"])
        for name in gone - given.keys():
            text = re.sub(rf"\$\{{{name}(?:\.([\w.]+))?\}}", lambda part: named(name, part[1] or "", arn), text)  # noqa: B023
        return {"Fn::Sub": [text, as_names(given, gone, arn)] if given else text}
    kept = {key: as_names(inner, gone, arn) for key, inner in value.items()}
    if "DependsOn" in kept:
        kept["DependsOn"] = [each for each in listed(kept["DependsOn"]) if each not in gone]
    return kept


def named(name: str, attribute: str, arn: str) -> str:
    return f"{arn}{name}" if attribute.endswith("Arn") else name


def without(template: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The template without some resources and without every resource and output that refers to them.

    What a function's variables and policies say of them stays as a name, for the function may do much without them.
    """
    resources, gone = dict(template["Resources"]), set(names)
    while gone & resources.keys():
        names = names | gone
        kept = {name: resource for name, resource in resources.items() if name not in gone}
        resources = {name: naming_only(resource, names, kept.keys()) for name, resource in kept.items()}
        gone = {name for name, resource in resources.items() if references(resource) & names}
    outputs = {name: each for name, each in template.get("Outputs", {}).items() if not references(each) & names}
    return {**template, "Resources": resources, "Outputs": outputs}
