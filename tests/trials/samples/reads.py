"""What a handler's code reads of its event, in whichever language: paths, and how each value is used."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from trials.samples.images import IMAGE, opened

JSON, EACH, FORM = "{json}", "[]", "{form}"  # steps besides keys: text that is parsed, a member of a list, a form
ITEM = "{item}"  # begins what is read of an item of DynamoDB
Steps = tuple[str, ...]
FORMED = {  # texts that a function takes in one form only, by its name
    "fromhex": "0f8b6c1d2e3a4b5c9d7e6f5a4b3c2d1e",
    "unhexlify": "0f8b6c1d2e3a4b5c9d7e6f5a4b3c2d1e",
    "UUID": "0f8b6c1d-2e3a-4b5c-9d7e-6f5a4b3c2d1e",
    "ObjectId": "0f8b6c1d2e3a4b5c9d7e6f5a",
}


@dataclass
class Reads:
    """Paths that are read; `numbers` are those used as numbers, `optional` those that may be missing.

    `values` are what a path is compared with, or may hold; `routes` the method and path of what a router serves,
    `items` the attributes that are read of items of DynamoDB; under them `numbers` and `values` begin with `ITEM`.
    `fields` are names that the code lists as those of fields, those first that it requires. `inside` is what is read
    within attributes of items, `unwanted` what an item must not have for the code to go on, and `same` what of it is
    compared with which part of the event; all three begin with `ITEM`.
    """

    paths: set[Steps] = field(default_factory=set)
    numbers: set[Steps] = field(default_factory=set)
    optional: set[Steps] = field(default_factory=set)
    values: dict[Steps, Any] = field(default_factory=dict)
    items: set[str] = field(default_factory=set)
    routes: list[tuple[str, str]] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    inside: set[Steps] = field(default_factory=set)
    unwanted: set[Steps] = field(default_factory=set)
    same: dict[Steps, Steps] = field(default_factory=dict)


def at_end_of(steps: Steps, value: Any, called: Callable[[str, Any], str] = lambda step, _: step) -> Any:
    """What stands at the end of the steps; `called` says how an object calls what a step names."""
    for step in steps:
        if step == JSON and isinstance(value, str):
            with suppress(ValueError):
                value = json.loads(value)
        elif step == EACH:
            value = value[0] if isinstance(value, list) and value else None
        elif step == IMAGE:
            value = opened(value)
        elif step != JSON:
            value = value.get(called(step, value)) if isinstance(value, dict) else None
    return value


def is_formed(value: Any) -> bool:
    """Whether a value is one that only stands for its form."""
    return isinstance(value, str) and value in FORMED.values()
