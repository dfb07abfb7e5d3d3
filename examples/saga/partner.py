"""Asks a partner once for each order, to charge it or to ship it, and takes that back."""

import os
from typing import Any

import boto3
import urllib3
from botocore.config import Config

PARTNER = os.environ["PARTNER_URL"]

aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
steps: Any = boto3.resource("dynamodb", config=aws).Table(os.environ["STEPS_TABLE"])
http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=6), retries=False)


class CardDeclined(Exception): ...


class AddressRejected(Exception): ...


def ask(method: str, order_id: str, refusal: type[Exception] = ConnectionError, **body: Any) -> None:
    """The URL ends with the order's id: the partner knows a repetition, and a PUT that its DELETE has overtaken."""
    reply = http.request(method, f"{PARTNER}/{order_id}", json=body or None)
    if reply.status >= 300 and (method, reply.status) != ("DELETE", 404):
        raise (refusal if reply.status in (400, 402, 409, 422) else ConnectionError)(f"{method} said {reply.status}")


def begin(step: str, order_id: str) -> None:
    """Leave a trace before the call whose answer may be lost; fail if an undo came first."""
    trace = {"id": f"{step}#{order_id}", "begun": True}
    steps.put_item(Item=trace, ConditionExpression="attribute_not_exists(undone)")


def undo(step: str, order_id: str) -> None:
    """Forbid the step, even one that is still on its way, then take back what may have happened."""
    mark = {"UpdateExpression": "SET undone = :yes", "ExpressionAttributeValues": {":yes": True}}
    known = steps.update_item(Key={"id": f"{step}#{order_id}"}, ReturnValues="ALL_NEW", **mark)["Attributes"]
    if "begun" in known:
        ask("DELETE", order_id)


def charge(event: dict, _: Any) -> None:
    begin("charge", event["order_id"])
    ask("PUT", event["order_id"], CardDeclined, cents=event["cents"], card=event["card"])


def refund(event: dict, _: Any) -> None:
    undo("charge", event["order_id"])


def book(event: dict, _: Any) -> None:
    begin("shipment", event["order_id"])
    ask("PUT", event["order_id"], AddressRejected, address=event["address"])


def cancel(event: dict, _: Any) -> None:
    undo("shipment", event["order_id"])
