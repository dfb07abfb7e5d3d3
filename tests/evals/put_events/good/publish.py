"""Publishes events; what the bus may yet take is sent again, and what it never will is an error."""

import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import boto3

BUS = os.environ["BUS_NAME"]
LARGEST = 1_000_000
MAY_PASS = {"InternalFailure", "ThrottlingException"}  # any other code comes again with the entry

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


def refused(batch: list[Any]) -> list[tuple[Any, str]]:
    answers = client.put_events(Entries=batch)["Entries"]
    return [(each, answer["ErrorCode"]) for each, answer in zip(batch, answers, strict=True) if "ErrorCode" in answer]


def publish(events: list[dict]) -> None:
    """Raises NotPublished."""
    entries = [
        {"EventBusName": BUS, "Source": "shop.orders", "DetailType": e["type"], "Detail": json.dumps(e["data"])}
        for e in events
    ]
    hopeless = 0
    for attempt in range(5):
        failures = [failure for batch in list(requests(entries)) for failure in refused(batch)]
        hopeless += sum(code not in MAY_PASS for _, code in failures)
        entries = [each for each, code in failures if code in MAY_PASS]
        if not entries:
            break
        time.sleep(random.uniform(0, 0.1 * 2**attempt))
    if hopeless or entries:
        raise NotPublished(f"{len(entries) + hopeless} events")
