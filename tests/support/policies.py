"""IAM policies in documents: every action is one that a service has."""

import fnmatch
import functools
import json
from importlib import resources
from typing import Any


@functools.cache
def services() -> dict[str, set[str]]:
    """Service prefix to its actions, both in lower case, from the data that cfn-lint ships."""
    data = json.loads(resources.files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text())
    return {prefix: set(service["Actions"]) for prefix, service in data.items()}


def unknown_actions(value: Any) -> list[str]:
    """Actions of any statement within a piece of JSON that no service has; wildcards must match at least one."""
    if isinstance(value, list):
        return [action for inner in value for action in unknown_actions(inner)]
    if not isinstance(value, dict):
        return []
    given = value.get("Action", []) if "Effect" in value else []
    actions = [given] if isinstance(given, str) else given
    return [action for action in actions if not _known(action)] + unknown_actions(list(value.values()))


def _known(action: str) -> bool:
    prefix, _, name = action.partition(":")
    return any(fnmatch.fnmatchcase(each, name.lower()) for each in services().get(prefix.lower(), ()))
