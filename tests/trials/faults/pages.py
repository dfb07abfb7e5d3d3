"""Reads whose answer comes in pages of one item, as it does at another size once there is enough to read."""

from collections.abc import Iterator

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.project.sources import Source
from trials.samples.sample import Sample
from trials.samples.stranger import others_alike
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.judge import refusal
from trials.verdicts.pages import in_pages
from trials.world import World, noise

READS = {"Query", "Scan", "ListObjectsV2"}
MOST_IDENTITIES = 3  # of a sample, each of which may be the one that tells events apart
OTHERS = 2  # events like the sample before it comes itself


def read_in_pages(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """The sample behind others that differ in one identity, so that there is more to read than one item."""
    if not any(operation in READS for _, operation in reference.calls):
        return
    for others in others_alike(reference.sample, source, OTHERS)[:MOST_IDENTITIES]:
        samples = [*others, reference.sample]
        plain, refused, _ = after(stage, source, samples, paged=False)
        if refused:
            continue
        paged, refused, pages = after(stage, source, samples, paged=True)
        if pages:
            same, *_ = after(stage, source, samples, paged=False)
            yield in_pages(plain, paged, refused, reference.noise | noise(plain, same))
            return


def after(stage: Stage, source: Source, samples: list[Sample], paged: bool) -> tuple[World, str, int]:
    """The world that samples leave, why one of them was refused, and how many answers had a further page."""
    stage.fresh()
    if paged:
        stage.local.read_in_pages()
    refusals = [refusal(deliver(stage, source, [sample])) for sample in samples]
    pages = stage.local.met() if paged else 0
    stage.local.clear_faults()
    return stage.world(), next(filter(None, refusals), ""), pages
