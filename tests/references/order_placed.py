"""Reads every version of OrderPlaced as the newest: old events are never rewritten, so readers lift them."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

Data = dict[str, Any]
LIFTS: list[Callable[[Data], Data]] = [
    # 1 to 2: dollars as text became cents, and a currency came
    lambda data: {**data, "cents": round(float(data["total"]) * 100), "currency": "USD"},
]
NEWEST = len(LIFTS) + 1


class OrderPlaced(BaseModel):  # what it does not name is ignored, so a field may be added within a version
    order_id: str
    cents: int
    currency: str


def read(version: int, data: Data) -> OrderPlaced:
    if not 1 <= version <= NEWEST:
        raise ValueError(f"OrderPlaced version {version}: deploy readers before writers")
    for lift in LIFTS[version - 1 :]:
        data = lift(data)
    return OrderPlaced.model_validate(data)
