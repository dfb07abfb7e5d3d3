"""What a resource says once SAM has merged the section of Globals for its type into it."""

from typing import Any

from trials.template.values import as_dict, is_intrinsic

GLOBALS = {  # resource types and their section of Globals
    "AWS::Serverless::Function": "Function",
    "AWS::Serverless::Api": "Api",
    "AWS::Serverless::HttpApi": "HttpApi",
    "AWS::Serverless::SimpleTable": "SimpleTable",
    "AWS::Serverless::StateMachine": "StateMachine",
}


def shared_section(body: dict[str, Any], kind: str) -> dict[str, Any]:
    """What Globals of a template say about a type of resource."""
    return as_dict(as_dict(body.get("Globals")).get(GLOBALS.get(kind, "")))


def merged_properties(body: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    """The properties of a resource of a template, Globals included."""
    properties: dict[str, Any] = merged(
        shared_section(body, str(resource.get("Type"))), as_dict(resource.get("Properties"))
    )
    return properties


def merged(shared: Any, own: Any) -> Any:
    """As SAM merges Globals: objects key by key, lists one after the other, anything else replaced."""
    if isinstance(shared, dict) and isinstance(own, dict) and not is_intrinsic(shared) and not is_intrinsic(own):
        if not shared:
            return own
        both = shared.keys() & own.keys()
        return {
            key: merged(shared[key], own[key]) if key in both else own.get(key, shared.get(key))
            for key in {**shared, **own}
        }
    if isinstance(shared, list) and isinstance(own, list):
        return shared + own
    return own
