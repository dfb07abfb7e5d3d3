"""Keeps where each order stands, by its events in their order; what is missing is named, for the bus keeps it."""

import json
import os
from typing import Any, Literal

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pydantic import AliasPath, BaseModel, Field, ValidationError

ORDERS, MISSED = os.environ["ORDERS_TABLE"], os.environ["MISSED_URL"]

logger, metrics = Logger(), Metrics(namespace="Shop")
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
orders = boto3.resource("dynamodb", config=aws).Table(ORDERS)
sqs = boto3.client("sqs", config=aws)


class OrderEvent(BaseModel):
    kind: Literal["OrderPlaced", "OrderAmended", "OrderPaid"] = Field(validation_alias=AliasPath("Data", "detail-type"))
    version: int = Field(ge=1, le=1, strict=True, validation_alias=AliasPath("Data", "detail", "metadata", "version"))
    # the producer's: one more than that of the order's event before it
    number: int = Field(
        ge=1, lt=10**15, strict=True, validation_alias=AliasPath("Data", "detail", "metadata", "number")
    )
    order_id: str = Field(min_length=1, max_length=64, validation_alias=AliasPath("Data", "detail", "data", "order_id"))
    cents: int = Field(ge=0, le=10**9, strict=True, validation_alias=AliasPath("Data", "detail", "data", "cents"))
    correlation_id: str = Field("", validation_alias=AliasPath("Data", "detail", "metadata", "correlation_id"))
    delivery: Literal["LIVE", "REPLAY"] = Field(validation_alias=AliasPath("SystemMetadata", "aws:DeliveryType"))


def count(name: str) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


def save(event: OrderEvent, before: dict[str, Any], **changed: Any) -> None:
    """Only over the item that was read: a reader of old events may be at work on the order at the same time."""
    after = {"order_id": event.order_id, "number": 0, "awaited": 0, **before, **changed}
    put: Any = {"Item": after | {"version": before.get("version", 0) + 1}}
    if before:
        put |= {"ConditionExpression": "version = :read", "ExpressionAttributeValues": {":read": before["version"]}}
    else:
        put |= {"ConditionExpression": "attribute_not_exists(order_id)"}
    orders.put_item(**put)


def apply(event: OrderEvent) -> None:
    """Once, and only after all before it. After a gap the order is marked, and the event is to be read again."""
    before: Any = orders.get_item(Key={"order_id": event.order_id}, ConsistentRead=True).get("Item", {})
    done = before.get("number", 0)
    if event.number == done + 1:
        save(event, before, number=event.number, status=event.kind, cents=event.cents)
    elif event.number > done:
        save(event, before, awaited=max(event.number, before.get("awaited", 0)))
        logger.error("missing", order_id=event.order_id, number=int(done) + 1)
        count("EventMissing")


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> None:
    """Returns once the event is applied, known or set aside. What it raises holds up all orders, until it passes."""
    logger.set_correlation_id(context.aws_request_id)
    try:
        told = OrderEvent.model_validate(event)
    except ValidationError:
        logger.warning("set aside", exc_info=True)
        sqs.send_message(QueueUrl=MISSED, MessageBody=json.dumps(event))
        return
    logger.set_correlation_id(told.correlation_id or context.aws_request_id)
    logger.info("taken", order_id=told.order_id, number=told.number, delivery=told.delivery)
    apply(told)
