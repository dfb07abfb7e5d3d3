"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

from collections.abc import Callable
from typing import Any

import fan_out.scenario

from support.faults import Stage, Subject
from support.subjects import NOTHING, SHOP, messages, sample


def published(_: Stage) -> dict[str, Any]:
    return {"events": [fan_out.scenario.placed(f"e-{n}", 60_000) for n in range(12)]}


def records(table: str) -> Callable[[Stage], dict[str, str]]:
    return lambda stage: {"RECORDS_TABLE": stage.shop.stack.resources[table]}


SUBJECTS = [
    Subject("fan_out", "Publish", "publish.handler", published, lambda _: NOTHING, repeats=True, **SHOP),
    Subject("fan_out", "Ship", "app.shipping", sample, messages, variables=records("Shipments"), **SHOP),
    Subject("fan_out", "Invoice", "app.invoicing", sample, messages, variables=records("Invoices"), **SHOP),
    Subject("fan_out", "Count", "app.analytics", sample, messages, variables=records("Revenue"), **SHOP),
]
