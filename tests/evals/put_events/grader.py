"""A bus that refuses single entries with HTTP 200: each event is there once, or the publisher raises."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evals.harness import TooLong, environment, graded, intercepted, text
from trials.local_aws import LocalAws

MOST = 60  # requests, after which nobody would still be trying


class Bus:
    """Answers PutEvents; `refusals` says how often it refuses an order, and with which code."""

    def __init__(self, refusals: dict[str, int], code: str = "ThrottlingException") -> None:
        self.refusals, self.code = Counter(refusals), code
        self.taken: Counter[str] = Counter()
        self.requests: list[list[dict[str, Any]]] = []

    def __call__(self, operation: str, parameters: dict[str, Any], _: Callable[[], Any]) -> Any:
        if operation != "PutEvents":
            raise AssertionError(f"calls {operation}")
        if len(self.requests) == MOST:
            raise TooLong(f"more than {MOST} requests")
        self.requests.append(parameters["Entries"])
        answers = []
        for entry in parameters["Entries"]:
            order = json.loads(entry["Detail"])["order_id"]
            if self.refusals[order] > 0:
                self.refusals[order] -= 1
                answers.append({"ErrorCode": self.code, "ErrorMessage": "not taken"})
            else:
                self.taken[order] += 1
                answers.append({"EventId": f"id-{order}"})
        return {"FailedEntryCount": sum("ErrorCode" in each for each in answers), "Entries": answers}


def size(entries: list[dict[str, Any]]) -> int:
    return sum(len((each["Source"] + each["DetailType"] + each["Detail"]).encode()) for each in entries)


def placed(number: int, note: str = "") -> dict[str, Any]:
    return {"type": "OrderPlaced", "data": {"order_id": f"o-{number}", "note": note}}


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "publish.py")
    with environment(answer, aws, BUS_NAME="shop-events") as here:
        publish = here.load("publish").publish
        bus = Bus({"o-3": 2, "o-11": 1})
        with intercepted(bus):
            publish([placed(number) for number in range(12)])
        if lost := [f"o-{n}" for n in range(12) if not bus.taken[f"o-{n}"]]:
            yield f"refused and lost: {', '.join(lost)}"
        if doubled := [order for order, count in bus.taken.items() if count > 1]:
            yield f"sent again although taken: {len(doubled)} events"
        if longest := [len(each) for each in bus.requests if len(each) > 10]:
            yield f"{longest[0]} entries in one request"
        entry = bus.requests[0][0]
        found = (entry.get("EventBusName"), entry["Source"], entry["DetailType"])
        if found != ("shop-events", "shop.orders", "OrderPlaced"):
            yield f"bus, source and type are {found}"
        if not lost and not here.waits:
            yield "sends again without a pause"

        heavy = Bus({})
        with intercepted(heavy):
            publish([placed(number, "x" * 300_000) for number in range(6)])
        if too_big := [size(each) for each in heavy.requests if size(each) > 1_048_576]:
            yield f"{too_big[0]} bytes in one request"

        hopeless = Bus({"o-1": 10**6}, "NotAuthorizedForSourceException")
        try:
            with intercepted(hopeless):
                publish([placed(0), placed(1), placed(2)])
            yield "an event that the bus may not take raises nothing"
        except TooLong:
            pass
        except Exception:
            if len(hopeless.requests) > 1:
                yield f"asks {len(hopeless.requests)} times for what is not authorized"

        never = Bus({"o-1": 10**6})
        try:
            with intercepted(never):
                publish([placed(0), placed(1), placed(2)])
            yield "an event that the bus never took raises nothing"
        except TooLong as error:
            yield f"never gives up: {error}"
        except Exception:
            return
