"""Ships, invoices and counts each OrderPlaced once; no subscriber waits for another."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pydantic import AwareDatetime, BaseModel, Field

TABLE = os.environ["RECORDS_TABLE"]  # each subscriber has its own

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})
dynamodb = boto3.resource("dynamodb", config=aws).meta.client
worker = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
NEW, ADD = "attribute_not_exists(id)", "ADD orders :one, cents :cents"


class Order(BaseModel):
    order_id: str = Field(min_length=1, max_length=64)
    address: str = Field(min_length=1)
    total_cents: int = Field(strict=True, gt=0, le=10**9)  # what a filter can read: a number, not text, up to here


class OrderPlaced(BaseModel):
    id: str = Field(min_length=1, max_length=80)
    placed_at: AwareDatetime
    order: Order


def keep(record: dict) -> None:
    with suppress(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(TableName=TABLE, Item=record, ConditionExpression=NEW)


def ship(placed: OrderPlaced) -> None:
    keep({"id": placed.id, "order_id": placed.order.order_id, "address": placed.order.address})


def invoice(placed: OrderPlaced) -> None:
    keep({"id": placed.id, "order_id": placed.order.order_id, "cents": placed.order.total_cents})


def count(placed: OrderPlaced) -> None:
    """An increment cannot tell a repeat, so the sums and the event's mark are one transaction."""
    mark = {"id": f"event#{placed.id}", "expires": int(time.time()) + 90 * 86_400}
    put: Any = {"TableName": TABLE, "Item": mark, "ConditionExpression": NEW}
    day = {"id": f"day#{placed.placed_at.astimezone(UTC):%Y-%m-%d}"}
    values = {":one": 1, ":cents": placed.order.total_cents}
    add: Any = {"TableName": TABLE, "Key": day, "UpdateExpression": ADD, "ExpressionAttributeValues": values}
    try:
        dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"Update": add}])
    except dynamodb.exceptions.TransactionCanceledException as error:
        if error.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
            raise  # it met another order of that day: no duplicate


def subscriber(act: Callable[[OrderPlaced], None]) -> Callable[[dict, LambdaContext], dict]:
    def take(record: SQSRecord) -> None:
        sent = record.message_attributes["correlation_id"]  # None without one
        logger.set_correlation_id(sent.string_value if sent else record.message_id)
        logger.info("taken", message_id=record.message_id)
        try:
            act(OrderPlaced.model_validate_json(record.body))
        except Exception:
            logger.warning("comes back", exc_info=True, message_id=record.message_id)
            raise

    @logger.inject_lambda_context
    def handler(event: dict, context: LambdaContext) -> dict:
        return dict(process_partial_response(event=event, record_handler=take, processor=worker, context=context))

    return handler


shipping, invoicing, analytics = subscriber(ship), subscriber(invoice), subscriber(count)
