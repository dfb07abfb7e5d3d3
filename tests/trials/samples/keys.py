"""The key of an object that a sample tells of: one that must be decoded, and a plain one for code that does not."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

from trials.samples.made import NAME
from trials.samples.sample import Sample

PLAIN = "trial/a"
FLAT, ODD = "a", "a b+ü"  # of the same form, but in no folder: code may put an object below /tmp by its key


def with_a_plain_key(sample: Sample) -> Sample | None:
    """The sample with nothing to decode in its object's key; it keeps the other one as `unusual`. None without one."""
    payload = renamed(sample.payload, PLAIN)
    if sample.file or payload == sample.payload:
        return None
    return replace(sample, payload=payload, unusual=sample.payload, origin=f"{sample.origin}, with a plain key")


def with_a_flat_key(sample: Sample) -> Sample | None:
    """The sample with a plain key that is in no folder; the one to decode is in none either."""
    payload, unusual = renamed(sample.payload, FLAT), renamed(sample.payload, ODD)
    if sample.file or payload == sample.payload:
        return None
    return replace(sample, payload=payload, unusual=unusual, origin=f"{sample.origin}, with a key in no folder")


def renamed(value: Any, name: str) -> Any:
    if isinstance(value, str):
        if value[:1] in ("{", "["):
            with suppress(ValueError):
                inner = json.loads(value)
                better = renamed(inner, name)
                return value if better == inner else json.dumps(better)
        return value.replace(quote_plus(NAME, safe="/"), quote_plus(name, safe="/")).replace(NAME, name)
    if isinstance(value, dict):
        return {key: renamed(inner, name) for key, inner in value.items()}
    return [renamed(each, name) for each in value] if isinstance(value, list) else value
