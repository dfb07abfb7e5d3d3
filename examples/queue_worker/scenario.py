"""Orders, exact duplicates, poison, a refusal and an outage of the carrier, through a real queue."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from trials.local_aws import LocalAws, Outcome, seen
from trials.local_aws.outside import Asked, Outside

CORRELATED = {"correlation_id": {"DataType": "String", "StringValue": "scenario"}}
POISON = {
    "not JSON": "ship it!",
    "no order_id": '{"address": "1 Main St"}',
    "wrong type": '{"order_id": 7, "address": "1 Main St"}',
    "1 MiB": "x" * 1_048_576,
}


class Carrier(Outside):
    """The outside service: slow, dedupes by `Idempotency-Key`, refuses orders named refuse-*, and can be down.

    `calls` counts the requests for each order, `shipments` holds what was really booked, `busiest` is the largest
    number of requests answered at one time.
    """

    def __init__(self, latency: float = 0.3) -> None:
        self.calls: Counter[str] = Counter()
        self.shipments: dict[str, str] = {}
        self.busiest = 0
        self.down = False
        self._latency = latency
        self._busy = 0
        self._lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, dict[str, str]]:
        order_id = asked.key
        with self._lock:
            self.calls[order_id] += 1
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
            down = self.down
        time.sleep(self._latency)
        with self._lock:
            self._busy -= 1
            if down:
                return 503, {}
            if order_id.startswith("refuse-"):
                return 422, {"reason": "no such address"}
            return 200, {"shipment": self.shipments.setdefault(order_id, f"s-{len(self.shipments) + 1}")}


def order(order_id: str) -> str:
    return json.dumps({"order_id": order_id, "address": "1 Main St"})


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    with Carrier() as carrier:
        stack = local.deploy(
            template, CarrierUrl=carrier.url, AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts"
        )
        sqs = local.client("sqs")
        orders, dlq = stack.outputs["OrdersUrl"], stack.outputs["OrdersDlqUrl"]

        def send(*bodies: str) -> None:
            for body in bodies:
                correlated = {} if body in POISON.values() else CORRELATED  # one is as long as a message may be
                sqs.send_message(QueueUrl=orders, MessageBody=body, MessageAttributes=correlated)

        def depth(queue: str) -> int:
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
            return sum(int(attributes[name]) for name in names)

        def drained() -> bool:
            return depth(orders) == 0

        say("30 orders, each sent twice")
        normal = [f"o-{n}" for n in range(30)]
        send(*(order(order_id) for order_id in normal for _ in range(2)))
        seen(drained)
        booked = [order_id for order_id in normal if order_id in carrier.shipments]
        yield Outcome("30 orders", f"{len(booked)} booked", "every order is booked", booked == normal)
        calls = sum(carrier.calls[order_id] for order_id in normal)
        yield Outcome("30 exact duplicates", f"{calls} calls for 30 orders", "a duplicate books nothing", calls == 30)
        yield Outcome(
            "all at once", f"{carrier.busiest} calls at a time", "never more than 5", 1 < carrier.busiest <= 5
        )

        say("four messages that no retry can mend, and an order that the carrier refuses, twice")
        send(*POISON.values(), order("refuse-1"), order("refuse-1"))
        seen(lambda: depth(dlq) == len(POISON) and drained())
        dead: set[str] = set()
        while found := sqs.receive_message(QueueUrl=dlq, MaxNumberOfMessages=10).get("Messages"):
            dead |= {message["Body"] for message in found}
        intact = [name for name, body in POISON.items() if body in dead]
        yield Outcome(
            ", ".join(POISON),
            f"{len(intact)} in the DLQ",
            "poison is set aside, body intact",
            len(intact) == len(POISON),
        )
        shipments = local.client("dynamodb").scan(TableName=stack.outputs["ShipmentsTable"])["Items"]
        refused = [item for item in shipments if "no such address" in str(item.get("data"))]
        yield Outcome(
            "an order the carrier refuses",
            f"{carrier.calls['refuse-1']} call, {len(refused)} record of it",
            "recorded, and not asked again",
            len(refused) == 1 and carrier.calls["refuse-1"] == 1,
        )

        say("the carrier is down")
        carrier.down = True
        unlucky = ["late-1", "late-2", "late-3"]
        send(*(order(order_id) for order_id in unlucky))
        seen(lambda: all(carrier.calls[order_id] for order_id in unlucky))
        carrier.down = False
        say("the carrier is back; the retries wait a random while")
        seen(drained)
        late = [order_id for order_id in unlucky if order_id in carrier.shipments]
        yield Outcome(
            "3 orders during an outage",
            f"{len(late)} booked after it, {depth(dlq)} more in the DLQ"
            if depth(dlq) - len(dead)
            else f"{len(late)} booked after it",
            "nothing is lost",
            late == unlucky and depth(dlq) == len(dead),
        )
