"""Payments, duplicates, refusals, a provider that is busy or loses its answers, and a human who asks it."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAws, Outcome, seen
from trials.local_aws.outside import Asked, Outside

CORRELATED = {"correlation_id": {"DataType": "String", "StringValue": "scenario"}}
POISON = {
    "not JSON": "pay!",
    "cents as text": '{"payment_id": "p-1", "card": "tok_visa", "cents": "1999"}',
    "a negative amount": '{"payment_id": "p-1", "card": "tok_visa", "cents": -1}',
}


class Provider(Outside):
    """The payment provider: every request that it takes is a charge, whatever it took before.

    `charges` counts them by our reference and `calls` the requests. It declines decline-*, can be `busy` (429), and
    loses the first answer for lost-* (charged, no answer) and limbo-* (not charged, 503).
    """

    def __init__(self, latency: float = 0.05) -> None:
        self.charges: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.busy = False
        self._latency = latency
        self._lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, dict[str, str]] | None:
        reference = asked.body["reference"]
        with self._lock:
            self.calls[reference] += 1
            first, busy = self.calls[reference] == 1, self.busy
        time.sleep(self._latency)
        if busy:
            return 429, {}
        if reference.startswith("decline-"):
            return 402, {"reason": "no cover"}
        if reference.startswith("limbo-") and first:
            return 503, {}
        with self._lock:
            self.charges[reference] += 1
        if reference.startswith("lost-") and first:
            return None
        return 201, {"charge": f"ch-{reference}"}


def payment(payment_id: str, **more: Any) -> str:
    return json.dumps({"payment_id": payment_id, "card": "tok_visa", "cents": 1999, **more})


def verdict(payment_id: str, word: str, found: str) -> dict[str, str]:
    return {"payment_id": payment_id, "verdict": word, "by": "ana", "found": found}


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    with Provider() as provider:
        stack = local.deploy(
            template, ProviderUrl=provider.url, AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts"
        )
        sqs, dynamodb = local.client("sqs"), local.client("dynamodb")
        payments, dlq, ledger = (stack.outputs[name] for name in ("PaymentsUrl", "PaymentsDlqUrl", "LedgerTable"))

        def send(*bodies: str) -> None:
            for body in bodies:
                sqs.send_message(QueueUrl=payments, MessageBody=body, MessageAttributes=CORRELATED)

        def depth(queue: str) -> int:
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
            return sum(int(attributes[name]) for name in names)

        def drained() -> bool:
            return depth(payments) == 0

        def states() -> dict[str, str]:
            items = dynamodb.scan(TableName=ledger, ConsistentRead=True)["Items"]
            return {item["payment_id"]["S"]: item["state"]["S"] for item in items}

        def unknown() -> list[str]:
            """As the alarm tells a human to."""
            found = dynamodb.query(
                TableName=ledger,
                IndexName="Unsettled",
                KeyConditionExpression="unsettled = :unknown",
                ExpressionAttributeValues={":unknown": {"S": "UNKNOWN"}},
            )
            return sorted(item["payment_id"]["S"] for item in found["Items"])

        def resolve(said: dict[str, str]) -> None:
            function = stack.outputs["ResolveFunction"]
            answer = local.client("lambda").invoke(FunctionName=function, Payload=json.dumps(said))
            assert "FunctionError" not in answer, answer["Payload"].read()

        say("20 payments, each sent twice")
        normal = [f"p-{n}" for n in range(20)]
        send(*(payment(each) for each in normal for _ in range(2)))
        seen(drained)
        done = [each for each in normal if states().get(each) == "DONE"]
        yield Outcome("20 payments", f"{len(done)} DONE", "every payment is made", done == normal)
        charges = sum(provider.charges[each] for each in normal)
        yield Outcome("20 exact duplicates", f"{charges} charges", "a duplicate charges nothing", charges == 20)

        say("a card that is declined, twice, and three messages that are no payments")
        send(payment("decline-1"), payment("decline-1"), *POISON.values())
        seen(lambda: depth(dlq) == len(POISON) and drained())
        state, calls = states().get("decline-1"), provider.calls["decline-1"]
        yield Outcome(
            "a declined card",
            f"{state} after {calls} call",
            "recorded, and not asked again",
            state == "REFUSED" and calls == 1,
        )
        yield Outcome(", ".join(POISON), f"{depth(dlq)} in the DLQ", "poison is set aside", depth(dlq) == len(POISON))

        say("the provider is busy")
        provider.busy = True
        send(payment("late-1"), payment("late-2"))
        seen(lambda: all(provider.calls[each] for each in ("late-1", "late-2")))
        provider.busy = False
        seen(drained)
        late = [provider.charges[each] for each in ("late-1", "late-2")]
        yield Outcome("2 payments turned away", f"{sum(late)} charges", "made once, later", late == [1, 1])

        say("answers are lost: of one that was charged, of one that was not")
        send(*(payment(each) for each in ("lost-1", "limbo-1") for _ in range(2)))
        seen(lambda: unknown() == ["limbo-1", "lost-1"] and drained())
        asked = [provider.calls[each] for each in ("lost-1", "limbo-1")]
        yield Outcome(
            "2 lost answers, sent twice",
            f"UNKNOWN after {sum(asked)} calls",
            "never tried again by itself",
            asked == [1, 1],
        )

        say("a human asks the provider, and tells Resolve")
        for each in unknown():
            charged = provider.charges[each] == 1
            resolve(verdict(each, "DONE" if charged else "RETRY", f"{provider.charges[each]} charges"))
        seen(lambda: unknown() == [] and drained())
        ended = [provider.charges[each] for each in ("lost-1", "limbo-1")]
        settled = {states().get(each, "not known") for each in ("lost-1", "limbo-1")}
        yield Outcome("a human's word", f"{sum(ended)} charges", "each is charged once", ended == [1, 1])
        yield Outcome("the ledger", ", ".join(sorted(settled)), "nothing is left open", settled == {"DONE"})
