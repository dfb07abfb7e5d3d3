"""A call that is refused until the source gives up, and then what lies among the dead letters sent again."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Answer, Delivery, Reference
from trials.deliveries.parcels import parcel
from trials.faults.refusals import SECONDS, refusal_of
from trials.local_aws import LocalAwsError, wait_for
from trials.project.graves import keeps_failures
from trials.project.sources import Kind, Source
from trials.samples.sample import Sample
from trials.stage import Stage
from trials.verdicts import Judgement, Promise
from trials.verdicts.redrive import Outage, redriven, unless_too_late

UNANSWERED = "without an answer throughout"
DAY = 86_400  # seconds after which it is sent again: fewer than a queue keeps a message, if nothing else is said


def outage_and_redrive(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """The last kind of call that the function makes is refused, or else the outside service; then its answer is lost.

    Refused, the most is done before it; done without an answer, everything is done each time.
    """
    meet = of_a_queue if source.kind is Kind.QUEUE else of_an_event
    for what, begin, end in outages(stage, reference):
        stage.fresh()
        stage.limit(source.function, SECONDS)
        begin()
        outage = meet(stage, source, reference, what, end)
        if outage.delivery.failures or UNANSWERED not in what:  # else it took the lost answer for one that came
            judgement = redriven(outage, source, reference)
            if judgement.promise is Promise.LOST and outage.kept:
                stage.fresh()
                stage.later(source.function, DAY)
                deliver(stage, source, [reference.sample])
                judgement = unless_too_late(judgement, stage.world(), reference)
            yield judgement


def outages(stage: Stage, reference: Reference) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """What ails, how it begins and how it ends."""
    if reference.calls:
        service, operation = reference.calls[-1]
        end = stage.local.clear_faults
        yield f"{service} {operation} refused throughout", refusal_of(stage, service, operation), end
        lost = {"service": service, "operation": operation, "response": {"abort_bytes": 0}}
        yield f"{service} {operation} {UNANSWERED}", partial(stage.local.fault, **lost), end
    elif reference.world.get("outside"):
        down, up = stage.outside.refuse, stage.outside.take_again
        yield "the outside service refused throughout", down, up


def of_a_queue(stage: Stage, source: Source, reference: Reference, what: str, end: Any) -> Outage:
    delivery = deliver(stage, source, [reference.sample])
    end()
    place, messages = dead_letters(stage, source)
    if not messages:
        return Outage(what, delivery, after=stage.world())
    expired = stage.later(source.function, DAY)
    before = stage.world()
    again = deliver(stage, source, [Sample(each["Body"], "a redrive", attributes(each)) for each in messages])
    return Outage(what, delivery, place, "", again, stage.world(), before, expired)


def dead_letters(stage: Stage, source: Source) -> tuple[str, list[Any]]:
    """The messages that the redrive policy of a source's queue has moved, taken out of there."""
    sqs, url = stage.local.client("sqs"), stage.stack.resources[source.origin]
    redrive_settings = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"]).get("Attributes", {})
    target = json.loads(redrive_settings.get("RedrivePolicy", "{}")).get("deadLetterTargetArn", "").split(":")[-1]
    queues = {physical.rsplit("/", 1)[-1]: (name, physical) for name, physical in stage.stack.resources.items()}
    if target not in queues:
        return "", []
    name, grave = queues[target]
    return name, taken(sqs, grave)


def taken(sqs: Any, url: str) -> list[Any]:
    asked = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
    messages: list[Any] = sqs.receive_message(QueueUrl=url, **asked).get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def attributes(message: Any) -> dict[str, Any]:
    sent = ("DataType", "StringValue", "BinaryValue")
    given = message.get("MessageAttributes", {})
    return {name: {key: value for key, value in each.items() if key in sent} for name, each in given.items()}


def of_an_event(stage: Stage, source: Source, reference: Reference, what: str, end: Any) -> Outage:
    declared = keeps_failures(stage.project.body, source.function)
    if not declared:
        delivery = deliver(stage, source, [reference.sample])
        end()
        return Outage(what, delivery, after=stage.world())
    event = parcel(stage, source, [reference.sample]).event()
    first = stage.invoke(source.function, event)
    delivery = Delivery(event, [first], int(bool(first.error)))
    if not first.error:
        end()
        return Outage(what, delivery)
    place, message = given_up(stage, source, event)
    end()
    if not place:
        return Outage(what, delivery, "", declared)
    body = json.loads(message["Body"])
    payload = body.get("requestPayload", body) if isinstance(body, dict) else body
    expired = stage.later(source.function, DAY)
    before = stage.world()
    again: Answer = stage.invoke(source.function, payload)
    redrive = Delivery(payload, [again], int(bool(again.error)))
    return Outage(what, delivery, place, declared, redrive, stage.world(), before, expired)


def given_up(stage: Stage, source: Source, event: Any) -> tuple[str, dict[str, Any]]:
    """Where a failed asynchronous event ends, and the message there."""
    sqs = stage.local.client("sqs")
    graves = {name.removeprefix("queue ") for name in stage.graves} & stage.stack.resources.keys()
    stage.give_up(source.function, event)

    def look() -> tuple[str, dict[str, Any]] | None:
        for name in sorted(graves):
            if messages := taken(sqs, stage.stack.resources[name]):
                return name, messages[0]
        return None

    with suppress(LocalAwsError):
        return wait_for("the failed event to be kept", look, timeout=6 * SECONDS) or ("", {})
    return "", {}
