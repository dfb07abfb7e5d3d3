"""Batches of which one entry is refused under HTTP 200."""

from collections.abc import Iterator

from trials.deliveries.history import Reference
from trials.faults.refusals import passing
from trials.project.sources import Source
from trials.stage import Stage
from trials.verdicts import Judgement

BATCHES = {
    "BatchWriteItem",
    "BatchGetItem",
    "PutEvents",
    "PutRecords",
    "PutRecordBatch",
    "SendMessageBatch",
    "DeleteMessageBatch",
    "PublishBatch",
}


def partly_refused(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """During the first delivery: whoever looks into the answer sends the rest again, or lets the event come again."""
    batches = [operation for _, operation in reference.calls if operation in BATCHES]
    if not batches:
        return
    what = f"one entry of {', '.join(batches)} refused"
    yield passing(stage, source, reference, what, stage.local.refuse_partly, stage.local.clear_faults)
