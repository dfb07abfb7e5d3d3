"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

from typing import Any

from ordered_consumer.scenario import POISON, change

from support.faults import Stage, Subject
from support.handlers import sqs_event
from support.subjects import SHOP, TEXTS, fields_broken, sample


def fifo_event(*messages: tuple[str, str], receives: int = 1) -> dict[str, Any]:
    """A batch of a FIFO queue; each message is its group and its body."""
    batch = sqs_event(*(body for _, body in messages), receives=receives)
    for at, (record, (group, _)) in enumerate(zip(batch["Records"], messages, strict=True)):
        order = {"MessageGroupId": group, "SequenceNumber": f"{at:020}", "MessageDeduplicationId": f"{group}-{at}"}
        record["attributes"].update(order)
    return batch


def unreadable(_: Stage) -> list[Any]:
    """What a queue can carry of it, each with a message id of its own."""
    batch = fifo_event(*(("mug", text) for text in [*TEXTS, *POISON.values()] if text.strip("\x00")))
    return [{"Records": [record]} for record in batch["Records"]]


def mended(stage: Stage) -> None:
    """A SKU with three changes that wait, the first of which can be applied now."""
    apply = stage.function("app.handler")
    for each in (change(1, "RECEIVED", 3), change(2, "SOLD", 4), change(3, "COUNTED", 9), change(4, "SOLD", 2)):
        assert apply(fifo_event(("mug", each))) == {"batchItemFailures": []}
    assert apply(fifo_event(("mug", change(2, "SOLD", 3)))) == {"batchItemFailures": []}


SUBJECTS = [
    Subject(
        "ordered_consumer", "ApplyChanges", "app.handler", sample, unreadable, sets_aside="queue ChangesDlq", **SHOP
    ),
    Subject(
        "ordered_consumer",
        "Release",
        "release.handler",
        lambda _: {"sku": "mug", "by": "ana"},
        fields_broken,
        before=mended,
        **SHOP,
    ),
]
