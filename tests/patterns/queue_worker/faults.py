"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

from typing import Any

import queue_worker.scenario

from support.faults import Subject
from support.subjects import ALARMS, messages, sample


def with_carrier(stub: Any) -> dict[str, str]:
    return {"CarrierUrl": stub.url, **ALARMS}


CARRIER: Any = {"outside": lambda: queue_worker.scenario.Carrier(0), "parameters": with_carrier}

SUBJECTS = [
    Subject(
        "queue_worker", "ShipOrders", "app.handler", sample, messages, heard=lambda stub: stub.shipments, **CARRIER
    ),
]
