"""Answers of services that the local AWS lacks, made up of their models: of the right form, and of no content."""

import json
import re
import time
from functools import cache
from typing import Any

import botocore.exceptions
import botocore.session

SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([\w-]+)/")
TOKENS = ("nexttoken", "nextmarker", "marker", "nextpagetoken", "paginationtoken")  # there is no other page
DONE = ("SUCCEEDED", "COMPLETED", "COMPLETE", "SUCCESS", "ACTIVE", "Succeeded", "Completed")  # no job is waited for
DEEPEST = 8
TEXT = [{"type": "text", "text": "trial"}]
BODIES = {  # that the model only calls bytes; here as Claude's, Titan's and Nova's pages in Bedrock's guides have it
    "InvokeModel": {
        "content": TEXT,
        "results": [{"outputText": "trial"}],
        "output": {"message": {"role": "assistant", "content": TEXT}},
    },
}

says = ""  # what models say that the local AWS plays, where the trials know what code reads of it


def chat(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer to a chat with such a model, as OpenAI's API has it; without what it says the local AWS makes it up.

    The trials themselves only tell the text.
    """
    global says
    says = str(asked.get("text", says))
    return {"choices": [{"message": {"role": "assistant", "content": says}}]} if says else {}


def scope_of(authorization: str) -> str:
    """The service that a request was signed for; empty for none."""
    signed = SCOPE.search(authorization)
    return signed[1] if signed else ""


@cache
def model_of(service: str) -> Any:
    try:
        return botocore.session.Session().get_service_model(service)
    except botocore.exceptions.UnknownServiceError:
        return None


def answer(service: str, target: str, method: str, path: str) -> tuple[str, str, bytes] | None:
    """The operation, the type of the content and the content; None for what no model tells."""
    model = model_of(service)
    protocols = model.metadata.get("protocols") or [model.metadata.get("protocol")] if model else []
    as_cbor = "smithy-rpc-v2-cbor" in protocols and not target
    if as_cbor:
        name, kind = path.rsplit("/operation/", 1)[-1], "application/cbor"
    elif "json" in protocols:
        name, kind = target.rsplit(".", 1)[-1], f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.1')}"
    elif "rest-json" in protocols:
        name = next((each for each in model.operation_names if asks(model.operation_model(each), method, path)), "")
        kind = "application/json"
    else:
        return None
    if name not in model.operation_names:
        return None
    output = model.operation_model(name).output_shape
    if output is None:
        return name, kind, cbor({}) if as_cbor else b"{}"
    if payload := output.serialization.get("payload"):
        output = output.members[payload]
        if name in BODIES:
            return name, "application/json", json.dumps(BODIES[name]).encode()
        if output.type_name == "blob":
            return name, "application/octet-stream", b"trial"
    return name, kind, cbor(made_up(output)) if as_cbor else json.dumps(made_up(output)).encode()


def cbor(value: Any) -> bytes:
    """What is made up in the binary form of JSON (RFC 8949) in which newer clients ask."""
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return headed(0, value)
    if isinstance(value, str):
        return headed(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return headed(4, len(value)) + b"".join(map(cbor, value))
    if isinstance(value, dict):
        return headed(5, len(value)) + b"".join(cbor(key) + cbor(inner) for key, inner in value.items())
    return b"\xf6"


def headed(kind: int, number: int) -> bytes:
    """The head of an item: its kind, and its value or its length."""
    if number < 24:
        return bytes([kind << 5 | number])
    size = next(power for power in range(4) if number < 1 << (8 << power))
    return bytes([kind << 5 | 24 + size]) + number.to_bytes(1 << size, "big")


def asks(operation: Any, method: str, path: str) -> bool:
    """Whether a request is one for an operation, by its method and its path."""
    pattern = re.escape(str(operation.http["requestUri"]).split("?")[0]).replace(r"\{", "{").replace(r"\}", "}")
    pattern = re.sub(r"\{[^}]*\\\+\}", ".+", pattern)
    pattern = re.sub(r"\{[^}]*\}", "[^/]+", pattern)
    return bool(operation.http["method"] == method and re.fullmatch(pattern, path))


def made_up(shape: Any, depth: int = 0) -> Any:
    """A value of a shape."""
    kind = shape.type_name
    if kind == "structure":
        members = {} if depth > DEEPEST else shape.members
        return {
            member.serialization.get("name", name): made_up(member, depth + 1)
            for name, member in members.items()
            if "location" not in member.serialization and name.lower() not in TOKENS
        }
    if kind == "list":
        return [] if depth > DEEPEST else [made_up(shape.member, depth + 1)]
    if kind == "map":
        return {}
    if kind == "string":
        words = shape.enum or ["trial"]
        return next((word for word in DONE if word in words), words[0])
    if kind in ("integer", "long", "float", "double"):
        return max(1, shape.metadata.get("min", 1))
    return {"boolean": True, "blob": "dHJpYWw=", "timestamp": int(time.time())}.get(kind)
