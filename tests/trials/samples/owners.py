"""Items that belong to whoever sends a request: they name him as the claims of his token do, and hold what he sends."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from trials.project.sources import Route
from trials.samples.derive import ID, words
from trials.samples.sample import Sample
from trials.samples.stored import sent_to
from trials.samples.tokens import JWT

OWNER = re.compile(r"\b(?:owner|user|created by|creator|author|customer|account|member|email|sub)\b")
SECRET = re.compile(r"\b(?:password|passwd|hash)\b")
HASH = "$2b$04$trialtrialtrialtrialtu1Q5u8OXea5uW97P5YCvX/MZGO81Hd4S"  # by bcrypt, of what a made-up password is
NAMING = ("email", "sub", "cognito:username", "username", "userId", "user_id", "id")  # claims that name somebody


def claims(payload: Any) -> dict[str, Any]:
    """The claims of a request: those that its authorizer hands over, else those of a token that it holds."""
    context = payload.get("requestContext") if isinstance(payload, dict) else None
    authorizer = (context or {}).get("authorizer") or {}
    told = authorizer.get("claims") or (authorizer.get("jwt") or {}).get("claims") or authorizer.get("lambda")
    token = JWT.search(json.dumps(payload, default=str))
    if token and not (told or authorizer):
        with suppress(ValueError, binascii.Error):
            middle = token[0].split(".")[1]
            told = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return dict(told or authorizer)


def body(payload: Any) -> dict[str, Any]:
    """The fields of a request's JSON."""
    text = payload.get("body") if isinstance(payload, dict) else None
    with suppress(ValueError):
        fields = json.loads(text) if isinstance(text, str) else text
        return fields if isinstance(fields, dict) else {}
    return {}


def of_whoever_asks(item: dict[str, Any], sample: Sample) -> Iterator[dict[str, Any]]:
    """The attributes of an item, in DynamoDB's form, that a request's own fields and each claim give other values.

    A field gives its value to the attribute of its name, such as a password, which may also be a hash; a claim to those
    that are called an owner's.
    """
    sent = {name: value for name, value in body(sample.payload).items() if isinstance(value, str)}
    own = {name: TypeSerializer().serialize(value) for name, value in sent.items() if name in item}
    texts = [name for name, value in item.items() if "S" in value]
    named = [name for name in texts if OWNER.search(words(name)) and name not in own]
    told = claims(sample.payload)
    values = dict.fromkeys(value for name in NAMING if isinstance(value := told.get(name), str))
    owners = [{name: {"S": value} for name in named} for value in values] or [{}]
    knows = any(value == ID and SECRET.search(words(name)) for name, value in sent.items())
    hashed = {name: {"S": HASH} for name in texts if knows and SECRET.search(words(name))}
    tried: list[dict[str, Any]] = []
    for variant in ({**own, **secret, **owner} for secret in ({}, hashed) for owner in owners):
        if variant not in tried and any(item.get(name) != value for name, value in variant.items()):
            tried.append(variant)
            yield variant


NAMED = re.compile(r"\bids?$")


def everywhere(item: dict[str, Any], sample: Sample) -> list[dict[str, Any]]:
    """The attributes that are called as an id is, with who sends a request in place of a made-up one.

    An owner may be called as no owner is, such as `athlete_id`.
    """
    ids = [name for name, value in item.items() if value == {"S": ID} and NAMED.search(words(name))]
    asks = [value for name in NAMING if isinstance(value := claims(sample.payload).get(name), str)]
    own = [value for value in dict.fromkeys(asks) if "@" not in value]
    return [{name: {"S": value} for name in ids} for value in own[:1] if ids]


def as_oneself(sample: Sample, route: Route) -> Iterator[Sample]:
    """The request with whoever sends it in the place of those whom its path and its fields name, who may be another.

    First of those that are called as somebody, then of all ids.
    """
    asks = {name: value for name in NAMING if isinstance(value := claims(sample.payload).get(name), str)}
    path, fields = sample.payload.get("pathParameters") or {}, body(sample.payload)
    tried = [(path, fields)]
    for value in dict.fromkeys(asks.values()):
        for called in (OWNER, NAMED):
            own = {name: value for name in path if called.search(words(name))}
            sent = {name: value for name, held in fields.items() if called.search(words(name)) and held == ID}
            variant = ({**path, **own}, {**fields, **sent})
            if variant not in tried:
                tried.append(variant)
                payload = sent_to(sample.payload, route, variant[0]) if own else sample.payload
                payload = {**payload, "body": json.dumps(variant[1])} if sent else payload
                yield replace(sample, payload=payload, origin=f"{sample.origin}, about whoever sends it")
