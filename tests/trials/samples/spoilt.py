"""A good event spoilt in many ways, each as its sender might by mistake."""

import json
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

from trials.project.sources import Kind, Source

MOST_FIELDS = 3  # of an event that are left out, and given another type, each in turn
LARGE = 1_048_576
TEXTS = (Kind.QUEUE, Kind.STREAM, Kind.TOPIC, Kind.HTTP)  # whose content is text that anybody may write
LONE = "\ud800"  # half of a character: JSON can write it, UTF-8 cannot


def spoilt(payload: Any, source: Source) -> dict[str, Any]:
    """The payload in each of the ways that this source would still deliver, by a name for it."""
    content = inner(payload, source)
    if not isinstance(content, dict) or not content:
        return {}
    asked_for = json.dumps([source.pattern, source.batching.filters], default=str)
    fields = [name for name in content if json.dumps(name) not in asked_for.replace("\\", "")][:MOST_FIELDS]
    ways: dict[str, Any] = {}  # the content in each
    for name in fields:
        ways[f"without {name}"] = {key: value for key, value in content.items() if key != name}
        ways[f"{name} of another type"] = {**content, name: other_type(content[name])}
    for name in fields[:1]:
        ways["half a character"] = {**content, name: LONE}
        numeric = next((each for each in fields if type(content[each]) in (int, float)), name)
        ways["a number too large"] = {**content, numeric: 10**400}
    if source.kind in TEXTS:
        ways |= {"an empty object": {}, "null": None, "a list": [content]}
        ways |= {"NaN": {**content, fields[0]: float("nan")}} if fields else {}
    if source.kind in (Kind.QUEUE, Kind.HTTP):
        ways["1 MiB"] = {**content, "padding": "x" * (LARGE - len(json.dumps(content)) - 20)}
    return {name: wrapped(payload, source, value) for name, value in ways.items()}


def other_type(value: Any) -> Any:
    return [value] if isinstance(value, dict) else {"value": value}


def inner(payload: Any, source: Source) -> Any:
    """What the sender of an event wrote, read as JSON."""
    text = payload
    if source.kind is Kind.BUS:
        return payload.get("detail")
    if source.kind is Kind.HTTP:
        text = payload.get("body")
    elif source.kind is Kind.STREAM:
        text = payload.get("data_text")
        with suppress(ValueError, TypeError, KeyError):
            text = text or b64decode(payload["data"]).decode()
    with suppress(ValueError, TypeError):
        return json.loads(text)
    return None


def wrapped(payload: Any, source: Source, content: Any) -> Any:
    if source.kind is Kind.BUS:
        return {**payload, "detail": content}
    text = json.dumps(content)
    if source.kind is Kind.HTTP:
        return {**payload, "body": text}
    if source.kind is Kind.STREAM:
        key = "data_text" if "data_text" in payload else "data"
        return {**payload, key: text if key == "data_text" else b64encode(text.encode()).decode()}
    return text
