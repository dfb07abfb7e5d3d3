"""Which samples a source is tried with, best first."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from trials.project.sources import ANY, Kind, Route, Source
from trials.samples.derive import as_compared, filled, parsed
from trials.samples.keys import with_a_flat_key, with_a_plain_key
from trials.samples.made import authorizer, made
from trials.samples.pattern import may_pass, written
from trials.samples.reads import Reads, is_formed
from trials.samples.sample import WITH_KEY, Sample
from trials.samples.sample_files import SampleFile, given, route_of
from trials.samples.stored import sent_to


def samples(
    body: dict[str, Any],
    files: list[SampleFile],
    source: Source,
    passed_on: dict[str, Sample],
    reads: Reads | None = None,
    claims: dict[str, Any] | None = None,
) -> list[Sample]:
    """The project's own events for this source, else what another function passed on, else one made.

    What is made holds what the code reads of it, see `reads`.

    Either is followed by what is made, should it be refused or change nothing, but for a file that is called after the
    source or its function: it alone is meant.
    A schedule's own input comes first: nothing about an event of the project tells that a schedule sends it.
    """
    fitting, exact = given(files, source)
    own = [with_claims(sample, source, claims) for sample in fitting]
    if exact and any(Path(sample.file).stem in (source.file, source.function) for sample in own):
        return own
    sent = passed_on.get(source.origin) if source.kind is Kind.QUEUE and not exact else None
    sent = sent if sent and is_let_through(source, sent) else None
    plain = with_a_path(made(body, source, claims), source, reads)
    itself = with_key(filled(plain, source, reads), source, reads) if reads else plain
    if source.kind is Kind.SCHEDULE and source.given:
        return [itself]
    undecoded = list(filter(None, [with_a_plain_key(itself), with_a_flat_key(itself)]))
    others: list[Sample] = []
    if source.kind is Kind.HTTP and source.route and is_open(source.route, reads):
        itself, *others = (requested_by(body, source, *each, claims, reads) for each in requests(source.route, reads))
        plain = itself
    if own or sent:
        return [*([sent] if sent else own[:2]), itself, *undecoded]
    if source.kind is Kind.QUEUE and plain.origin == "made up":
        return [*requested(files), itself]
    compared = [as_compared(itself, source, reads)] if reads else []
    handed = [passed_on[source.name]] if source.kind is Kind.TASK and source.name in passed_on else []
    return [*filter(None, compared), itself, *handed, *undecoded, *others, *([plain] if itself is not plain else [])]


def is_let_through(source: Source, message: Sample) -> bool:
    """Whether a message may pass one of its mapping's filters."""
    text = {name: {"stringValue": each.get("StringValue")} for name, each in message.attributes.items()}
    body = parsed(message.payload)
    record = {"body": message.payload if body is None else body, "messageAttributes": text}
    filters = [written(pattern) for pattern in source.batching.filters]
    return not filters or any(may_pass(pattern, record) for pattern in filters)


def is_open(route: Route, reads: Reads | None) -> bool:
    """Whether a route leaves it to the code which method or which paths it takes."""
    paths = {method for method, _ in reads.routes} if reads and takes_all(route) else set()
    return not route.websocket and (route.method.upper() in ANY or route.method.upper() in paths)


def takes_all(route: Route) -> bool:
    return route.path.endswith("+}") or route.path == "$default"


def with_claims(sample: Sample, source: Source, claims: dict[str, Any] | None) -> Sample:
    """A request of the project with what API Gateway adds after its authorizer; events for `sam local` lack it."""
    if source.kind is not Kind.HTTP or not source.route or not source.route.authorizer:
        return sample
    context = sample.payload.get("requestContext") or {}
    added = authorizer(source.route.authorizer, source.route.payload, claims or {})
    if not added or context.get("authorizer"):
        return sample
    payload = {**sample.payload, "requestContext": {**context, "authorizer": added}}
    return replace(sample, payload=payload, origin=f"{sample.origin}, with what its authorizer adds")


def with_a_path(sample: Sample, source: Source, reads: Reads | None) -> Sample:
    """The request with what its path names in the form that the code takes."""
    if source.kind is not Kind.HTTP or not source.route or not reads:
        return sample
    named = sample.payload.get("pathParameters") or {}
    known = {name: reads.values.get(("pathParameters", name)) for name in named}
    formed = {name: str(value) for name, value in known.items() if is_formed(value)}
    payload = sent_to(sample.payload, source.route, {**named, **formed})
    return replace(sample, payload=payload, origin=f"{sample.origin}, with what the code reads") if formed else sample


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def requests(route: Route, reads: Reads | None) -> list[tuple[str, str]]:
    """The methods and paths with which a route for any method is tried: first what the code asks for.

    A path is given only where the route takes every one.
    """
    every, asked_for = takes_all(route), route.method.upper()
    if every and reads and reads.routes:
        served = [(method, re.sub(r":\w+|<[^>]*>|\{[^}]*\}", "1", path)) for method, path in reads.routes]
        served = [each for each in served if asked_for in ANY or each[0] == asked_for]
        return sorted(dict.fromkeys(served), key=lambda method_and_path: method_and_path[0] != "POST")
    values = reads.values if reads else {}
    asked = values.get(("httpMethod",)) or values.get(("requestContext", "http", "method"))
    paths = [values.get(("path",)), values.get(("rawPath",)), values.get(("requestContext", "http", "path"))]
    greedy = re.search(r"\{(\w+)\+\}$", route.path)
    rest = values.get(("pathParameters", greedy[1])) if greedy else None
    paths += [f"/{rest}"] if isinstance(rest, str) and re.fullmatch(r"[\w./-]*\w", rest) else []
    path = next((each for each in paths if every and isinstance(each, str) and each.startswith("/")), "")
    return [(each, path) for each in dict.fromkeys([*([asked] if asked in METHODS else []), "POST", "GET"])]


def requested_by(
    body: dict[str, Any], source: Source, method: str, path: str, claims: dict[str, Any] | None, reads: Reads | None
) -> Sample:
    assert source.route
    asked = replace(source, route=replace(source.route, method=method))
    sample = made(body, asked, claims)
    if path:
        named = re.findall(r"\{(.*?)\+?\}", source.route.path)
        everywhere = replace(source.route, path="/{" + named[-1] + "+}" if named else "/{proxy+}")
        payload = sent_to(sample.payload, everywhere, {named[-1] if named else "proxy": path.removeprefix("/")})
        sample = replace(sample, payload=payload if named else {**payload, "pathParameters": None})
    return with_key(filled(sample, asked, reads), asked, reads) if reads else sample


def with_key(sample: Sample, source: Source, reads: Reads) -> Sample:
    """The sample, which says of itself that it holds the key that the code reads, if it does."""
    if source.kind is not Kind.HTTP or not reads_key(reads):
        return sample
    return replace(sample, origin=f"{sample.origin}, {WITH_KEY}")


def reads_key(reads: Reads) -> bool:
    """Whether the code itself looks for the key by which a repeated request is known."""
    return any(
        steps[0] == "headers" and steps[1].lower() == "idempotency-key" for steps in reads.paths if len(steps) > 1
    )


def requested(files: list[SampleFile]) -> Iterator[Sample]:
    """What a function behind an API may put into a queue: the body of a request, or the whole of it."""
    for file in files:
        for event in file.events:
            if route_of(event) and isinstance(event.get("body"), str) and not event.get("isBase64Encoded"):
                yield Sample(event["body"], f"the body of the request in {file.path}", file=file.path)
                yield Sample(json.dumps(event), f"the request in {file.path}", file=file.path)
                return
