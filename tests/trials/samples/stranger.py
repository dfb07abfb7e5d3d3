"""The same event of somebody else: every identity in a sample replaced by another of the same form."""

import json
import re
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import replace
from typing import Any

from trials.project.sources import Kind, Source
from trials.samples.sample import Sample
from trials.samples.tokens import holds_token

WORDS = (
    *("id", "ids", "user", "username", "tenant", "group", "account", "customer", "owner", "organization", "org"),
    *("member", "email", "sub", "subject"),
)
IDENTITY = re.compile(
    rf"(?i:(^|[_:-])({'|'.join(WORDS)})$)|[a-z0-9]({'|'.join([*map(str.capitalize, WORDS), 'ID', 'IDs'])})$"
)
ENVELOPE = {  # what services and not senders write
    "accountId",
    "apiId",
    "awsRegion",
    "account",
    "client_id",
    "configurationId",
    "eventID",
    "principalId",
    "requestId",
}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
OTHER = "stranger"
OTHER_DIGITS = "70531946"
OTHER_UUID = "5742a9e6-0b1f-4c8d-9e37-a1d60c2b84f3"
MADE_BY_SENDERS = (Kind.QUEUE, Kind.STREAM, Kind.TABLE, Kind.TOPIC, Kind.BUS, Kind.HTTP, Kind.TASK, Kind.DIRECT)


def stranger(sample: Sample, source: Source) -> tuple[Sample, frozenset[str]] | None:
    """The sample of somebody else and the strings that only that one has; None if no identity is in it.

    An identity that a filter or a pattern asks for stays, or the source would not deliver the event.
    """
    if source.kind not in MADE_BY_SENDERS or holds_token(sample.payload):  # which names one user, and is signed
        return None
    asked_for = json.dumps([source.pattern, source.batching.filters], default=str).replace("\\", "")
    content = opened(sample.payload)
    owned = content.get("detail", {}) if source.kind is Kind.BUS and isinstance(content, dict) else content
    others = {value: another(value, number) for number, value in enumerate(dict.fromkeys(identities(owned)))}
    others = {value: other for value, other in others.items() if value and json.dumps(value) not in asked_for}
    if not others:
        return None
    changed = replaced(sample.payload, others)
    return replace(sample, payload=changed, origin=f"{sample.origin}, of somebody else"), frozenset(others.values())


def others_alike(sample: Sample, source: Source, number: int) -> list[list[Sample]]:
    """By each identity of a sample that tells events apart, so many more events that differ in it alone."""
    return [
        [replace(sample, payload=replaced(sample.payload, {value: another(value, each)})) for each in range(number)]
        for value in known_identities(sample, source)
    ]


def known_identities(sample: Sample, source: Source) -> list[str]:
    """The identities of a sample that its sender wrote, the key of a request first."""
    if source.kind not in MADE_BY_SENDERS or holds_token(sample.payload):
        return []
    content = opened(sample.payload)
    owned = content.get("detail", {}) if source.kind is Kind.BUS and isinstance(content, dict) else content
    return [value for value in dict.fromkeys([*keys(owned), *identities(owned)]) if value]


def keys(content: Any) -> list[str]:
    """The key by which a repeat of a request is known."""
    headers = content.get("headers") if isinstance(content, dict) else None
    named = headers.items() if isinstance(headers, dict) else ()
    return [value for name, value in named if name.lower() == "idempotency-key" and isinstance(value, str)]


def opened(value: Any) -> Any:
    """A payload with the JSON in its texts, and the data of a stream's record, made readable."""
    if isinstance(value, str):
        with suppress(ValueError):
            inner = json.loads(value)
            return opened(inner) if isinstance(inner, dict | list) else value
        return value
    if isinstance(value, dict):
        return {key: opened(decoded(inner) if key == "data" else inner) for key, inner in value.items()}
    return [opened(inner) for inner in value] if isinstance(value, list) else value


def decoded(value: Any) -> Any:
    with suppress(ValueError, TypeError):
        return b64decode(value, validate=True).decode()
    return value


def identities(value: Any, key: str = "") -> list[str]:
    """The texts and whole numbers that a key calls an identity, also in the notation of DynamoDB."""
    if isinstance(value, dict):
        typed = len(value) == 1 and set(value) <= {"S", "N"}
        return [identity for name, inner in value.items() for identity in identities(inner, key if typed else name)]
    if isinstance(value, list):
        return [identity for inner in value for identity in identities(inner, key)]
    if not IDENTITY.search(key) or key in ENVELOPE or isinstance(value, bool):
        return []
    return [str(value)] if isinstance(value, str | int) else []


def another(value: str, number: int) -> str:
    """Another identity of the same form."""
    if UUID.fullmatch(value):
        return OTHER_UUID[:-2] + f"{number:02}"
    if value.isdigit():
        return f"{OTHER_DIGITS}{number}"
    name, at, host = value.partition("@")
    return f"{OTHER}-{number}{at}{host}" if at else f"{OTHER}-{number}-{name[-8:]}"


def replaced(value: Any, others: dict[str, str]) -> Any:
    """Every text or number that is one of the identities, wherever it stands; of a path, its parts."""
    if isinstance(value, dict):
        return {key: data(inner, others) if key == "data" else replaced(inner, others) for key, inner in value.items()}
    if isinstance(value, list):
        return [replaced(inner, others) for inner in value]
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(others[str(value)]) if str(value) in others else value
    if not isinstance(value, str):
        return value
    if value in others:
        return others[value]
    with suppress(ValueError):
        inner = json.loads(value)
        if isinstance(inner, dict | list):
            return json.dumps(replaced(inner, others))
    return "/".join(others.get(part, part) for part in value.split("/")) if value.startswith("/") else value


def data(value: Any, others: dict[str, str]) -> Any:
    """The data of a stream's record, which the delivery encodes anew if it is given as text."""
    text = decoded(value)
    if not isinstance(text, str) or text == value:
        return replaced(value, others)
    return b64encode(str(replaced(text, others)).encode()).decode()
