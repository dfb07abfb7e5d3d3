"""Answers of services that the local AWS lacks, made up of their models: of the right form, and of no content."""

import gzip
import json
import re
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import botocore
import botocore.exceptions
import botocore.session

SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([\w-]+)/")
TOKENS = ("nexttoken", "nextmarker", "marker", "nextpagetoken", "paginationtoken")  # there is no other page
DONE = ("SUCCEEDED", "COMPLETED", "COMPLETE", "SUCCESS", "ACTIVE", "Succeeded", "Completed")  # no job is waited for
DEEPEST = 8
MODELS = Path(botocore.__file__).parent / "data"
WRITES = re.compile(r"(?:Batch)?(?:Send|Start|Create|Put|Publish|Submit|Update|Delete|Post|Cancel)(?=[A-Z]|$)")
NAMED = re.compile(r"(?:^|[a-z])(?:Name|Identifier)$|^name$")  # of what is made: nobody makes a second one of a name
HEAD = 4096  # bytes of a model, in which it says how its requests are signed
SIGNED = re.compile(rb'"signingName" ?: ?"([^"]+)"'), re.compile(rb'"endpointPrefix" ?: ?"([^"]+)"')
TEXT = [{"type": "text", "text": "trial"}]
BODIES = {  # that the model only calls bytes; here as Claude's, Titan's and Nova's pages in Bedrock's guides have it
    "InvokeModel": {
        "content": TEXT,
        "results": [{"outputText": "trial"}],
        "output": {"message": {"role": "assistant", "content": TEXT}},
    },
}

ADDRESS = re.compile(r"(?:^|[a-z])(?:Url|Endpoint)$|^(?:url|endpoint)$")  # a member that says where a service is
home = "https://service.example.test"  # where the calls of functions come to, which whoever answers knows
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


@cache
def signed_for() -> dict[str, list[str]]:
    """The services by the name that their requests are signed for, which is another than theirs for some."""
    services: dict[str, set[str]] = {}
    for path in MODELS.glob("*/*/service-2.json.gz"):
        with gzip.open(path) as file:
            head = file.read(HEAD)
        named = next(filter(None, (pattern.search(head) for pattern in SIGNED)), None)
        if named:
            services.setdefault(named[1].decode(), set()).add(path.parts[-3])
    return {name: sorted(models) for name, models in services.items()}


def services_of(signed: str) -> list[str]:
    """The services for which a request may be that was signed for a name."""
    return [signed] if model_of(signed) else signed_for().get(signed, [])


def answer(service: str, target: str, method: str, path: str, asked: bytes = b"") -> tuple[str, str, bytes] | None:
    """The operation, the type of the content and the content; None for what no model tells."""
    models = [model_of(name) for name in services_of(service)]
    return next(filter(None, (by_model(model, target, method, path, asked) for model in models)), None)


def by_model(model: Any, target: str, method: str, path: str, asked: bytes) -> tuple[str, str, bytes] | None:
    protocols = model.metadata.get("protocols") or [model.metadata.get("protocol")]
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
    operation = model.operation_model(name)
    output, keys = operation.output_shape, keys_asked(operation.input_shape, asked)
    if output is None:
        return name, kind, cbor({}) if as_cbor else b"{}"
    if payload := output.serialization.get("payload"):
        output = output.members[payload]
        if name in BODIES:
            return name, "application/json", json.dumps(BODIES[name]).encode()
        if output.type_name == "blob":
            return name, "application/octet-stream", b"trial"
    content = made_up(output, keys)
    return name, kind, cbor(content) if as_cbor else json.dumps(content).encode()


def sent(service: str, operation: str, asked: bytes) -> list[dict[str, Any]]:
    """What a call asks a service to do, with the token by which it knows a repeat; nothing of one that only asks."""
    models = [model for model in map(model_of, services_of(service)) if operation in model.operation_names]
    if not models or not WRITES.match(operation):
        return []
    with suppress(ValueError):
        request = json.loads(asked or b"{}")
        if not isinstance(request, dict):
            return []
        called = models[0].operation_model(operation)
        tokens = [
            called.input_shape.members[name].serialization.get("name", name) for name in called.idempotent_members
        ]
        named = [*tokens, *filter(NAMED.search, request if operation.startswith(("Create", "Start")) else ())]
        key = next((request[name] for name in named if isinstance(request.get(name), str)), "")
        return [{"service": models[0].service_name, "operation": operation, "key": key, "request": request}]
    return []


def keys_asked(shape: Any, asked: bytes) -> list[str]:
    """The keys of the first map of a request in JSON, which maps of its answer have too."""
    if shape is None:
        return []
    payload = shape.serialization.get("payload")
    with suppress(ValueError):
        return first_keys(shape.members[payload] if payload else shape, json.loads(asked or b"null"))
    return []


def first_keys(shape: Any, value: Any) -> list[str]:
    if not isinstance(value, dict) or shape.type_name not in ("map", "structure"):
        return []
    if shape.type_name == "map":
        return list(value)
    members = ((member, value.get(member.serialization.get("name", name))) for name, member in shape.members.items())
    return next(filter(None, (first_keys(member, inner) for member, inner in members)), [])


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


def made_up(shape: Any, keys: list[str], depth: int = 0) -> Any:
    """A value of a shape, whose maps have some keys."""
    kind = shape.type_name
    if kind == "structure":
        members = {} if depth > DEEPEST else shape.members
        return {
            member.serialization.get("name", name): home
            if member.type_name == "string" and ADDRESS.search(name)
            else made_up(member, keys, depth + 1)
            for name, member in members.items()
            if "location" not in member.serialization and name.lower() not in TOKENS
        }
    if kind == "list":
        return [] if depth > DEEPEST else [made_up(shape.member, keys, depth + 1)]
    if kind == "map":
        return {} if depth > DEEPEST else {key: made_up(shape.value, keys, depth + 1) for key in keys}
    if kind == "string":
        words = shape.enum or ["trial"]
        return next((word for word in DONE if word in words), words[0])
    if kind in ("integer", "long", "float", "double"):
        return max(1, shape.metadata.get("min", 1))
    return {"boolean": True, "blob": "dHJpYWw=", "timestamp": int(time.time())}.get(kind)
