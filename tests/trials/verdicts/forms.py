"""Whether what a function returns is an answer that its API can pass on."""

from typing import Any

from trials.deliveries.history import Answer
from trials.project.sources import Kind, Source

A_STATUS = "an answer with a statusCode: of any other a REST API makes a 502"


def no_response(source: Source, answer: Answer) -> str:
    """What is wrong with an answer that must be a response, as in a proxy's first version of payload; else empty."""
    route = source.route
    proxied = source.kind is Kind.HTTP and route is not None and not route.websocket and route.payload == "1.0"
    if not proxied or answer.error or has_status(answer.body):
        return ""
    return f"502: it returned no response, but {str(answer.body)[:200]}"


def has_status(body: Any) -> bool:
    return isinstance(body, dict) and "statusCode" in body
