"""The words of Node.js, and of what checks events in it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from trials.samples.reads import Steps
from trials.samples.refused.observation import (
    EXTRA,
    VALUE,
    VALUES,
    Observation,
    chains,
    missing,
    steps,
)
from trials.samples.refused.python import of_method


def issues(text: str) -> Iterator[dict[str, Any]]:
    """Every object that stands in a JSON text, or in JSON within a text."""
    decoder = json.JSONDecoder()
    at = 0
    while opening := re.compile(r"[\[{]").search(text, at):
        try:
            value, at = decoder.raw_decode(text, opening.start())
        except ValueError:
            at = opening.end()
            continue
        yield from objects(value)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(inner, str) and inner[:1] in ("[", "{"):
            yield from issues(inner)
        else:
            yield from objects(inner)


def zod(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    for issue in issues(text):
        at, code = issue.get("path"), issue.get("code")
        if not isinstance(at, list) or not isinstance(code, str):
            continue
        expected = str(issue.get("expected", ""))
        allowed = issue.get("options") or issue.get("values")
        form = str(issue.get("format") or issue.get("validation") or "")
        if code == "unrecognized_keys":
            yield from (Observation(EXTRA, (*steps(at), str(name))) for name in issue.get("keys", []))
        elif code in ("invalid_enum_value", "invalid_value") and allowed:
            yield Observation(VALUE, steps(at), allowed[0])
        elif code == "invalid_literal":
            yield Observation(VALUE, steps(at), issue.get("expected"))
        elif code == "too_small":
            yield Observation(VALUE, steps(at), pathleast(issue))
        elif code == "invalid_type" and (value := VALUES.get(expected)) is not None:
            yield Observation(VALUE, steps(at), value)
        elif form in VALUES:
            yield Observation(VALUE, steps(at), VALUES[form])
        elif code == "invalid_type":
            yield missing(steps(at))


def pathleast(issue: dict[str, Any]) -> Any:
    least = int(issue.get("minimum", 1))
    kind = issue.get("type") or issue.get("origin")
    if kind == "array":
        return [{} for _ in range(least)]
    return "trial-1".ljust(least, "x") if kind == "string" else least + (issue.get("inclusive") is False)


def ajv(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    """Ajv's list of errors, or its words: `data/items/0 must have required property 'sku'`."""
    listed = [each for each in issues(text) if "keyword" in each and isinstance(each.get("params"), dict)]
    for error in listed:
        at = steps(str(error.get("instancePath", error.get("dataPath", ""))))
        keyword, more = error["keyword"], error["params"]
        if keyword == "required":
            yield missing((*at, str(more.get("missingProperty"))))
        elif keyword == "additionalProperties":
            yield Observation(EXTRA, (*at, str(more.get("additionalProperty"))))
        elif (
            keyword in ("type", "format")
            and (value := VALUES.get(str(more.get("type", more.get("format"))))) is not None
        ):
            yield Observation(VALUE, at, value)
        elif keyword == "enum" and more.get("allowedValues"):
            yield Observation(VALUE, at, more["allowedValues"][0])
    if listed:
        return
    for at, name in re.findall(
        r"(?:data|event|body|instance)?([/.][\w/.]+)? ?(?:must|should) have required property '([^']+)'", text
    ):
        yield missing((*steps(at), name))
    for at, kind in re.findall(
        r"\b(?:data|body|instance)([/.][\w/.]+) (?:must|should) be (integer|number|string|boolean|array|object)\b", text
    ):
        yield Observation(VALUE, steps(at), VALUES[kind])


def joi(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    for at in re.findall(r"\\?\"([\w.\[\]]+)\\?\" is required", text):
        yield missing(steps(at))
    for at, but in re.findall(r"\\?\"([\w.\[\]]+)\\?\" is not allowed( to be empty)?", text):
        yield Observation(VALUE, steps(at), "trial-1") if but else Observation(EXTRA, steps(at))
    for at, kind in re.findall(r"\\?\"([\w.\[\]]+)\\?\" must be an? (?:valid )?(\w+)", text):
        if kind.lower() in VALUES:
            yield Observation(VALUE, steps(at), VALUES[kind.lower()])
    for at, allowed in re.findall(r"\\?\"([\w.\[\]]+)\\?\" must be one of \[([^\]]+)\]", text):
        yield Observation(VALUE, steps(at), allowed.split(",")[0].strip("\"'\\ "))


METHODS = ("map", "forEach", "filter", "reduce", "some", "every", "find", "split", "trim", "toLowerCase", "replace")


def undefined(text: str, line: str) -> Iterator[Observation]:
    """What Node.js says of `undefined` and `null`; the line that raised, or the error itself, names the way there."""
    if complaint := re.search(
        r"Cannot read propert(?:y|ies) (?:'(\w+)' )?of (?:undefined|null)(?: \(reading '(\w+)'\))?", text
    ):
        name = complaint[1] or complaint[2] or ""
        for root, keys in chains(line):
            if name in keys[1:]:
                before = tuple(keys[: keys.index(name)])
                method = f"{name}(" in line or name == "length"
                value = of_method(name) if method else {name: "trial-1"}
                yield Observation(VALUE, before, value, root in ("event", "evt"))
                return
        if name and not line:
            yield missing((name,))
    for name, at in re.findall(r"Cannot destructure property '(\w+)' of '([^']+)' as it is (?:undefined|null)", text):
        yield Observation(VALUE, way(at)[0], {name: "trial-1"}, way(at)[1])
    for listed, called, method in re.findall(r"([\w$.?]+) is not iterable|([\w$.?]+)\.(\w+) is not a function", text):
        path, absolute = way(listed or called)
        if path and (listed or method in METHODS):
            yield Observation(VALUE, path, [{}] if listed else of_method(method), absolute)
    if re.search(r"is not valid JSON|Unexpected token .* in JSON|Unexpected end of JSON", text):
        for root, parts in chains(line):
            if parts[0] != "parse":
                yield Observation(VALUE, tuple(parts), "{}", root in ("event", "evt"))


def way(expression: str) -> tuple[Steps, bool]:
    root, *keys = re.split(r"\??\.", expression)
    return tuple(keys), root in ("event", "evt")
