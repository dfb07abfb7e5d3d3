"""The words of a response that says why it refuses: lists of errors, and sentences."""

import re
from collections.abc import Iterator
from typing import Any

from trials.samples.derive import guess
from trials.samples.refused.javascript import issues
from trials.samples.refused.observation import EXTRA, VALUE, VALUES, Observation, missing, steps
from trials.samples.refused.python import typed

LOCATED = ("loc", "type")


def located(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    """A list of errors in the form of Pydantic's, FastAPI's and Powertools' resolvers."""
    for error in issues(text):
        at = error.get("loc")
        if isinstance(at, list) and isinstance(error.get("type"), str) and at:
            where = {"query": "query", "header": "header", "path": "path"}.get(str(at[0]), "")
            inside = at[1:] if where or (at[0] == "body" and len(at) > 1) else at
            for observation in typed(steps(inside), error["type"], str(error.get("msg", ""))):
                yield Observation(observation.kind, observation.path, observation.value, place=where)


NAME = r"[`'\"\\]*([A-Za-z_][\w.-]*)[`'\"\\]*"
NAMES = rf"(?P<names>{NAME}(?:(?:,\s*(?:and\s+)?|\s+and\s+){NAME})*)"
NOUN = (
    r"(?:(?P<place>query|path|header|body|request|url)\s+(?:string\s+)?)?"
    r"(?:field|parameter|param|property|propertie|key|attribute|header|value|argument|input)s?\b"
)
LACKS = (
    re.compile(
        r"(?i)\b(?:missing|requires?|lacks?|without|must (?:include|contain|have|provide)|provide)(?: (?:an?|the))?"
        rf"(?: (?:required|mandatory))? {NOUN}\s*:?\s*[\[(]?{NAMES}"
    ),
    re.compile(rf"(?i)(?:{NOUN}\s+)?{NAMES} (?:is|are)(?: a)? (?:required|missing|mandatory|not provided|undefined)"),
    re.compile(
        rf"(?i)\bmissing(?: required)?\s*:?\s*{NAMES}"
        r"(?: in(?: the)? (?P<place>query|path|header|body|request|event)| (?P<noun>header|parameter|param|field))?"
    ),
)
KIND = "integer|number|string|boolean|array|list|object|date|uuid|email|url"
WRONG = re.compile(rf"(?i){NAME} (?:must|should|has to) be an? (?:valid |positive |non-empty )?({KIND})")
NAMED = r"[`'\"\\]*((?:(?:number|amount|count) of )?[A-Za-z_][\w.-]*)[`'\"\\]*"
RANGE = re.compile(
    rf"(?i){NAMED} (?:must|should|has to) (?:be|have|contain)(?: a length)?(?: of)? "
    r"(?:(?:between|from) (\d+)(?: and | to | ?- ?)(\d+)|(?:at least|a minimum of|more than|longer than) (\d+))"
    r"(?P<long> ?(?:character|char|letter|long|symbol)?)"
)
LIST = r"\W{0,4}(?:are|is|:)?\W{0,4}([\w-]+)"
ALLOWED = (  # the first of the values that a sentence lists
    re.compile(
        rf"(?i)(?:invalid|unknown|unsupported) {NAME}[^.,;:]{{0,40}}[.,;:]?\s+(?:the |it )?"
        r"(?:(?:allowed|valid|supported|possible|permitted|accepted|expected)(?: values?| \w+s| \w+)?"
        rf"|must be(?: one of| either)?|(?:expected )?one of|use one of){LIST}"
    ),
    re.compile(rf"(?i)valid {NAME} \(([\w-]+)[,|/ ]"),
    re.compile(rf"(?i){NAME} (?:must|should|has to) be (?:one of|either){LIST}"),
)
NO_KEYS = re.compile(  # words that stand where a key might
    r"(?i)an?|and|authentication|authorization|body|the|data|event|fields?|headers?|in|input|invalid|is|it|json|key|"
    r"missing|or|parameters?|path|payload|propert(?:y|ies)|query|request|required|that|this|token|values?|which"
)


FIELD = re.compile(
    r"""\\?"(?:field|param|path|property)\\?":\s*\\?"([A-Za-z_][\w.]*)\\?",\s*"""
    r"""\\?"(?:message|msg|error|reason)\\?":\s*\\?"([^"\\]*)"""
)
EMPTY = r"(?:cannot|can't|must not|may not|should not) be (?:empty|blank|null|missing|undefined|left)"
NOT_WANTED = re.compile(r"(?i)cannot be|not allowed|not permitted|unknown|unexpected|unrecognized|must not")
WANTED = re.compile(rf"(?i)required|missing|{EMPTY}")
WHOLE = ("body", "request", "payload")  # what is no field, but holds them all
NOTHING = re.compile(
    rf"(?i)\b(?:body|payload) (?:is empty|{EMPTY})|\bno (?:\w+ )?(?:field|attribute|update|change)s?\b"
    r"|\bat least one (?:\w+ )?(?:field|attribute|property|parameter|value)\b"
    r"|\bnothing to update\b|\bempty (?:body|request)\b"
)


def empty(text: str) -> bool:
    """Whether a body is said to hold no field at all."""
    return bool(NOTHING.search(text))


def fields(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    """A list of fields, each with what is wrong with it."""
    for name, wrong in FIELD.findall(text):
        if name.lower() in WHOLE:
            continue
        if WANTED.search(wrong):
            yield missing(steps(name))
        elif NOT_WANTED.search(wrong):
            yield Observation(EXTRA, steps(name))


KEY_TYPE = re.compile(r"Type mismatch for key ([\w.-]+) expected: ([NSB]) actual")
NO_KEY = re.compile(r"Missing the key ([\w.-]+) in the item")


NO_VALUE = re.compile(r'invalid input syntax for type ([a-z]+)[a-z ]*: \\?"(.*?)\\?"')
NUMBERS = ("smallint", "numeric", "double", "real")


def postgresql(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    """A value that is none of its column's type; the column is not named."""
    for kind, old in NO_VALUE.findall(text):
        value = VALUES.get("number" if kind in NUMBERS else "datetime" if kind == "timestamp" else kind)
        if value is not None:
            yield Observation(VALUE, (), value, old=old)


def dynamodb(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    """What DynamoDB says of an item whose key was made of the event."""
    for name, kind in KEY_TYPE.findall(text):
        yield Observation(VALUE, steps(name), 1 if kind == "N" else VALUES["string"])
    for name in NO_KEY.findall(text):
        yield missing(steps(name))


def within(name: str, low: int, is_text: bool) -> Any:
    """A number from `low` on, or a text that long: of what is said of its length, or is called as no number is."""
    if is_text or not (" of " in name or isinstance(guess(name, None), int)):
        return "Trial-1a".ljust(low + 1, "x")
    return low + 1


def words(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    """`Missing field x`, `x is required`, `x must be a number`, `invalid x. Allowed values: a, b`."""
    listed = [allowed for pattern in ALLOWED for allowed in pattern.findall(text) if not NO_KEYS.fullmatch(allowed[0])]
    if listed:
        yield from (Observation(VALUE, steps(name), value) for name, value in listed[:1])
        return
    for bounds in RANGE.finditer(text):
        name, low = bounds[1], int(bounds[2] or bounds[4])
        if not NO_KEYS.fullmatch(name):
            at = (name,) if " of " in name else steps(name)
            yield Observation(VALUE, at, within(name, low, bool(bounds["long"].strip())))
    for name, kind in WRONG.findall(text):
        yield Observation(VALUE, steps(name), VALUES.get(kind.lower()))
    for pattern in LACKS:
        for lack in pattern.finditer(text):
            groups = lack.groupdict()
            place = str(groups.get("place") or groups.get("noun") or "").lower()
            place = place if place in ("query", "path", "header") else "header" if "header" in lack[0].lower() else ""
            for name in re.split(r",\s*(?:and\s+)?|\s+and\s+", lack["names"]):
                name = name.strip("`'\"\\ .")
                if name and not NO_KEYS.fullmatch(name):
                    yield missing(steps(name), place=place)
