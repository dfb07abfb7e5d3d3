"""The sample spoilt in many ways, each alone in a world of its own."""

from collections.abc import Iterator
from dataclasses import replace

from botocore.exceptions import ClientError

from trials.deliveries.deliver import deliver
from trials.deliveries.history import History, Reference
from trials.project.sources import Source
from trials.samples.sample import Sample
from trials.samples.spoilt import spoilt
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.spoilt import Fate, fate, summed


def in_many_ways(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    ways = spoilt(reference.sample.payload, source)
    if ways:
        fates = {
            way: fared(stage, source, reference, replace(reference.sample, payload=payload))
            for way, payload in ways.items()
        }
        yield summed(fates, reference.has_effect)


def fared(stage: Stage, source: Source, reference: Reference, sample: Sample) -> Fate:
    stage.fresh()
    empty = stage.now()
    try:
        result = deliver(stage, source, [sample])
    except ClientError:  # the queue refuses it, as AWS does with what is too large or no text
        return Fate.NOT_SENT
    return fate(History("spoilt", result, empty, stage.world()), source, reference)
