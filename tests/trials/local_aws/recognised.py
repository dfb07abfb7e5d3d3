"""Which call microburst takes a request for, where it would look too long or at the wrong thing; and what it drops."""

import re
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web
from microburst import detection, forward
from microburst.detection import host, rest

# It tells a service by its host name too, for which it reads every model of the SDK: four seconds of processor time.
# Here all services have one address, so there is nothing to learn from it.
host._endpoint_prefix_map = dict
compiled = rest.rest_operations
COPIES = {"copysource": "x-amz-copy-source"}
SIGNED_FOR = re.compile(r"(?<=Credential=)([^/]+/\d{8}/)[\w-]+(?=/)")  # the region follows the day


def with_copies(service: str) -> list[dict[str, Any]]:
    """It looks for a header of the member's name, and so takes each CopyObject for a PutObject."""
    for operation in (operations := compiled(service)):
        operation["required_headers"] = {COPIES.get(name, name) for name in operation["required_headers"]}
    return operations


rest.rest_operations = with_copies
SES = "sesv2"  # signs as its first version, whose operations have no paths: without help none of its calls is known
prefix_of, service_of = detection._target_prefix, detection.service_for_target_prefix
detection._target_prefix = lambda headers, path: SES if path.startswith("/v2/email/") else prefix_of(headers, path)
detection.service_for_target_prefix = lambda prefix: SES if prefix == SES else service_of(prefix)


async def once(body: bytes) -> AsyncIterator[bytes]:
    yield body


streamed = forward._stream_to_client


instead: Any = None  # what answers for an operation that the local AWS lacks


async def with_length(request: web.Request, status: int, headers: Any, fault: Any, chunks: Any) -> web.StreamResponse:
    """It drops the length of an answer, by which SDKs load a file in parts; an answer under a fault has none.

    What says that the local AWS lacks an operation is no answer of the service.
    """
    if (told := await instead.of_no_operation(request, status, chunks)) is not None:
        if isinstance(told, web.Response):
            return told
        chunks = once(told)
    if fault is None and (length := headers.get("content-length")):
        fault = forward.ResponseFault(set_headers={"Content-Length": length})
    return await streamed(request, status, headers, fault, chunks)


forward._stream_to_client = with_length


def at_home(request: web.Request) -> web.Request:
    """A call to any region comes to the stack's: code may name the one that it is deployed to."""
    signed = request.headers.get("Authorization", "")
    here = SIGNED_FOR.sub(r"\1us-east-1", signed)
    return request if here == signed else request.clone(headers={**request.headers, "Authorization": here})
