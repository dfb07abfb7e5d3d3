"""The pattern's truth table, asked of EventBridge's matcher."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.harness import graded, text
from trials.local_aws import ACCOUNT, REGION, LocalAws

BIG = {"total": 1500, "country": "DE"}
VIP = {"total": 5, "country": "DE", "customer": {"vip": True}}
TABLE: list[tuple[str, bool, dict[str, Any], str, str]] = [
    ("a big order from abroad", True, BIG, "shop.orders", "OrderPlaced"),
    ("exactly 1000", True, {**BIG, "total": 1000}, "shop.orders", "OrderPlaced"),
    ("999.99", False, {**BIG, "total": 999.99}, "shop.orders", "OrderPlaced"),
    ("a small order of a VIP", True, VIP, "shop.orders", "OrderPlaced"),
    ("a big order of a VIP", True, {**VIP, "total": 2000}, "shop.web", "OrderPlaced"),
    ("a small order of somebody else", False, {**VIP, "customer": {"vip": False}}, "shop.orders", "OrderPlaced"),
    ("a big order from the US", False, {**BIG, "country": "US"}, "shop.orders", "OrderPlaced"),
    ("a VIP's order from the US", False, {**VIP, "country": "US"}, "shop.orders", "OrderPlaced"),
    ("an order without a country", False, {"total": 1500}, "shop.orders", "OrderPlaced"),
    ("a test order", False, {**BIG, "test": True}, "shop.orders", "OrderPlaced"),
    ("an order that says it is no test", True, {**BIG, "test": False}, "shop.orders", "OrderPlaced"),
    ("a canceled order", False, BIG, "shop.orders", "OrderCanceled"),
    ("an order of the workshop", False, BIG, "workshop.orders", "OrderPlaced"),
    ("an order of the shop's web", True, BIG, "shop.web", "OrderPlaced"),
]


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    pattern = text(answer, "pattern.json")
    json.loads(pattern)
    for name, wanted, detail, source, kind in TABLE:
        event = {
            "id": "1",
            "account": ACCOUNT,
            "region": REGION,
            "time": "2026-11-23T09:00:00Z",
            "resources": [],
            "source": source,
            "detail-type": kind,
            "detail": detail,
        }
        answered = aws.client("events").test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]
        if answered != wanted:
            yield f"{name} {'matches' if answered else 'does not match'}"
