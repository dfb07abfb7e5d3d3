"""What a pipe reads of a record, and what its input templates make of it: pure functions."""

import base64
import json
import re
from typing import Any

from trials.moment import TEXT
from trials.samples.reads import Steps
from trials.template import as_dict

STEP = re.compile(r"\.([\w-]+)|\['([^']+)'\]|\[(\d+)\]")
PATH = re.compile(r"\$(?:\.[\w-]+|\['[^']+'\]|\[\d+\])*")
VARIABLE = re.compile(r"<(\$[^<>]*|aws\.pipes\.[\w.-]+)>")
CONTENT = {"aws:sqs": "body", "aws:kinesis": "data"}  # the field of a record that is read as JSON if it is


class Untold(Exception):
    """Something of which nothing here says what a pipe makes of it."""


class NoJson(Exception):
    """What comes out is no JSON, which the next end asks for."""


def opened(record: dict[str, Any]) -> dict[str, Any]:
    """A record with its content read, as filters and templates see it."""
    name = CONTENT.get(str(record.get("eventSource")), "")
    if not isinstance(written := record.get(name), str):
        return record
    try:
        content = json.loads(base64.b64decode(written) if name == "data" else written)
    except ValueError:
        return record
    return {**record, name: content} if isinstance(content, dict | list) else record


def steps_of(path: str) -> list[str | int]:
    if not PATH.fullmatch(path):
        raise Untold(f"the path {path}")
    return [name or quoted or int(index) for name, quoted, index in STEP.findall(path)]


def at(record: Any, path: str) -> Any:
    """What a path leads to; raises `Untold` where nothing is."""
    here = record
    for step in steps_of(path):
        known = range(len(here)) if isinstance(here, list) else here if isinstance(here, dict) else ()
        if step not in known:
            raise Untold(f"{path}, which this event does not have")
        here = here[step]
    return here


def value_of(written: Any, record: dict[str, Any]) -> str:
    """A parameter of a target: a text, or what a path leads to."""
    if not isinstance(written, str) or not written.startswith("$."):
        return str(written)
    value = at(opened(record), written)
    return value if isinstance(value, str) else json.dumps(value)


def paths(settings: dict[str, Any]) -> set[Steps]:
    """Where in a record a pipe's templates and parameters read before anything has made it anew."""
    enrichment, target = as_dict(settings.get("enrichment")), as_dict(settings.get("target"))
    first = enrichment if settings.get("enriched") else target
    templates = VARIABLE.findall(str(first.get("InputTemplate", "")))
    parameters = [] if settings.get("enriched") else [each for each in texts(target) if PATH.fullmatch(each)]
    read = [each for each in (*templates, *parameters) if PATH.fullmatch(each)]
    return {tuple(map(str, steps)) for each in read if (steps := steps_of(each)) and not indexed(steps)}


def indexed(steps: list[str | int]) -> bool:
    return any(isinstance(step, int) for step in steps)


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, inner in value.items() if key != "InputTemplate" for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def made(template: str, item: Any) -> str:
    """What an input template makes of an item, be it a record or what an enrichment returned."""
    item = opened(item) if isinstance(item, dict) else item
    whole = template.strip()
    if (alone := VARIABLE.fullmatch(whole)) and alone[1] in ("$.body", "$.data"):
        content = variable(alone[1], item)
        if not isinstance(content, str):
            raise NoJson(json.dumps(content))
        return content
    parts, end, within = list[str](), 0, False
    for place in VARIABLE.finditer(whole):
        before = whole[end : place.start()]
        within ^= len(re.findall(r'(?<!\\)"', before)) % 2 == 1
        parts += [before, put(variable(place[1], item), within)]
        end = place.end()
    return "".join([*parts, whole[end:]])


def variable(name: str, item: Any) -> Any:
    if name.startswith("$"):
        return at(item, name)
    if name in ("aws.pipes.event", "aws.pipes.event.json"):
        return item
    return TEXT if name.endswith("-time") else name.removeprefix("aws.pipes.")


def put(value: Any, within_quotes: bool) -> str:
    """A value in a template: a text between its quotes is put as it is, elsewhere as JSON writes it."""
    if not within_quotes:
        return json.dumps(value)
    if isinstance(value, dict | list):
        raise Untold("an object between quotation marks")
    return json.dumps(value)[1:-1] if isinstance(value, str) else json.dumps(value)


def as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise NoJson(text) from error
