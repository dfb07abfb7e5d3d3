"""Items that belong to whoever sends a request: they name him as the claims of his token do, and hold what he sends."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from trials.samples.derive import words
from trials.samples.sample import Sample
from trials.samples.tokens import JWT

OWNER = re.compile(r"\b(?:owner|user|created by|creator|author|customer|account|member|email|sub)\b")
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

    A field gives its value to the attribute of its name, such as a password; a claim to those that are called an
    owner's.
    """
    fields = {name: value for name, value in body(sample.payload).items() if name in item and isinstance(value, str)}
    own = {name: TypeSerializer().serialize(value) for name, value in fields.items()}
    named = [name for name, value in item.items() if "S" in value and OWNER.search(words(name)) and name not in own]
    told = claims(sample.payload)
    values = dict.fromkeys(value for name in NAMING if isinstance(value := told.get(name), str))
    variants = [{**own, **{name: {"S": value} for name in named}} for value in values or [""] if named or own]
    for variant in variants if values else [own]:
        if any(item.get(name) != value for name, value in variant.items()):
            yield variant
