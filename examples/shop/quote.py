"""What an order costs and where its parcel goes, as of now: read consistently, for who is unknown is rejected."""

import os
from typing import Any

import boto3
import progress

dynamodb = boto3.resource("dynamodb", config=progress.aws)
customers: Any = dynamodb.Table(os.environ["CUSTOMERS_TABLE"])
prices: Any = dynamodb.Table(os.environ["PRICES_TABLE"])


def quote(placed: dict) -> dict:
    """The order with its price and its customer's data, or rejected when there is no such customer or article."""
    order = {name: placed[name] for name in ("order_id", "customer", "sku", "quantity", "correlation_id")}
    buyer = customers.get_item(Key={"customer": order["customer"]}, ConsistentRead=True).get("Item")
    price = prices.get_item(Key={"sku": order["sku"]}, ConsistentRead=True).get("Item")
    if not buyer or not price:
        return {**(buyer or {}), **order, "state": "REJECTED"}
    return {**buyer, **order, "cents": price["cents"] * order["quantity"], "state": "PLACED"}
