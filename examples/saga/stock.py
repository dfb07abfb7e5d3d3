"""Holds an order's pieces once, and gives them back once."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from pydantic import BaseModel, Field, PositiveInt

STEPS, STOCK = os.environ["STEPS_TABLE"], os.environ["STOCK_TABLE"]
NEW = {"ConditionExpression": "attribute_not_exists(id)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
HELD = {"UpdateExpression": "REMOVE quantity", "ConditionExpression": "attribute_exists(quantity)"}
MOVE = {"UpdateExpression": "ADD available :n", "ConditionExpression": "available >= :least"}

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
db: Any = boto3.resource("dynamodb", config=aws).meta.client


class Order(BaseModel):
    """What all steps need: the first refuses a malformed order, so that no later one has to."""

    order_id: str
    sku: str = Field(min_length=1)
    quantity: PositiveInt
    cents: PositiveInt
    card: str
    address: str


class OutOfStock(Exception): ...


def shelf(sku: str, n: int) -> dict:
    values = {":n": n, ":least": -n}
    return {"Update": {"TableName": STOCK, "Key": {"sku": sku}, "ExpressionAttributeValues": values, **MOVE}}


@logger.inject_lambda_context(correlation_id_path="order_id")
def reserve(event: dict, _: Any) -> None:
    logger.info("reserving")
    order = Order.model_validate(event)
    hold = {"id": f"stock#{order.order_id}", "sku": order.sku, "quantity": order.quantity}
    put = {"Put": {"TableName": STEPS, "Item": hold, **NEW}}
    try:
        db.transact_write_items(TransactItems=[put, shelf(order.sku, -order.quantity)])
    except db.exceptions.TransactionCanceledException as error:
        mine, pieces = error.response["CancellationReasons"]
        if mine["Code"] == "None" and pieces["Code"] == "ConditionalCheckFailed":
            raise OutOfStock(order.sku) from error
        if "quantity" not in mine.get("Item", {}):  # else an earlier attempt holds them, maybe the last ones
            raise  # undone before, or another order wrote at this very moment


@logger.inject_lambda_context(correlation_id_path="order_id")
def release(event: dict, _: Any) -> None:
    """The mark comes first: it stops a reservation that is still on its way."""
    logger.info("releasing")
    step = {"TableName": STEPS, "Key": {"id": f"stock#{event['order_id']}"}}
    mark = {"UpdateExpression": "SET undone = :yes", "ExpressionAttributeValues": {":yes": True}}
    hold = db.update_item(**step, **mark, ReturnValues="ALL_NEW")["Attributes"]
    if "quantity" in hold:
        forget = {"Update": {**step, **HELD}}
        db.transact_write_items(TransactItems=[forget, shelf(hold["sku"], hold["quantity"])])
