"""Where each order is, with what its next step needs: a state that moves on and never back.

PLACED → PAID → SHIPPED is the way. REJECTED: no such customer or article. IN_DOUBT: nobody knows yet whether the card
was charged. DECLINED: it was not. UNSHIPPABLE: no parcel, so that the charge goes back. REFUNDED: it did, UNREFUNDED:
the provider refused that.
"""

import os
from typing import Any

import boto3
from botocore.config import Config

COMES_AFTER = {
    "IN_DOUBT": ["PLACED"],
    "DECLINED": ["PLACED", "IN_DOUBT"],
    "PAID": ["PLACED", "IN_DOUBT"],
    "SHIPPED": ["PAID"],
    "UNSHIPPABLE": ["PAID"],
    "UNREFUNDED": ["UNSHIPPABLE"],
    "REFUNDED": ["UNSHIPPABLE", "UNREFUNDED"],
}

aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
table: Any = boto3.resource("dynamodb", config=aws).Table(os.environ["PROGRESS_TABLE"])
Refused = table.meta.client.exceptions.ConditionalCheckFailedException


class UnknownOrder(ValueError): ...


def begin(order: dict) -> dict:
    """The order as it was first followed: a repeat finds the price and the address of then."""
    try:
        table.put_item(
            Item=order,
            ConditionExpression="attribute_not_exists(order_id)",
        )
    except Refused:
        return read(order["order_id"])
    return order


def advance(order_id: str, state: str) -> dict:
    """The order, in this state unless it has gone further."""
    names = {f":s{at}": before for at, before in enumerate(COMES_AFTER[state])}
    try:
        return table.update_item(
            Key={"order_id": order_id},
            UpdateExpression="SET #state = :state",
            ConditionExpression=f"#state IN ({', '.join(names)})",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":state": state, **names},
            ReturnValues="ALL_NEW",
        )["Attributes"]
    except Refused:
        return read(order_id)


def read(order_id: str) -> dict:
    """Raises `UnknownOrder` when there is none."""
    order = table.get_item(Key={"order_id": order_id}, ConsistentRead=True).get("Item")
    if not order:
        raise UnknownOrder(order_id)
    return order
