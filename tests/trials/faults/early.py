"""What a request has just made is asked for where its answer says that it is, before DynamoDB's copies agree."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Answer, Reference
from trials.project.sources import ANY, Kind, Route, Source
from trials.samples.made import request
from trials.samples.stored import sent_to
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.early import found_at_once

CREATED = 201  # what it made is there, says HTTP; 202 promises nothing
EVERY = "$default"


def asked_at_once(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Nothing to tell where the answer names no place, or where no request of the same API gets what is there."""
    if source.kind is not Kind.HTTP or reference.answer.status != CREATED or not location(reference.answer):
        return
    stage.fresh()
    before = [item for _, item in stage.items()]
    made = deliver(stage, source, [reference.sample]).answers[-1]
    place = location(made)
    asked = next(askings(stage.project.sources, source, place), None)
    if made.status != CREATED or asked is None:
        return
    payload = asking(reference.sample.payload, asked.route or Route("GET", EVERY), place)
    stage.local.read_too_early(before)
    early = stage.invoke(asked.function, payload)
    held_back = stage.local.met()
    stage.local.clear_faults()
    later = stage.invoke(asked.function, payload)
    if later.status == 200:
        yield found_at_once(place, early, bool(held_back))


def location(answer: Answer) -> str:
    """The path that an answer names in its header Location; empty for none."""
    body = answer.body if isinstance(answer.body, dict) else {}
    several = {name: values[0] for name, values in (body.get("multiValueHeaders") or {}).items() if values}
    headers = {name.lower(): str(value) for name, value in {**several, **(body.get("headers") or {})}.items()}
    return urlsplit(headers.get("location", "")).path


def askings(sources: list[Source], source: Source, place: str) -> Iterator[Source]:
    """The routes of the same API, or to the same function, that a GET of this path takes: the closest first."""
    near = [each for each in sources if each.kind is Kind.HTTP and each.route and not each.route.websocket]
    own = [each for each in near if each.origin == source.origin or each.function == source.function]
    for candidate in sorted(own, key=lambda one: bool(one.route and takes_any_path(one.route))):
        route = candidate.route
        if route and route.method.upper() in ("GET", *ANY) and parts(route, place) is not None:
            yield candidate


def takes_any_path(route: Route) -> bool:
    return route.path == EVERY or "+}" in route.path


def parts(route: Route, path: str) -> dict[str, str] | None:
    """The names in a route's path with what a path has in their places; None if it does not fit."""
    if route.path == EVERY:
        return {}
    pattern = re.sub(
        r"\\\{(\w+)(\\\+)?\\\}", lambda name: f"(?P<{name[1]}>{'.+' if name[2] else '[^/]+'})", re.escape(route.path)
    )
    fits = re.fullmatch(pattern, path)
    return {name: unquote(value) for name, value in fits.groupdict().items()} if fits else None


def asking(payload: dict[str, Any], route: Route, path: str) -> dict[str, Any]:
    """The request of the same caller for what is at a path."""
    named = parts(route, path)
    where = replace(route, method="GET", path="/{proxy+}" if route.path == EVERY else route.path)
    asked = sent_to(request(where), where, named or {"proxy": path.removeprefix("/")})
    authorized = (payload.get("requestContext") or {}).get("authorizer")
    context = {**asked["requestContext"], **({"authorizer": authorized} if authorized else {})}
    own = {name: value for name, value in (payload.get("headers") or {}).items() if name.lower() == "authorization"}
    headers = {name: value for name, value in asked["headers"].items() if name != "idempotency-key"}
    return {**asked, "headers": {**headers, **own}, "requestContext": context, "pathParameters": named or None}
