"""Mend a sample by what a refusal says of it; what was learned is said in the sample's origin."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from trials.project.sources import Kind, Source
from trials.samples.derive import guess, words
from trials.samples.images import IMAGE, closed, images, opened, typed_images
from trials.samples.reads import EACH, JSON, Steps, at_end_of
from trials.samples.refused import EXTRA, MISSING, Observation, Refusal, observations
from trials.samples.refused.dates import redated
from trials.samples.refused.observation import VALUES, WHEN
from trials.samples.sample import Sample
from trials.samples.sent import in_all_forms

MOST = 6  # mends of one sample that are tried
ENVELOPE: dict[str, Any] = {
    "Records": [{}],
    "detail": {},
    "body": '{"id": "trial-1"}',
    "requestContext": {},
    "queryStringParameters": {},
    "pathParameters": {},
    "headers": {},
}
PLACES: dict[str, Steps] = {"query": ("queryStringParameters",), "header": ("headers",), "path": ("pathParameters",)}


def mends(sample: Sample, source: Source, refusal: Refusal) -> Iterator[Sample]:
    """Samples that may be taken where this one was refused, best first: the content is mended before its envelope.

    The project's own file is never mended.
    """
    seen = [] if sample.file else observations(refusal)
    tried = [sample.payload]
    for number in range(max((len(levels(sample, source, each)) for each in seen), default=0)):
        payload = deepcopy(sample.payload)
        for observation in seen:
            ways = levels(sample, source, observation)
            payload = mended(payload, source, ways[min(number, len(ways) - 1)], observation)
        if payload not in tried:
            tried.append(payload)
            names = tuple(dict.fromkeys(each.name for each in seen if each.name not in sample.learned))
            learned = (*sample.learned, *names)
            yield replace(sample, payload=payload, learned=learned, origin=origin(sample, learned))


def origin(sample: Sample, learned: tuple[str, ...]) -> str:
    return f"{sample.origin.removesuffix(suffix(sample.learned))}{suffix(learned)}"


def suffix(learned: tuple[str, ...]) -> str:
    return f", with {', '.join(learned)} learned from a refusal" if learned else ""


def lacks(refusal: Refusal) -> str:
    """What a refusal says that a file of the project lacks; empty if that cannot be told."""
    observed = observations(refusal)
    return ", ".join(dict.fromkeys(each.name for each in observed if each.kind == MISSING and each.name))


def levels(sample: Sample, source: Source, seen: Observation) -> list[Steps]:
    """Where a path that a refusal names may begin in the sample: the likeliest first, members of lists last."""
    ways = objects(sample, source, seen)
    if seen.absolute or seen.place:
        return ways
    payload = sample.payload
    held = payload.get("data_text", payload) if isinstance(payload, dict) else payload
    return [*ways, *(within for way in ways for within in lists(held, way))]


def lists(payload: Any, way: Steps) -> list[Steps]:
    """The members of each list in the object at the end of a way: what a loop reads is named without the list."""
    value = at_end_of(way, payload)
    entries = value.items() if isinstance(value, dict) else ()
    return [(*way, name, EACH) for name, inner in entries if isinstance(inner, list) and name != "Records"]


def objects(sample: Sample, source: Source, seen: Observation) -> list[Steps]:
    """The objects in which a path that a refusal names may begin."""
    first = seen.path[0] if seen.path else ""
    if source.kind in (Kind.QUEUE, Kind.TOPIC, Kind.STREAM):
        inner = content(sample)
        within: list[Steps] = []
        if isinstance(inner.get("Message"), str):
            within.append((JSON, "Message", JSON))
        if isinstance(inner.get("detail"), dict) and first not in inner:
            within += [(JSON, *way) for way in images(inner["detail"], ("detail",)) if first not in inner["detail"]]
            within.append((JSON, "detail"))
        return [*within, (JSON,)]
    whole = isinstance(sample.payload, dict) and (first in sample.payload or first in ENVELOPE)
    inside = INSIDE.get(source.kind, [])
    if source.kind is Kind.BUS:
        inside = [*(way for way in images(sample.payload) if first not in sample.payload.get("detail", ())), *inside]
    if source.kind is Kind.HTTP:
        if seen.place:
            return [PLACES[seen.place]]
        inside = [("body", JSON)] if sample.payload.get("body") else []
        inside += [("queryStringParameters",), ("headers",)]
        if first == "body" and len(seen.path) > 1 and not seen.absolute:
            return [(JSON_BODY,)]
    return [(), *inside] if seen.absolute or whole else [*inside, ()]


JSON_BODY = "{json body}"  # a path whose `body` is the object that the text holds
INSIDE: dict[Kind, list[Steps]] = {Kind.BUS: [("detail",)], Kind.TABLE: [("dynamodb", "NewImage", IMAGE)]}


def content(sample: Sample) -> dict[str, Any]:
    payload = sample.payload
    text = payload.get("data_text") if isinstance(payload, dict) and "data_text" in payload else payload
    with suppress(ValueError, TypeError):
        value = json.loads(text) if isinstance(text, str) else text
        return value if isinstance(value, dict) else {}
    return {}


def mended(payload: Any, source: Source, level: Steps, seen: Observation) -> Any:
    """The payload with one observation heeded at one level."""
    if seen.kind == WHEN:
        return redated(payload, seen.value)
    path = seen.path
    if level == (JSON_BODY,):
        level, path = ("body", JSON), path[1:]
    if source.kind is Kind.STREAM and isinstance(payload, dict) and "data_text" in payload:
        return {**payload, "data_text": changed(payload["data_text"], level, path, seen)}
    result = changed(payload, level, path, seen)
    result = in_all_forms(result) if source.kind is Kind.HTTP else result
    return typed_images(result) if source.kind is Kind.TABLE and isinstance(result, dict) else result


def changed(value: Any, level: Steps, path: Steps, seen: Observation) -> Any:
    if seen.old and (not path or not stands(value, (*level, *path), seen.old)):
        return without_old(value, level, seen)
    return edited(value, (*level, *path), seen)


def stands(value: Any, steps: Steps, old: str) -> bool:
    """Whether a value stands at the end of the steps, in a text or as it is."""
    held = at_end_of(steps, value, lambda step, here: step if step in here else meant(step, here))
    return held is not None and str(held) == old


def edited(value: Any, steps: Steps, seen: Observation) -> Any:
    """The value with what stands at the end of the steps added, changed or taken out."""
    if not steps:
        return value if seen.kind == MISSING and value is not None else wanted(value, seen)
    step, rest = steps[0], steps[1:]
    if step == JSON:
        inner: Any = value
        if isinstance(value, str):
            inner = None
            with suppress(ValueError):
                inner = json.loads(value)
        if not isinstance(inner, dict | list):
            inner = {}
        return json.dumps(edited(inner, rest, seen))
    if step == IMAGE:
        return closed(edited(opened(value), rest, seen), value)
    if step == EACH:
        members = value if isinstance(value, list) and value else [{}]
        return [edited(each, rest, seen) for each in members]
    holder = value if isinstance(value, dict) else {}
    step = step if step in holder else meant(step, holder)
    if seen.kind == EXTRA and not rest:
        return {name: inner for name, inner in holder.items() if name != step}
    if not rest and seen.kind == MISSING:
        added = holder.get(step)
        return {**holder, step: added if added is not None else deepcopy(ENVELOPE.get(step)) or guess(step, None)}
    return {**holder, step: edited(holder.get(step), rest, seen)}


def meant(step: str, holder: dict[str, Any]) -> str:
    """The key that a refusal means: as it is called, but for its case, or the only one that ends with its words."""
    alike = [name for name in holder if name.lower() == step.lower()]
    ends = [name for name in holder if f" {words(name)}".endswith(f" {words(step)}")]
    return alike[0] if alike else ends[0] if len(ends) == 1 else step


def wanted(value: Any, seen: Observation) -> Any:
    """The value that a refusal asks for; an object keeps what it has."""
    if isinstance(seen.value, dict) and isinstance(value, dict):
        return {**seen.value, **value}
    return deepcopy(seen.value)


def without_old(value: Any, level: Steps, seen: Observation) -> Any:
    """The value with the text that was refused replaced wherever it stands, identifiers last."""
    if level:
        step, rest = level[0], level[1:]
        if step == JSON:
            with suppress(ValueError, TypeError):
                return json.dumps(without_old(json.loads(value), rest, seen))
            return value
        if step == IMAGE:
            return closed(without_old(opened(value), rest, seen), value)
        return {**value, step: without_old(value.get(step), rest, seen)} if isinstance(value, dict) else value
    if isinstance(value, dict):
        fields = [
            name for name, inner in value.items() if not isinstance(inner, dict | list) and str(inner) == seen.old
        ]
        others = [name for name in fields if name != "id" or seen.value == VALUES["uuid"]]
        chosen = others or fields
        return {name: seen.value if name in chosen else without_old(inner, (), seen) for name, inner in value.items()}
    return [without_old(each, (), seen) for each in value] if isinstance(value, list) else value


FRAME = re.compile(r'File "(?!.*(?:site-packages|/lib/python3|<frozen))([^"]+)", line (\d+), in .*\n\s+(?!File)(\S.*)')
NODE_FRAME = re.compile(r"\bat .*?(?:\(|file://|\s)/?(\S*?[\w.-]+\.[cm]?[jt]s):(\d+):\d+\)?")


def raised(log: list[str], folder: Path) -> str:
    """The line of a function's own code that raised, from the trace in its log; empty if that cannot be told."""
    text = "\n".join(log).replace("\\n", "\n").replace('\\"', '"')  # of a log in JSON too
    if frames := FRAME.findall(text):
        return str(frames[-1][2]).strip()
    for place, number in NODE_FRAME.findall(text):
        name = Path(place).name
        if "node_modules" in place or not folder.is_dir():
            continue
        own = next((path for path in sorted(folder.rglob(name)) if "node_modules" not in path.parts), None)
        lines = own.read_text(errors="replace").splitlines() if own else []
        if own and int(number) <= len(lines):
            return lines[int(number) - 1].strip()
    return ""
