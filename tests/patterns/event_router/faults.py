"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

from typing import Any

from support.faults import Stage, Subject
from support.subjects import NOTHING, SHOP, sample


def placed(_: Stage) -> dict[str, Any]:
    return {
        "correlation_id": "c-1",
        "orders": [{"order_id": f"o-{n}", "country": "US", "total": 2000} for n in range(12)],
    }


SUBJECTS = [
    Subject("event_router", "Publish", "publish.handler", placed, lambda _: NOTHING, repeats=True, **SHOP),
    Subject("event_router", "Ship", "ship.handler", sample, lambda _: NOTHING, **SHOP),
]
