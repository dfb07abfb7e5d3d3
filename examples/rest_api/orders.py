"""The orders of each customer: every key starts with the customer, so nobody can name another's."""

import hashlib
import os
from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

import boto3
from botocore.config import Config
from pydantic import BaseModel, BeforeValidator, Field

TABLE = os.environ["ORDERS_TABLE"]

aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
dynamodb = boto3.client("dynamodb", config=aws)


def whole(value: object) -> object:
    """In JSON 2.0 is an integer, too; "2" is none."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class NewOrder(BaseModel, extra="forbid"):
    sku: str = Field(min_length=1, max_length=64)
    quantity: Annotated[int, BeforeValidator(whole)] = Field(ge=1, le=100, strict=True)


class Order(NewOrder):
    order_id: UUID


class Page(BaseModel):
    orders: list[Order]
    after: UUID | None = None


class KeyReused(Exception): ...


def stored(item: dict) -> Order:
    return Order(sku=item["sku"]["S"], quantity=int(item["quantity"]["N"]), order_id=UUID(item["order_id"]["S"]))


def place(customer: str, key: str, order: NewOrder, correlation_id: str) -> Order:
    """The id follows from customer and key, so a retry finds its own order; another order under the key is refused."""
    order_id = str(uuid5(NAMESPACE_URL, f"{len(customer)}:{customer}:{key}"))
    request = hashlib.sha256(order.model_dump_json().encode()).hexdigest()
    texts = {"customer": customer, "order_id": order_id, "sku": order.sku, "request": request}
    texts["correlation_id"] = correlation_id  # of the attempt that placed it; the table's stream brings it to the next
    item = {**{name: {"S": value} for name, value in texts.items()}, "quantity": {"N": str(order.quantity)}}
    try:
        dynamodb.put_item(
            TableName=TABLE,
            Item=item,
            ConditionExpression="attribute_not_exists(order_id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        found: Any = error.response
        if found["Item"]["request"]["S"] != request:
            raise KeyReused from error
    return stored(item)


def find(customer: str, order_id: UUID) -> Order | None:
    key = {"customer": {"S": customer}, "order_id": {"S": str(order_id)}}
    item = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item")
    return stored(item) if item else None


def page(customer: str, limit: int, after: UUID | None) -> Page:
    query: dict[str, Any] = {
        "KeyConditionExpression": "customer = :customer",
        "ExpressionAttributeValues": {":customer": {"S": customer}},
    }
    if after:
        query["ExclusiveStartKey"] = {"customer": {"S": customer}, "order_id": {"S": str(after)}}
    found = dynamodb.query(TableName=TABLE, Limit=limit, **query)
    last = found.get("LastEvaluatedKey")
    return Page(orders=[stored(item) for item in found["Items"]], after=UUID(last["order_id"]["S"]) if last else None)
