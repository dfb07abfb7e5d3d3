"""The forms in which a request holds its query and its headers, which API Gateway hands over together."""

from typing import Any
from urllib.parse import urlencode


def in_all_forms(payload: Any) -> Any:
    """A request whose query is told in every form alike; anything else as it is."""
    query = payload.get("queryStringParameters") if isinstance(payload, dict) else None
    if not isinstance(query, dict):
        return payload
    plain = {str(name): value if isinstance(value, str) else str(value) for name, value in query.items()}
    if "rawQueryString" in payload:
        return {**payload, "rawQueryString": urlencode(plain)}
    if "multiValueQueryStringParameters" in payload:
        return {**payload, "multiValueQueryStringParameters": {name: [value] for name, value in plain.items()}}
    return payload
