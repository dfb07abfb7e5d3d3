"""A failure in the middle of an account's entries: nothing of that account overtakes it, and no other account waits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.harness import beside, environment, graded, reported, text
from support.handlers import Context, sqs_event
from trials.local_aws import LocalAws

BATCH = [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("c", 1), ("b", 3)]


def fifo(entries: list[tuple[str, int]]) -> dict[str, Any]:
    event = sqs_event(*(json.dumps({"account": account, "number": number}) for account, number in entries))
    for position, ((account, number), record) in enumerate(zip(entries, event["Records"], strict=True)):
        record["messageId"] = f"{account}-{number}"
        record["eventSourceARN"] += ".fifo"
        record["attributes"] |= {
            "MessageGroupId": account,
            "MessageDeduplicationId": f"{account}-{number}",
            "SequenceNumber": f"{position:020}",
        }
    return event


class Ledger:
    """Books in memory; refuses what is in `refuses`."""

    def __init__(self, *refuses: str) -> None:
        self.refuses, self.booked = set(refuses), [""][:0]

    def book(self, account: str, number: int) -> None:
        if f"{account}-{number}" in self.refuses:
            raise ValueError("not now")
        self.booked.append(f"{account}-{number}")


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "app.py")

    def deliver(ledger: Ledger, entries: list[tuple[str, int]]) -> list[str]:
        with beside("ledger", book=ledger.book), environment(answer, aws, LEDGER_TABLE="ledger") as here:
            handler = here.load("app").handler
            try:
                return reported(handler(fifo(entries), Context()))
            except Exception:
                return [f"{account}-{number}" for account, number in entries]  # Lambda then retries all of them

    ledger = Ledger()
    if deliver(ledger, BATCH) or ledger.booked != [f"{account}-{number}" for account, number in BATCH]:
        yield f"books {ledger.booked}"
        return
    ledger = Ledger("a-2")
    again = deliver(ledger, BATCH)
    if "a-3" in ledger.booked:
        yield "an entry overtakes the one before it that failed"
    if not {"a-2", "a-3"} <= set(again):
        yield f"only {', '.join(again) or 'nothing'} comes again after a-2 failed"
    if waiting := [name for name in ("b-2", "b-3", "c-1") if name not in ledger.booked]:
        yield f"other accounts wait: {', '.join(waiting)}"
    if doubled := [name for name in again if name in ledger.booked]:
        yield f"comes again although booked: {', '.join(doubled)}"

    ledger.refuses.clear()
    deliver(ledger, [(name[0], int(name[2])) for name in again])
    own = [name for name in ledger.booked if name.startswith("a")]
    if list(dict.fromkeys(own)) != ["a-1", "a-2", "a-3"]:
        yield f"account a ends as {' '.join(own)}"
