"""The sample spoilt in many ways, each alone in a world of its own."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from trials.deliveries.deliver import deliver
from trials.deliveries.history import History, Reference
from trials.project.sources import Source
from trials.samples.sample import Sample
from trials.samples.spoilt import TEXTS, inner, spoilt, wrapped
from trials.samples.stranger import another, identities, replaced
from trials.samples.varied import varied
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.judge import refusal
from trials.verdicts.spoilt import Fate, fate, first_of_two, summed
from trials.world import World, differences

MOST_OTHERS = 3  # values of a sample that are tried for an event beside it


def in_many_ways(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    ways = spoilt(reference.sample.payload, source)
    if ways:
        fates = {
            way: fared(stage, source, reference, replace(reference.sample, payload=payload))
            for way, payload in ways.items()
        }
        yield summed(fates, reference.has_effect)
    yield from two_in_a_list(stage, source, reference)


def two_in_a_list(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Where one is expected: some frameworks take the first of a list, and the answer speaks of both."""
    content = inner(reference.sample.payload, source)
    if source.kind not in TEXTS or not isinstance(content, dict) or not reference.has_effect:
        return
    for other in others(content):
        alone, second = worlds(stage, source, reference, [other, [content, other]])
        if alone is not None and second is not None and differs(reference, alone):
            yield from first_of_two(reference.world, alone, second, reference.noise)
            return


def others(content: dict[str, Any]) -> list[Any]:
    """What may stand beside a content in a list and is no repeat of it."""
    known = {value: another(value, number) for number, value in enumerate(dict.fromkeys(identities(content))) if value}
    return [replaced(content, known)] if known else varied(content)[:MOST_OTHERS]


def worlds(stage: Stage, source: Source, reference: Reference, contents: list[Any]) -> list[World | None]:
    """What each of these contents leaves, none if it is refused."""
    left: list[World | None] = []
    for content in contents:
        stage.fresh()
        sample = replace(reference.sample, payload=wrapped(reference.sample.payload, source, content))
        refused = refusal(deliver(stage, source, [sample]))
        left.append(None if refused else stage.world())
    return left


def differs(reference: Reference, world: World) -> bool:
    return bool(differences(reference.world, world, reference.noise))


def fared(stage: Stage, source: Source, reference: Reference, sample: Sample) -> Fate:
    stage.fresh()
    empty = stage.now()
    try:
        result = deliver(stage, source, [sample])
    except ClientError:  # the queue refuses it, as AWS does with what is too large or no text
        return Fate.NOT_SENT
    return fate(History("spoilt", result, empty, stage.world()), source, reference)
