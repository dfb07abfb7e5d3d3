"""Changes of several SKUs, repeats beyond SQS's own dedupe, an impossible change, one nobody can read, and releases."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAws, Outcome, seen

CORRELATED: Any = {"correlation_id": {"DataType": "String", "StringValue": "scenario"}}
POISON = {
    "not JSON": "sold!",
    "no number": '{"kind": "SOLD", "pieces": 1}',
    "pieces as text": '{"number": 2, "kind": "SOLD", "pieces": "1"}',
    "an unknown kind": '{"number": 2, "kind": "LOST", "pieces": 1}',
}


def change(number: int, kind: str, pieces: int) -> str:
    return json.dumps({"number": number, "kind": kind, "pieces": pieces})


def history(length: int, seed: int) -> tuple[list[str], int]:
    """Changes of one SKU whose order matters, for each count makes good what was before it; and what they add up to."""
    fate, pieces, made = random.Random(seed), 0, []
    for number in range(1, length + 1):
        kind = "RECEIVED" if pieces < 5 else fate.choice(["RECEIVED", "SOLD", "SOLD", "COUNTED"])
        moved = fate.randint(5, 9) if kind != "SOLD" else fate.randint(1, 5)
        pieces = {"RECEIVED": pieces + moved, "SOLD": pieces - moved, "COUNTED": moved}[kind]
        made.append(change(number, kind, moved))
    return made, pieces


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    stack = local.deploy(template, AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts")
    sqs, dynamodb = local.client("sqs"), local.client("dynamodb")
    changes, dlq = stack.outputs["ChangesUrl"], stack.outputs["ChangesDlqUrl"]
    sent = iter(range(10**6))

    def send(sku: str, *bodies: str) -> None:
        """Each under an id of its own, as a producer's repeat after SQS's five minutes has one for what counts."""
        for body in bodies:
            place = {"MessageGroupId": sku, "MessageDeduplicationId": f"{sku}-{next(sent)}"}
            sqs.send_message(QueueUrl=changes, MessageBody=body, MessageAttributes=CORRELATED, **place)

    def depth(queue: str) -> int:
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def drained() -> bool:
        return depth(changes) == 0

    def stock() -> dict[str, tuple[int, int]]:
        """The number of its last change and its pieces, for each SKU."""
        items = dynamodb.scan(TableName=stack.outputs["StockTable"], ConsistentRead=True)["Items"]
        return {each["sku"]["S"]: (int(each["applied"]["N"]), int(each["pieces"]["N"])) for each in items}

    def parked() -> list[tuple[str, int]]:
        """As the alarm tells a human to."""
        items = dynamodb.scan(TableName=stack.outputs["ParkedTable"], ConsistentRead=True)["Items"]
        return sorted((each["sku"]["S"], int(each["number"]["N"])) for each in items)

    def release(sku: str) -> dict[str, Any]:
        command = json.dumps({"sku": sku, "by": "ana"})
        answer = local.client("lambda").invoke(FunctionName=stack.outputs["ReleaseFunction"], Payload=command)
        assert "FunctionError" not in answer, answer["Payload"].read()
        told: dict[str, Any] = json.loads(answer["Payload"].read())
        return told

    say("15 changes of each of 6 SKUs, in turn, then the last 5 of each again")
    histories = {f"sku-{n}": history(15, n) for n in range(6)}
    for at in [*range(15), *range(10, 15)]:
        for sku, (bodies, _) in histories.items():
            send(sku, bodies[at])
    seen(drained)
    wanted = {sku: (15, pieces) for sku, (_, pieces) in histories.items()}
    right = [sku for sku in wanted if stock().get(sku) == wanted[sku]]
    once = f"{len(right)} of 6 SKUs as their changes add up, {len(parked())} parked"
    yield Outcome("90 changes, 30 repeats", once, "each applied once, in order", len(right) == 6 and parked() == [])

    say("a mug more is sold than there are, and more changes of mugs and cups come")
    send("mug", change(1, "RECEIVED", 3), change(2, "SOLD", 4), change(3, "COUNTED", 9), change(4, "SOLD", 2))
    send("cup", *(change(number, "RECEIVED", 1) for number in range(1, 9)))
    seen(drained)
    waits = [("mug", 2), ("mug", 3), ("mug", 4)]
    yield Outcome(
        "an impossible change, 2 behind it",
        f"{len(parked())} parked, {stock().get('mug')}",
        "nothing goes past it",
        parked() == waits and stock().get("mug") == (1, 3),
    )
    yield Outcome("8 cups meanwhile", str(stock().get("cup")), "other groups go on", stock().get("cup") == (8, 8))

    say("released before it is mended, and after")
    early = release("mug")
    yield Outcome(
        "released too early",
        early["why"] or "no reason given",
        "it stays parked, and says why",
        bool(early["parked"] and early["why"]) and parked() == waits,
    )
    send("mug", change(2, "SOLD", 3))  # as it should have been, under the same number
    seen(drained)
    late = release("mug")
    send("mug", change(5, "RECEIVED", 1))
    seen(drained)
    told = f"{late['applied']} applied, then {stock().get('mug')}"
    replayed = not late["parked"] and parked() == [] and stock().get("mug") == (5, 8)
    yield Outcome("mended and released", told, "replayed in order, then on", replayed)

    say("messages that nobody can read, one of them in the place of a change")
    send("pot", change(1, "RECEIVED", 5), *POISON.values(), change(3, "SOLD", 1))
    seen(lambda: drained() and depth(dlq) == len(POISON))
    dead = []
    while found := sqs.receive_message(QueueUrl=dlq, MaxNumberOfMessages=10).get("Messages"):
        dead += [each["Body"] for each in found]
        for each in found:
            sqs.delete_message(QueueUrl=dlq, ReceiptHandle=each["ReceiptHandle"])
    intact = [name for name, body in POISON.items() if body in dead]
    yield Outcome(
        ", ".join(POISON),
        f"{len(intact)} in the DLQ",
        "set aside, body intact",
        len(intact) == len(dead) == len(POISON),
    )
    gap = f"{parked()} parked, {stock().get('pot')}"
    held = parked() == [("pot", 3)] and stock().get("pot") == (1, 5)
    yield Outcome("the change after it", gap, "a missing number is not passed", held)

    say("the missing change is sent after all, behind what it precedes")
    send("pot", change(2, "COUNTED", 4))
    seen(drained)
    release("pot")
    back = f"{stock().get('pot')}, {len(parked())} parked"
    yield Outcome(
        "the missing change, late", back, "it takes its own place", stock().get("pot") == (3, 3) and not parked()
    )
