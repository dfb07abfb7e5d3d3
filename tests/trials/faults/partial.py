"""Batches of which one entry is refused under HTTP 200."""

from collections.abc import Iterator

from trials.deliveries.deliver import deliver
from trials.deliveries.history import History, Reference
from trials.faults.refusals import passing
from trials.project.sources import Source
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.partial import for_good, for_now

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
FOR_GOOD = {"PutEvents", "SendMessageBatch", "PublishBatch"}  # name codes that no retry changes


def partly_refused(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """During the first delivery: whoever looks into the answer sends the rest again, or lets the event come again."""
    batches = [operation for _, operation in reference.calls if operation in BATCHES]
    if not batches:
        return
    what = f"one entry of {', '.join(batches)} refused"
    undisturbed = sum(operation in BATCHES for _, operation in reference.every_call)
    asked = list[int]()

    def end() -> None:
        asked.append(stage.local.met())
        stage.local.clear_faults()

    def judge(history: History, source: Source, reference: Reference, graves: frozenset[str]) -> Judgement:
        return for_now(history, source, reference, graves, again=asked[-1] > undisturbed)

    yield passing(stage, source, reference, what, stage.local.refuse_partly, end, judge)


def refused_for_good(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Throughout: whoever sends the rest again for ever, or forgets it, leaves somebody without a word."""
    batches = [operation for _, operation in reference.calls if operation in FOR_GOOD]
    if not batches:
        return
    stage.fresh()
    empty = stage.now()
    stage.local.refuse_partly(for_good=True)
    result = deliver(stage, source, [reference.sample])
    after = stage.world()
    stage.local.clear_faults()
    yield for_good(
        History(f"one entry of {', '.join(batches)} refused for good", result, empty, after), source, reference
    )
