"""Publishes to the bus: what it may yet take is sent again, and what it never will is an error."""

import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

BUS = os.environ["BUS_NAME"]
MAY_PASS = {"InternalFailure", "ThrottlingException"}
LARGEST = 1_000_000  # bytes of one request's entries, of which there may be ten

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
events = boto3.client("events", config=aws)


class NotPublished(Exception): ...


def entry(kind: str, event_id: str, data: dict) -> Any:
    """The id is the producer's own and the same on every attempt; the bus gives each attempt another `id`."""
    metadata = {"event_id": event_id, "version": 1, "correlation_id": logger.get_correlation_id()}
    detail = {"metadata": metadata, "data": data}
    return {"EventBusName": BUS, "Source": "shop.orders", "DetailType": kind, "Detail": json.dumps(detail)}


def requests(entries: list[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    total = 0
    for each in entries:
        size = sum(len(each[part].encode()) for part in ("Source", "DetailType", "Detail"))
        if size >= LARGEST:
            raise NotPublished(f"{size} bytes in one event: send a pointer to S3 instead")
        if len(batch) == 10 or total + size >= LARGEST:
            yield batch
            batch, total = [], 0
        batch.append(each)
        total += size
    if batch:
        yield batch


def refused(batch: list[Any]) -> list[tuple[Any, str]]:
    answers = events.put_events(Entries=batch)["Entries"]  # 200, although single entries may have failed
    return [(each, answer["ErrorCode"]) for each, answer in zip(batch, answers, strict=True) if "ErrorCode" in answer]


def publish(entries: list[Any], attempts: int = 4) -> None:
    """What has any other code would be refused again: an error at once, although the others are published."""
    hopeless: list[str] = []
    for attempt in range(attempts):
        failures = [failure for batch in list(requests(entries)) for failure in refused(batch)]
        hopeless += [f"{code}: {each['Detail'][:80]}" for each, code in failures if code not in MAY_PASS]
        entries = [each for each, code in failures if code in MAY_PASS]
        if not entries or attempt == attempts - 1:
            break
        time.sleep(random.uniform(0, 0.1 * 2**attempt))
    if hopeless or entries:
        raise NotPublished(f"{len(entries)} events after {attempts} attempts, {len(hopeless)} at once: {hopeless}")


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> None:
    logger.set_correlation_id(event.get("correlation_id", context.aws_request_id))
    logger.info("publishing", events=len(event["orders"]))
    publish([entry("OrderPlaced", f"placed-{order['order_id']}", order) for order in event["orders"]])
