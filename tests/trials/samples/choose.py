"""Which samples a source is tried with, best first."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from trials.project.sources import Kind, Source
from trials.samples.derive import as_compared, filled
from trials.samples.found import SampleFile, given, route_of
from trials.samples.keys import with_a_plain_key
from trials.samples.made import made
from trials.samples.reads import Reads
from trials.samples.sample import WITH_KEY, Sample


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

    Events that are only of the source's kind, and name another or none, are followed by what is made.
    A schedule's own input comes first: nothing about an event of the project tells that a schedule sends it.
    """
    own, exact = given(files, source)
    if exact:
        return own
    if source.kind is Kind.QUEUE and source.origin in passed_on:
        return [passed_on[source.origin]]
    plain = made(body, source, claims)
    itself = filled(plain, source, reads) if reads else plain
    if source.kind is Kind.HTTP and reads and reads_key(reads):
        itself = replace(itself, origin=f"{itself.origin}, {WITH_KEY}")
    if source.kind is Kind.SCHEDULE and source.given:
        return [itself]
    undecoded = list(filter(None, [with_a_plain_key(itself)]))
    if own:
        return [*own[:2], itself, *undecoded]
    if source.kind is Kind.QUEUE and plain.origin == "made up":
        return [*requested(files), itself]
    compared = [as_compared(itself, source, reads)] if reads else []
    return [*filter(None, compared), itself, *undecoded, *([plain] if itself is not plain else [])]


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
