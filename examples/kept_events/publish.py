"""Publishes the events of orders, those of one order one after the other: none goes ahead of one that was refused."""

import json
import os
import random
import time
from typing import Any, Literal

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pydantic import BaseModel, Field

BUS = os.environ["BUS_ARN"]
MAY_PASS = {"InternalException", "InternalFailure", "ThrottlingException"}
ENTRIES = 100  # of a request, at most

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
bus = boto3.client("eventbridgev2", config=aws)


class NotPublished(Exception): ...


class Happened(BaseModel):
    order_id: str = Field(min_length=1, max_length=64)
    number: int = Field(ge=1, lt=10**9, strict=True)  # counts the order's events, and is given where they are made
    kind: Literal["OrderPlaced", "OrderAmended", "OrderPaid"]
    cents: int = Field(ge=0, le=10**9, strict=True)


class Wanted(BaseModel):
    events: list[Happened]
    correlation_id: str = ""


def entry(event: Happened) -> Any:
    """The ids are the producer's own: within 5 minutes the bus knows a repeat, and later the consumer does."""
    metadata = {"version": 1, "number": event.number, "correlation_id": logger.get_correlation_id()}
    detail = {"metadata": metadata, "data": {"order_id": event.order_id, "cents": event.cents}}
    group = {"EventGroupId": event.order_id, "DeduplicationId": f"{event.order_id}-{event.number}"}
    return {"Source": "shop.orders", "DetailType": event.kind, "Detail": json.dumps(detail), "SystemMetadata": group}


def refused(events: list[Happened]) -> dict[str, str]:
    """The code of each order whose event is not on the bus; DEDUPLICATED is there already, and no error."""
    answers = bus.put_events(EventBusArn=BUS, Entries=[entry(event) for event in events])["Entries"]  # 200
    return {each.order_id: told["ErrorCode"] for each, told in zip(events, answers, strict=True) if "ErrorCode" in told}


def publish(events: list[Happened], attempts: int = 4) -> None:
    """In each request the next event of each order. An order whose event is refused for good goes no further."""
    waiting: dict[str, list[Happened]] = {}
    for event in sorted(events, key=lambda event: event.number):
        waiting.setdefault(event.order_id, []).append(event)
    hopeless, failures = [], 0
    while waiting and failures < attempts:
        now = [queue[0] for queue in waiting.values()][:ENTRIES]
        codes = refused(now)
        hopeless += [f"{order}: {code}" for order, code in codes.items() if code not in MAY_PASS]
        for event in now:
            if (code := codes.get(event.order_id)) is None:
                waiting[event.order_id].pop(0)
            if (code and code not in MAY_PASS) or not waiting[event.order_id]:
                del waiting[event.order_id]
        if set(codes.values()) & MAY_PASS:
            failures += 1
            time.sleep(random.uniform(0, 0.1 * 2**failures))
    if hopeless or waiting:
        raise NotPublished(f"{len(waiting)} orders after {attempts} attempts, for good: {hopeless}")


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> None:
    wanted = Wanted.model_validate(event)
    logger.set_correlation_id(wanted.correlation_id or context.aws_request_id)
    logger.info("publishing", events=len(wanted.events))
    publish(wanted.events)
