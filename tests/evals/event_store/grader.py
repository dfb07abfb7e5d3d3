"""Writers that race or have seen too little or too much, and streams longer than a page: every event is kept."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from evals.harness import environment, graded, intercepted, table, text
from trials.local_aws import LocalAws

WRITERS = 8
READS = ("GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems")
WRITES = ("PutItem", "UpdateItem", "BatchWriteItem", "TransactWriteItems")


def numbered(*numbers: int) -> list[dict[str, Any]]:
    return [{"type": "CreditGranted", "number": number} for number in numbers]


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "store.py")
    with environment(answer, aws, EVENTS_TABLE=table(aws, card="S", version="N")) as here:
        store = here.load("store")

        def tried(card: str, expected: int, *numbers: int) -> bool:
            """Whether the events were taken; anything but Conflict is the answer's own fault."""
            try:
                store.append(card, expected, numbered(*numbers))
            except store.Conflict:
                return False
            return True

        if store.append("a", 0, numbered(1, 2)) != 2 or store.append("a", 2, numbered(3)) != 3:
            yield "append does not return the new version"
        if store.read("a") != numbered(1, 2, 3) or store.read("nobody") != []:
            yield f"reads {store.read('a')} and {store.read('nobody')}"
        if tried("a", 2, 9) or store.read("a") != numbered(1, 2, 3):
            yield "a writer that has seen too little is not refused"
        if tried("a", 5, 9) or store.read("a") != numbered(1, 2, 3):
            yield "a writer that expects too much leaves a gap"

        together = threading.Barrier(WRITERS)

        def meet(operation: str, _: dict[str, Any], really: Callable[[], Any]) -> Any:
            """All writers have looked, if they look, before any of them writes."""
            if operation in WRITES and not getattr(met, "done", False):
                met.done = True
                together.wait(timeout=5)
            return really()

        met = threading.local()
        with intercepted(meet), ThreadPoolExecutor(WRITERS) as pool:
            took = list(pool.map(lambda number: tried("race", 0, number, number + 100), range(WRITERS)))
        if sum(took) != 1 or len(store.read("race")) != 2:
            yield f"{sum(took)} of {WRITERS} writers that saw the same version were taken"

        def crash(operation: str, _: dict[str, Any], really: Callable[[], Any]) -> Any:
            """The second write of a crowd never happens."""
            if operation in WRITES:
                writes.append(operation)
                if len(writes) == 2:
                    raise ConnectionError("gone")
            return really()

        writes: list[str] = []
        try:
            with intercepted(crash):
                store.append("half", 0, numbered(1, 2, 3))
        except ConnectionError:
            if store.read("half"):
                yield "a crash leaves half of what was appended together"

        big = [{"type": "NoteTaken", "number": number, "text": "x" * 200_000} for number in range(8)]
        for number, event in enumerate(big):
            store.append("big", number, [event])
        seen: list[bool] = []

        def look(operation: str, parameters: dict[str, Any], really: Callable[[], Any]) -> Any:
            if operation in READS:
                seen.append(bool(parameters.get("ConsistentRead")))
            return really()

        with intercepted(look):
            length = len(store.read("big"))
        if length != len(big):
            yield f"reads {length} of {len(big)} events of a stream longer than a page"
        if not all(seen):
            yield "reads what may be stale"
