"""Another request under a key that was used: what its body asks for was never done."""

from collections.abc import Iterator
from dataclasses import replace

from trials.deliveries.deliver import deliver
from trials.deliveries.history import History, Reference
from trials.project.sources import Kind, Source
from trials.samples.sample import Sample
from trials.samples.spoilt import inner, wrapped
from trials.samples.stranger import keys
from trials.samples.varied import varied
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.judge import has_key, refusal
from trials.verdicts.used_keys import under_a_used_key
from trials.world import differences

MOST = 3  # values of a body that are tried


def another_under_its_key(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """AWS's own APIs refuse a token that comes with other parameters."""
    if source.kind is not Kind.HTTP or not keys(reference.sample.payload) or not has_key(reference):
        return
    other = another(stage, source, reference)
    if other is None:
        return
    stage.fresh()
    deliver(stage, source, [reference.sample])
    before = stage.world()
    result = deliver(stage, source, [other])
    yield under_a_used_key(History("another under its key", result, before, stage.world()), reference)


def another(stage: Stage, source: Source, reference: Reference) -> Sample | None:
    """The sample with another body, which by itself is done and leaves something else than the sample does."""
    for content in varied(inner(reference.sample.payload, source))[:MOST]:
        other = replace(reference.sample, payload=wrapped(reference.sample.payload, source, content))
        stage.fresh()
        refused = refusal(deliver(stage, source, [other]))
        if not refused and differences(reference.world, stage.world(), reference.noise):
            return other
    return None
