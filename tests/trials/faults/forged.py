"""A signed request that somebody altered, or sends once more much later, under the signature of the first."""

import re
from collections.abc import Iterator
from dataclasses import replace

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.local_aws.clock import now
from trials.local_aws.signatures import noting
from trials.project.ed25519 import ED25519
from trials.project.sources import Kind, Source
from trials.samples.signing import Signing, at, in_headers, sent
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.forged import Forgery, forgery, leaks_by_time
from trials.verdicts.judge import refusal
from trials.world import differences

LONG_AGO = 365 * 86_400  # seconds
LAST_DIGIT, LAST_LETTER = re.compile(r"\d(?!.*\d)", re.DOTALL), re.compile(r"[A-Za-z](?!.*[A-Za-z])", re.DOTALL)


def forged(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    signing = reference.sample.signing
    if source.kind is not Kind.HTTP or not signing:
        return
    if signing.name != ED25519:  # which nobody compares, but verifies
        yield from compared_in_vain(stage, source, reference, signing)
    body = reference.sample.payload.get("body") or ""
    fates = [Forgery("its body altered", fared(stage, source, reference, {"body": altered(body)}))]
    if signing.stamp and not takes_old_ones(stage, source, reference, signing):
        fates.append(Forgery("another time put beside it", fared(stage, source, reference, {}, signing)))
    yield forgery(fates)


def altered(body: str) -> str:
    """The body with another digit or letter, so that it is as well formed as before."""
    if LAST_DIGIT.search(body):
        return LAST_DIGIT.sub(lambda digit: "1" if digit[0] != "1" else "2", body, 1)
    return LAST_LETTER.sub(lambda letter: "a" if letter[0] != "a" else "b", body, 1)


def fared(
    stage: Stage, source: Source, reference: Reference, others: dict[str, str], signing: Signing | None = None
) -> bool:
    """Whether a request was done that has another body, or another time, under the signature of the sample."""
    stage.fresh()
    empty, moment = stage.now(), now(stage.local.clock)
    payload = {**sent(reference.sample, moment - 30), **others}
    if signing:
        payload = in_headers(payload, {at(moment - 30, signing.stamp): at(moment, signing.stamp)})
    result = deliver(stage, source, [replace(reference.sample, payload=payload, signing=None)])
    return not refusal(result) and bool(differences(empty, stage.world(), reference.noise))


def takes_old_ones(stage: Stage, source: Source, reference: Reference, signing: Signing) -> bool:
    """Whether a request is done that was rightly signed long ago: then the time beside the signature means nothing."""
    stage.fresh()
    empty, moment = stage.now(), now(stage.local.clock)
    payload = signing.signed(reference.sample.payload, moment - LONG_AGO)
    result = deliver(stage, source, [replace(reference.sample, payload=payload, signing=None)])
    return not refusal(result) and bool(differences(empty, stage.world(), reference.noise))


def compared_in_vain(stage: Stage, source: Source, reference: Reference, signing: Signing) -> Iterator[Judgement]:
    """By `==`, which ends at the first byte that differs."""
    stage.fresh()
    payload = sent(reference.sample, now(stage.local.clock))
    with noting(stage.local.signed) as notes:
        deliver(stage, source, [replace(reference.sample, payload=payload, signing=None)])
    headers = "\n".join(str(value) for value in payload["headers"].values())
    yield leaks_by_time([note["compared"] for note in notes if "compared" in note], headers, len(signing.old))
