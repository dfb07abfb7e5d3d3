"""Fill a made-up sample with what the handler's code reads of its event."""

import json
import re
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

from boto3.dynamodb.types import TypeSerializer

from trials.moment import AFTER, TEXT
from trials.project.ed25519 import PUBLIC
from trials.project.sources import Kind, Source
from trials.project.tokens import TOKEN
from trials.samples.images import typed_images
from trials.samples.reads import EACH, FORM, ITEM, JSON, Reads, Steps, is_formed
from trials.samples.sample import Sample
from trials.samples.sent import in_all_forms
from trials.template import as_text

PREFIX: dict[Kind, Steps] = {  # of what stands in a sample's payload
    Kind.QUEUE: ("Records", EACH, "body"),
    Kind.STREAM: ("Records", EACH, "kinesis", "data"),
    Kind.TOPIC: ("Records", EACH, "Sns", "Message"),
    Kind.TABLE: ("Records", EACH),
}
PICTURE = (  # decodes with and without what stands before its comma; whoever reads pictures goes by its first bytes
    "data:image/jpeg;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
ENDS = (  # what ends has begun before, and what is valid is so still
    r"\b(end|due) (date|time|at|on)$"
    r"|\b(expires|expiry|expiration|valid to|valid until)( (date|time|at|on))?$|\b(deadline|until)$"
)
GUESSES: tuple[tuple[str, Any], ...] = (  # by the words of a key, the last ones first; `^` and `$` are its ends
    (r"\b(e?mail)\b", "trial@example.com"),
    (r"\b(url|uri|link|href)$", "https://example.test/trial"),
    (ENDS, AFTER),
    (r"\b(date|time|timestamp|datetime|at|on)$", TEXT),
    (r"\bphone\b", "+15555550100"),
    (r"\b(price|amount|total|cents|qty|quantity|count|number|age|limit|size|version|sequence|stock)s?$", 1),
    (r"\b(points|rating)$", 1),
    (r"^(is|has|can) |\b(enabled|active|flag)$", True),
    (r"^(?!old |new )(.* )?(image|photo|picture|avatar)( (data|content|string|base 64))?$", PICTURE),
    (r"\bbase 64\b|\bb 64\b", "dHJpYWw="),
    (r"\bpublic key$", PUBLIC),
    (r"^authorization$", f"Bearer {TOKEN}"),
    (r"\bjwt$|^((access|auth|id|bearer) )?token$", TOKEN),
    (r"\b(task|activity) token$", "trial-task-token"),
    (r"\bcurrency\b", "EUR"),
    (r"\bcountry\b", "DE"),
    (r"\blanguage\b", "en"),
)


def filled(sample: Sample, source: Source, reads: Reads) -> Sample:
    """The sample with every key that the code reads and that it lacks; the same if it reads nothing."""
    prefix = PREFIX.get(source.kind, ())
    inside = [steps[len(prefix) :] for steps in sorted(reads.paths) if steps[: len(prefix)] == prefix]
    texts = {steps[len(prefix) :]: value for steps, value in reads.values.items() if isinstance(value, str)}
    wanted = [steps for steps in inside if steps and not within_a_text(steps, texts)]
    if source.kind is Kind.QUEUE and not sample.file:
        sample = with_attributes(sample, reads)
    if not wanted:
        return sample
    as_form = source.kind is Kind.HTTP and any(steps[:2] == ("body", FORM) for steps in wanted)
    if as_form and any(steps[:2] == BODY for steps in wanted):  # it takes either
        as_form, wanted = False, [steps for steps in wanted if steps[:2] != ("body", FORM)]
    known: dict[Steps, Any] = {steps[len(prefix) :]: 1 for steps in reads.numbers}
    known |= {steps[len(prefix) :]: value for steps, value in reads.values.items()}
    payload = deepcopy(sample.payload)
    if source.kind is Kind.STREAM and isinstance(payload, dict) and "data_text" in payload:
        payload["data_text"] = as_text(put_all(payload["data_text"], wanted, known))
    elif source.kind in (Kind.QUEUE, Kind.TOPIC):
        payload = as_text(put_all(payload, wanted, known))
    else:
        payload = put_all(payload, wanted, known)
    if source.kind is Kind.TABLE:
        payload = typed_images(payload)
    if as_form and isinstance(payload, dict):
        payload["headers"] = {**(payload.get("headers") or {}), "content-type": "application/x-www-form-urlencoded"}
    if source.kind is Kind.HTTP:
        payload = in_all_forms(payload)
    if payload == sample.payload:
        return sample
    origin = sample.origin if "the code reads" in sample.origin else f"{sample.origin}, with what the code reads"
    return replace(sample, payload=payload, origin=origin)


def within_a_text(steps: Steps, texts: dict[Steps, str]) -> bool:
    """Whether a path ends in what code looks for in a text: its letters are no list, and `"Z" in day` names no key."""
    text = texts.get(steps[:-1])
    return text is not None and (is_formed(text) or steps[-1] not in (JSON, FORM, EACH))


def as_compared(sample: Sample, source: Source, reads: Reads) -> Sample | None:
    """A table's record with the kind of change that the code asks for, if that is another and no filter says which."""
    name = reads.values.get(("Records", EACH, "eventName"))
    if source.kind is not Kind.TABLE or source.batching.filters or name not in ("MODIFY", "REMOVE"):
        return None
    inner = dict(sample.payload["dynamodb"])
    inner["OldImage"] = inner.get("OldImage", inner.get("NewImage", inner["Keys"]))
    if name == "REMOVE":
        inner.pop("NewImage", None)
    origin = f"{sample.origin}, as the {name} that the code asks for"
    return replace(sample, payload={**sample.payload, "eventName": name, "dynamodb": inner}, origin=origin)


def with_attributes(sample: Sample, reads: Reads) -> Sample:
    """The message with the attributes that the code reads by their names."""
    place = ("Records", EACH, "messageAttributes")
    names = {steps[3]: steps for steps in sorted(reads.paths) if steps[:3] == place and len(steps) > 3}
    values = {name: reads.values.get(steps, guess(name, None)) for name, steps in names.items()}
    more = {name: {"StringValue": str(value), "DataType": "String"} for name, value in values.items()}
    if not more.keys() - sample.attributes.keys():
        return sample
    origin = sample.origin if "the code reads" in sample.origin else f"{sample.origin}, with what the code reads"
    return replace(sample, attributes={**more, **sample.attributes}, origin=origin)


def put_all(value: Any, wanted: list[Steps], known: dict[Steps, Any]) -> Any:
    for steps in sorted(wanted, key=len, reverse=True):
        value = put(value, steps, known.get(steps))
    return value


def put(value: Any, steps: Steps, known: Any) -> Any:
    """The value with something at the end of the steps, `known` if that is, and nothing replaced that is there."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if value == MADE_UP and step == EACH:
        value = None
    if step not in (JSON, FORM) and value not in (None, "") and not isinstance(value, list if step == EACH else dict):
        return value  # something else reads it in another way
    if step == JSON:
        text = isinstance(value, str)
        inner = parsed(value) if text else value
        inner = put(inner if isinstance(inner, dict | list) else ({} if rest else inner), rest, known)
        return json.dumps(inner) if text or value is None else inner
    if step == FORM:
        fields = parsed(value) if isinstance(value, str) else None
        fields = fields if isinstance(fields, dict) else dict(parse_qsl(value or ""))
        return urlencode(put(fields, rest, known))
    if step == EACH:
        members = value if isinstance(value, list) and value else [None]
        return [put(members[0], rest, known) if rest else members[0] or guess("item", known), *members[1:]]
    holder = value if isinstance(value, dict) else {}
    if rest:
        return {**holder, step: put(holder.get(step), rest, known)}
    held = holder.get(step)
    return holder if held is not None and (held != ID or known is None) else {**holder, step: guess(step, known)}


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def guess(name: str, known: Any) -> Any:
    """A value for a key, by how it is used and what it is called."""
    if known is not None:
        return known
    for pattern, value in GUESSES:
        if re.search(pattern, words(name)):
            return value
    return "trial-1" if not name.endswith("s") or name.endswith(("us", "ss")) else "trial"


ID = "trial-1"
MADE_UP = {"id": ID}  # the content of a sample of which nothing is known


def words(name: str) -> str:
    """The words of a key in small letters, whether it is written in camel case, with underscores or with hyphens."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)).lower()


# ---- items that a request speaks of

BODY = ("body", JSON)


def item(keys: dict[str, str], named: dict[str, str], reads: Reads | None) -> dict[str, Any]:
    """An item as DynamoDB writes it: `keys` are the types of its key's attributes, `named` the request's path.

    A part of the key gets what the path calls so, else the first that the path names. The rest is what the function
    reads of a body, and of items.
    """
    fields = (
        {steps[2]: guess(steps[2], 1 if steps in reads.numbers else None) for steps in of_body(reads)} if reads else {}
    )
    for name in sorted(reads.items) if reads else ():
        if reads and (ITEM, name) not in reads.unwanted:
            fields[name] = of_item((ITEM, name), reads)
    values = {name: under(name, kind, named) for name, kind in keys.items()}
    return {name: TypeSerializer().serialize(value) for name, value in {**fields, **values}.items()}


def of_item(at: Steps, reads: Reads) -> Any:
    """The value of an attribute: an object or a list if something is read within it."""
    of_all: dict[Steps, Any] = dict.fromkeys(reads.numbers, 1) | reads.values
    known = {steps: value for steps, value in of_all.items() if steps[:2] == at}
    inner = [steps for steps in reads.inside if steps[:2] == at and steps not in reads.unwanted]
    if not inner:
        return decimal(guess(at[-1], known.get(at)))
    return decimal(put_all(None, [steps[2:] for steps in inner], {steps[2:]: value for steps, value in known.items()}))


def decimal(value: Any) -> Any:
    """A value as boto3 takes it."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, dict):
        return {name: decimal(inner) for name, inner in value.items()}
    return [decimal(inner) for inner in value] if isinstance(value, list) else value


def of_body(reads: Reads) -> list[tuple[str, ...]]:
    return sorted(steps for steps in reads.paths if len(steps) == 3 and steps[:2] == BODY and steps[2][0] not in "{[")


def under(name: str, kind: str, named: dict[str, str]) -> Any:
    alike = [value for key, value in named.items() if words(key) == words(name)]
    value = next(iter([*alike, *named.values()]), "trial-1")
    if kind == "N":
        return int(value) if value.isdigit() else 1
    return value.encode() if kind == "B" else value
