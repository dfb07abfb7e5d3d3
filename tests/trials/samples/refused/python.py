"""The words of Python, and of what checks events in it."""

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from trials.moment import NOW
from trials.samples.derive import guess
from trials.samples.reads import Steps
from trials.samples.refused.observation import (
    EXTRA,
    VALUE,
    VALUES,
    Observation,
    chains,
    missing,
    on_the_way,
    quoted,
    steps,
    value_named,
)

V2 = re.compile(
    r"(?P<at>[\w.\-]+)\s+(?P<says>(?:Field|Input|String|List|Extra|Value|value|Unable|Decimal|Datetime|UUID|Invalid|JSON|"
    r"Unexpected|Set|Dictionary|Tuple|Missing|Assertion)\b[^\[]*(?:\[[^\]=]*\][^\[]*)?)\[type=(?P<type>\w+)"
)


def pydantic(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    for error in V2.finditer(text):
        yield from typed(steps(error["at"]), error["type"], error["says"])


def typed(at: Steps, kind: str, says: str) -> Iterator[Observation]:
    """What Pydantic's type of an error says of the value at a path."""
    if kind in ("missing", "missing_argument", "missing_keyword_only_argument"):
        yield missing(at)
    elif kind == "extra_forbidden":
        yield Observation(EXTRA, at)
    elif kind in ("literal_error", "enum", "const") and quoted(says):
        yield Observation(VALUE, at, quoted(says)[0])
    elif kind.startswith(("greater_than", "less_than")) and (bound := re.search(r"(?:than|to) (-?\d+)", says)):
        shift = {"greater_than": 1, "less_than": -1}.get(kind, 0)
        yield Observation(VALUE, at, int(bound[1]) + shift)
    elif kind == "string_too_short" and (least := re.search(r"at least (\d+)", says)):
        yield Observation(VALUE, at, "trial-1".ljust(int(least[1]), "x"))
    elif "email" in says:
        yield Observation(VALUE, at, VALUES["email"])
    elif (value := value_named(kind)) is not None:
        yield Observation(VALUE, at, value)


V1 = re.compile(
    r"(?P<at>\w[\w-]*(?: -> [\w-]+)*)\s+(?P<says>(?:field|unexpected|value|str|extra|ensure|invalid|none)\b[^(]*)"
    r"\(type=(?P<type>[\w.]+)"
)


def pydantic_v1(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    for error in V1.finditer(text):
        at, kind = steps(error["at"]), error["type"].rsplit(".", 1)[-1]
        if kind in ("enum", "const"):
            yield from typed(at, kind, error["says"].split("permitted:")[-1])
        elif kind == "extra":
            yield Observation(EXTRA, at)
        else:
            yield from typed(at, kind, error["says"])


def json_schema(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    """The library `jsonschema`."""
    place = re.search(r"On instance((?:\[[^\]]*\])*):", text)
    at = steps(place[1]) if place else ()
    for name in re.findall(r"['\"]([\w.$-]+)['\"] is a required property", text):
        yield missing((*at, name))
    for kind in re.findall(r" is not of type ['\"](\w+)['\"]", text):
        yield Observation(VALUE, at, VALUES.get(kind))
    for allowed in re.findall(r" is not one of \[([^\]]+)\]", text):
        yield Observation(VALUE, at, quoted(allowed)[0] if quoted(allowed) else None)
    for form in re.findall(r" is not a ['\"]([\w-]+)['\"]", text):
        yield Observation(VALUE, at, VALUES.get(form))
    for extra in re.findall(r"Additional properties are not allowed \(([^)]*) w(?:as|ere) unexpected", text):
        yield from (Observation(EXTRA, (*at, name)) for name in quoted(extra))


def fastjsonschema(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    """Powertools' validation."""
    for at, names in re.findall(r"\bdata([\w.\[\]]*) must contain \[([^\]]*)\] properties", text):
        yield from (missing((*steps(at), name)) for name in quoted(names))
    for at, kind in re.findall(r"\bdata([\w.\[\]]*) must be (integer|number|string|boolean|array|object)\b", text):
        yield Observation(VALUE, steps(at), VALUES[kind])
    for at, allowed in re.findall(r"\bdata([\w.\[\]]*) must be one of \[([^\]]*)\]", text):
        yield Observation(VALUE, steps(at), quoted(allowed)[0] if quoted(allowed) else None)
    for at, form in re.findall(r"\bdata([\w.\[\]]*) must be (date-time|date|email|uuid|uri)\b", text):
        yield Observation(VALUE, steps(at), VALUES[form])


def signature(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    """A dataclass, or any function, called with what the event holds."""
    for names in re.findall(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*?)(?:\n|$)", text):
        yield from (missing((name,)) for name in re.findall(r"'(\w+)'", names))
    for name in re.findall(r"got an unexpected keyword argument '(\w+)'", text):
        yield Observation(EXTRA, (name,))


def key_error(text: str, line: str) -> Iterator[Observation]:
    for name in re.findall(r"KeyError(?::\s*|\()['\"]([^'\"]+)['\"]", text):
        before, absolute = on_the_way(line, name)
        yield missing((*before, name), absolute=absolute)


def nothing_there(text: str, line: str) -> Iterator[Observation]:
    """What Python says of None where it wants an object, a list or a text, read with the line that raised."""
    attribute = re.search(r"'(?:NoneType|str|list)' object has no attribute '(\w+)'", text)
    for root, keys in chains(line):
        absolute = root in ("event", "evt")
        if attribute and attribute[1] in keys[1:]:
            at = keys.index(attribute[1])
            yield Observation(VALUE, tuple(keys[:at]), of_method(attribute[1]), absolute)
        elif (
            (attribute and attribute[1] == "get" and len(keys) > 1)
            or ("subscriptable" in text and len(keys) > 1)
            or ("string indices" in text and len(keys) > 1)
        ):  # `.get` is a part of the way itself
            yield Observation(VALUE, tuple(keys[:-1]), {keys[-1]: "trial-1"}, absolute)
        elif "not iterable" in text:
            yield Observation(VALUE, tuple(keys), [{}], absolute)
        elif re.search("JSON object must be str|Expecting value", text):
            yield Observation(VALUE, tuple(keys), "{}", absolute)


def of_method(name: str) -> Any:
    """A value that has a method."""
    if name in ("map", "forEach", "filter", "reduce", "some", "every", "find", "length", "append", "join", "push"):
        return [{}]
    if name in ("items", "keys", "values"):
        return {}
    return "trial-1"


def unreadable(text: str, line: str) -> Iterator[Observation]:
    """A text that is no number, no date, no UUID."""
    wanted: Any = None
    old = ""
    if (refused_text := re.search(r"invalid literal for int\(\) with base \d+: '([^']*)'", text)) or (
        refused_text := re.search(r"could not convert string to float: '([^']*)'", text)
    ):
        wanted, old = 1, refused_text[1]
    elif refused_text := re.search(r"Invalid isoformat string: '([^']*)'", text):
        old = refused_text[1]
        wanted = VALUES["date" if re.fullmatch(r"[\d-]+T[\d:.]+", old) else "datetime"]
    elif refused_text := re.search(r"time data '([^']*)' does not match format '([^']*)'", text):
        wanted, old = NOW.strftime(refused_text[2]), refused_text[1]
    elif "badly formed hexadecimal UUID" in text:
        wanted = VALUES["uuid"]
    elif "ConversionSyntax" in text:
        wanted = 1
    ways = [(root, keys) for root, keys in chains(line) if keys and keys[-1] not in ("fromisoformat", "strptime")]
    if ways:
        root, keys = ways[-1]
        yield Observation(VALUE, tuple(keys), wanted, root in ("event", "evt"))
    elif old:
        yield Observation(VALUE, (), wanted, old=old)


BOTO = re.compile(r"Invalid type for parameter ([\w.\[\]]+), value: ([\w.-]+), type: <class '\w+'>, valid types: (.*)")
DYNAMODB_S = ("S", "N", "B", "M", "L", "BOOL", "SS", "NS", "BS")  # names of types, which name no attribute


def of_another_type(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    """What boto3 says of a parameter of a type that its operation does not take: the value, and not whence it is."""
    for at, old, types in BOTO.findall(text):
        names = [name for name in steps(at) if name not in DYNAMODB_S]
        if "'str'" not in types or not names:
            continue
        value = guess(names[-1], None)
        told = "" if old == "None" else old
        yield Observation(VALUE, (names[-1],), value if isinstance(value, str) else told or "trial-1", old=told)


IN_BASE64 = re.compile(r"'(?:ascii|utf-?8)' codec can't decode byte|Incorrect padding|Invalid base64-encoded string")


def in_base64(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    """What Python says where it takes a body for base64 that is none: it decodes what is left of it to no text."""
    if IN_BASE64.search(text):
        yield Observation(VALUE, ("body",), b64encode(b"trial").decode(), absolute=True)


def marshmallow(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    for name in re.findall(r"['\"](\w+)['\"]: \[['\"]Missing data for required field", text):
        yield missing((name,))
    for name, kind in re.findall(r"['\"](\w+)['\"]: \[['\"]Not a valid (\w+)", text):
        yield Observation(VALUE, (name,), VALUES.get(kind.lower()))
