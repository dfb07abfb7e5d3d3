"""Duplicates of every kind, a poison message, a provider that is down or whose answer is lost: one charge each."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import time_machine

from evals.harness import environment, graded, reported, table, text
from support.handlers import Context, sqs_event
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside


class Payments(Outside):
    """Charges, and knows an `Idempotency-Key` again until it forgets."""

    def __init__(self) -> None:
        self.charges: Counter[str] = Counter()
        self.known: set[str] = set()
        self.down = self.cut = False
        self.lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        with self.lock:
            if self.down:
                return 503, {}
            if not asked.key or asked.key not in self.known:
                self.charges[asked.body["order_id"]] += 1
            self.known.add(asked.key)
            return None if self.cut else (200, {"charged": True})


def order(name: str) -> str:
    return json.dumps({"order_id": name, "cents": 1200})


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "app.py")
    charges = table(aws, id="S")
    with Payments() as payments, environment(answer, aws, PAYMENTS_URL=payments.url, CHARGES_TABLE=charges) as here:
        payments_of, app = payments.charges, here.load("app")

        def deliver(*bodies: str, first: int = 0) -> list[str]:
            batch = sqs_event(*bodies)
            for number, record in enumerate(batch["Records"], first):
                record["messageId"] = f"m-{number}"
            return reported(app.handler(batch, Context()))

        if deliver(order("o-1"), order("o-2")) or payments_of != {"o-1": 1, "o-2": 1}:
            yield f"two orders are charged {dict(payments_of)}"
            return
        deliver(order("o-1"), first=0)
        if payments_of["o-1"] > 1:
            yield f"charged {payments_of['o-1']} times when the queue delivered it twice"
        deliver(order("twice"), first=10)
        payments.known.clear()
        with time_machine.travel(time.time() + 7 * 86_400):
            deliver(order("twice"), first=11)
            deliver(order("o-2"), first=1)
        if payments_of["twice"] > 1:
            yield f"charged {payments_of['twice']} times when the producer sent it again"
        if payments_of["o-2"] > 1:
            yield f"charged {payments_of['o-2']} times when it was redriven after a week"

        good = [order(f"p-{n}") for n in range(9)]
        try:
            failures = deliver(*good[:4], "not JSON", *good[4:], first=20)
        except Exception:
            failures = ["everything"]
        if failures != ["m-24"] or sum(payments_of[f"p-{n}"] for n in range(9)) != 9:
            yield f"a bad message is not reported alone: {failures}"
            return

        payments.down = True
        if deliver(order("down"), first=40) != ["m-40"]:
            yield "not reported while the provider was down"
        payments.down = False
        deliver(order("down"), first=40)
        if not payments_of["down"]:
            yield "never charged although the provider came back"

        payments.cut = True
        if deliver(order("cut"), first=50) != ["m-50"]:
            yield "not reported although the provider's answer was lost"
        payments.cut = False
        with time_machine.travel(time.time() + 120):
            deliver(order("cut"), first=50)
        if payments_of["cut"] != 1:
            yield f"charged {payments_of['cut']} times when the provider's answer was lost"
