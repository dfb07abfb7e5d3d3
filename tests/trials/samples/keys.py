"""The key of an object that a sample tells of: one that must be decoded, and a plain one for code that does not."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

from trials.samples.made import NAME
from trials.samples.sample import Sample

PLAIN = "trial/a"


def with_a_plain_key(sample: Sample) -> Sample | None:
    """The sample with nothing to decode in its object's key; it keeps the other one as `unusual`. None without one."""
    payload = plain(sample.payload)
    if sample.file or payload == sample.payload:
        return None
    return replace(sample, payload=payload, unusual=sample.payload, origin=f"{sample.origin}, with a plain key")


def plain(value: Any) -> Any:
    if isinstance(value, str):
        if value[:1] in ("{", "["):
            with suppress(ValueError):
                inner = json.loads(value)
                better = plain(inner)
                return value if better == inner else json.dumps(better)
        return value.replace(quote_plus(NAME, safe="/"), PLAIN).replace(NAME, PLAIN)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value
