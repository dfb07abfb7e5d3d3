"""A queue's second copy of a message, received while the first is at work, whose environment then dies."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from trials.deliveries.history import Answer, Delivery, Reference
from trials.deliveries.parcels import parcel
from trials.local_aws import LocalAwsError, wait_for
from trials.project.sources import Kind, Source
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.copies import Copy, outlived

HELD = 15  # seconds in which the function must come to its last call


def dies_beside_a_copy(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """A standard queue may deliver a message to two receivers; when one of them deletes it, the other's is gone too."""
    if source.kind is not Kind.QUEUE or not reference.every_call:
        return
    stage.fresh()
    if stage.stack.resources[source.origin].endswith(".fifo"):
        return
    service, operation = reference.every_call[-1]
    carrier = parcel(stage, source, [reference.sample])
    event = carrier.event()
    stage.local.hold(len(reference.every_call))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(stage.invoke, source.function, event)
        with suppress(LocalAwsError):
            wait_for("the call that is held up", lambda: stage.local.met() or first.done(), timeout=HELD)
        if first.done() or not stage.local.met():  # it took another way this time
            stage.local.clear_faults()
            first.result()
            return
        before = stage.world()
        copy = stage.invoke(source.function, event)
        after = stage.world()
        stage.local.clear_faults()
        died: Answer = first.result()
    fared = Delivery(event, [died], int(bool(died.error)))
    taken = not carrier.failed(copy)
    carrier.settle([] if taken else carrier.failed(died), error=bool(died.error))
    stage.later(source.function, visibility(stage, source))
    while (event := carrier.event()) is not None:
        fared.answers.append(stage.invoke(source.function, event))
        failed = carrier.failed(fared.answers[-1])
        carrier.settle(failed, bool(fared.answers[-1].error))
    what = f"dying before {service} {operation}"
    yield outlived(Copy(what, taken, before, after, stage.world()), reference)


def visibility(stage: Stage, source: Source) -> int:
    """After how many seconds a queue shows a message again whose receiver died."""
    asked = {"QueueUrl": stage.stack.resources[source.origin], "AttributeNames": ["VisibilityTimeout"]}
    return int(stage.local.client("sqs").get_queue_attributes(**asked)["Attributes"].get("VisibilityTimeout", 30))
