"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

from typing import Any

from support.faults import Stage, Subject
from support.subjects import SHOP, fields_broken, sample


def grant(stage: Stage) -> None:
    stage.function("command.handler")(sample(stage))


def stream_of(*cards: Any) -> dict[str, Any]:
    return {"Records": [{"dynamodb": {"Keys": {"card": {"S": card}}, "SequenceNumber": "1"}} for card in cards]}


SUBJECTS = [
    Subject("event_store", "Command", "command.handler", sample, fields_broken, **SHOP),
    Subject(
        "event_store",
        "Project",
        "project.handler",
        lambda _: stream_of("gift-7"),
        lambda _: [stream_of(None), stream_of({"S": "x"}), {"Records": [{}]}],
        before=grant,
        **SHOP,
    ),
]
