"""A request that was refused, signed in each way in which the function's own code may take it."""

import time
from collections.abc import Iterator
from dataclasses import replace

from trials.deliveries.history import Delivery
from trials.local_aws.issuer import issuer_of
from trials.local_aws.signatures import noting
from trials.project.sources import Kind, Source
from trials.project.tokens import TOKEN
from trials.samples.bearer import bearers, first_bearer
from trials.samples.sample import Sample
from trials.samples.signing import by_ed25519, learned, stamped
from trials.samples.tokens import ANEW, holds_token, roles, signed_by
from trials.stage import Stage


def signed_anew(stage: Stage, source: Source, sample: Sample, refused: Delivery) -> Iterator[Sample]:
    """None if the code checks no signature of it. What is refused by 401 may only lack a token."""
    if source.kind is Kind.HTTP and not sample.file and (way := by_ed25519(sample, time.time())):
        yield way
        return
    statuses = {answer.status for answer in refused.answers}
    if source.kind is Kind.HTTP and 401 in statuses and not holds_token(sample.payload) and not sample.file:
        sample = with_token(sample)
        yield sample
    stamped_now = stamped(sample.payload, time.time()) if source.kind is Kind.HTTP else None
    if stamped_now is None and not holds_token(sample.payload):
        return
    payload, stamp = stamped_now or (sample.payload, "")
    stage.fresh()
    with noting(stage.local.signed) as notes:
        stage.invoke(source.function, payload)
    compared = roles(stage.project.code(source.function)[0]) if notes else []
    signed = list(signed_by(sample, notes, compared))
    if not signed and (way := learned(sample, payload, stamp, notes)):
        signed = [way]
    if signed:
        stage.keep_secrets()
        yield from signed
    elif holds_token(sample.payload):
        yield from issued(stage, source, sample)


def with_token(sample: Sample) -> Sample:
    """The request with a token in its header, as its API hands it over."""
    payload = dict(sample.payload)
    name = "authorization" if payload.get("version") == "2.0" else "Authorization"
    payload["headers"] = {**(payload.get("headers") or {}), name: f"Bearer {TOKEN}"}
    return replace(sample, payload=payload, origin=f"{sample.origin}, with a token")


def issued(stage: Stage, source: Source, sample: Sample) -> Iterator[Sample]:
    """The request with tokens of an issuer whose published keys the code asks for; none if it asks for no keys."""
    stage.fresh()
    variables = stage.variables(source.function)
    stage.bearer = first_bearer(variables)
    stage.invoke(source.function, sample.payload)
    issuers = [each for asked in stage.outside.asked if (each := issuer_of(asked.host, asked.path))]
    for stage.bearer in bearers(issuers[-1], variables) if issuers else ():
        yield replace(sample, origin=f"{sample.origin}{ANEW} by a key that its issuer publishes")
    stage.bearer = None
