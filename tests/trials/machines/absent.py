"""Functions of a template that cannot run here: its machines call them by name, and stand-ins answer."""

from typing import Any

from trials.local_aws import ACCOUNT, REGION
from trials.template import FUNCTIONS, MACHINES, references
from trials.template.rewritten import as_names

CALLERS = (*MACHINES, "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")


def called_by_name(body: dict[str, Any], absent: set[str]) -> dict[str, Any]:
    """The template in which machines and their roles name the absent functions, which then stay where they refer."""
    functions = {name for name in absent if body["Resources"][name]["Type"] in FUNCTIONS}
    resources = dict(body["Resources"])
    for name, resource in resources.items():
        if resource["Type"] in CALLERS and references(resource) & functions:
            resources[name] = as_names(resource, functions, f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:")
    return {**body, "Resources": resources}
