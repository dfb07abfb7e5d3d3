"""Functions with tenant isolation: who invokes one names a tenant, which of all sources only a REST API can.

It takes the tenant out of its request, as its integration says, and hands it on in the header `X-Amz-Tenant-Id`.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from trials.project.source import Kind, Source
from trials.template import Model, as_dict

HEADER = "integration.request.header.x-amz-tenant-id"
PLACES = {"header": "headers", "querystring": "queryStringParameters", "path": "pathParameters"}
NOBODY = "is isolated by tenant, and no {kind} can name one"


def isolated(template: Model, function: str) -> bool:
    resource = template.resources.get(function)
    return bool(resource and resource.written("TenancyConfig"))


def mapped(template: Model, function: str) -> str:
    """What of its request a REST API hands on as the tenant, such as `method.request.header.tenant`; empty for none."""
    for integration in dicts(template.body.get("Resources")):
        parameters = integration.get("RequestParameters") or integration.get("requestParameters")
        names = {str(name).lower(): value for name, value in as_dict(parameters).items()}
        uri = integration.get("Uri") or integration.get("uri")
        if HEADER in names and template.function(uri) in (function, ""):
            return str(names[HEADER])
    return ""


def dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a piece of a template."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield from [value] if isinstance(value, dict) else []
    for part in inner:
        yield from dicts(part)


def unnamed(template: Model, source: Source) -> str:
    """Why no event of a source gets to its function; empty if one does, for all that is known."""
    if not isolated(template, source.function) or source.kind in (Kind.DIRECT, Kind.OTHER, Kind.MACHINE, Kind.ROUTE):
        return ""
    if source.kind is Kind.TASK:
        return f"{source.function} is isolated by tenant, and whether its task names one is not looked at"
    if source.kind is not Kind.HTTP:
        return f"{source.function} {NOBODY.format(kind=source.kind)}"
    return "" if mapped(template, source.function) else f"{source.function} {NOBODY.format(kind='route of this API')}"


def with_tenant(template: Model, source: Source) -> Source:
    """A route that demands what names the tenant, so that its samples have it."""
    _, _, told = mapped(template, source.function).partition("method.request.")
    place, _, name = told.partition(".")
    place = {"header": "header", "querystring": "query"}.get(place, "")
    if not source.route or not place or not isolated(template, source.function):
        return source
    return replace(source, route=replace(source.route, parameters=(*source.route.parameters, (place, name))))


def tenant(template: Model, function: str, event: Any) -> str:
    """Who is named by whoever sends this event; of a function that is invoked directly, another for each event."""
    where = mapped(template, function)
    if not where:
        return f"tenant-{hashlib.sha256(json.dumps(event, sort_keys=True, default=str).encode()).hexdigest()[:8]}"
    if where.startswith("'"):
        return where.strip("'")
    place, *names = where.removeprefix("method.request.").split(".")
    here = as_dict(event).get("requestContext" if place == "context" else PLACES.get(place, place))
    for name in names if place == "context" else [".".join(names)]:
        lower = {str(key).lower(): value for key, value in as_dict(here).items()}
        here = lower.get(name.lower())
    return here if isinstance(here, str) else ""
