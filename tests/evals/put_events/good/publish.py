"""Publishes events; what the bus refuses is sent again, and what it never takes is an error."""

import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import boto3

BUS = os.environ["BUS_NAME"]
LARGEST = 1_000_000

client = boto3.client("events")


class NotPublished(Exception): ...


def requests(entries: list[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    total = 0
    for each in entries:
        size = sum(len(each[part].encode()) for part in ("Source", "DetailType", "Detail"))
        if batch and (len(batch) == 10 or total + size > LARGEST):
            yield batch
            batch, total = [], 0
        batch.append(each)
        total += size
    if batch:
        yield batch


def refused(batch: list[Any]) -> list[Any]:
    answers = client.put_events(Entries=batch)["Entries"]
    return [each for each, answer in zip(batch, answers, strict=True) if "ErrorCode" in answer]


def publish(events: list[dict]) -> None:
    """Raises NotPublished."""
    entries = [
        {"EventBusName": BUS, "Source": "shop.orders", "DetailType": e["type"], "Detail": json.dumps(e["data"])}
        for e in events
    ]
    for attempt in range(5):
        entries = [each for batch in list(requests(entries)) for each in refused(batch)]
        if not entries:
            return
        time.sleep(random.uniform(0, 0.1 * 2**attempt))
    raise NotPublished(f"{len(entries)} events")
