"""Asks a partner once for each order, to charge it or to ship it, and takes the charge back."""

import os
from typing import Any

import boto3
import urllib3
from aws_lambda_powertools import Logger
from botocore.config import Config

PARTNER = os.environ["PARTNER_URL"]

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
steps: Any = boto3.resource("dynamodb", config=aws).Table(os.environ["STEPS_TABLE"])
http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=6), retries=False)


class CardDeclined(Exception): ...


class AddressRejected(Exception): ...


def ask(method: str, path: str, refusal: type[Exception] = ConnectionError, **body: Any) -> Any:
    """The path is the order's id: the partner knows a repetition, and a PUT that its DELETE has overtaken."""
    reply = http.request(method, f"{PARTNER}/{path}", json=body or None)
    if reply.status >= 300 and (method, reply.status) != ("DELETE", 404):
        raise (refusal if reply.status in (400, 402, 409, 422) else ConnectionError)(f"{method} said {reply.status}")
    return reply.json()


@logger.inject_lambda_context(correlation_id_path="order_id")
def charge(event: dict, _: Any) -> dict:
    """Leave a trace before the call whose answer may be lost; fail if an undo came first."""
    logger.info("charging")
    trace = {"id": f"charge#{event['order_id']}", "begun": True}
    steps.put_item(Item=trace, ConditionExpression="attribute_not_exists(undone)")
    paid = ask("PUT", event["order_id"], CardDeclined, cents=event["cents"], card=event["card"])
    return {"charge_id": paid.get("id", "")}


@logger.inject_lambda_context(correlation_id_path="order_id")
def refund(event: dict, _: Any) -> None:
    """Forbid the charge, even one that is still on its way, then take back what may have happened."""
    logger.info("refunding")
    mark = {"UpdateExpression": "SET undone = :yes", "ExpressionAttributeValues": {":yes": True}}
    known = steps.update_item(Key={"id": f"charge#{event['order_id']}"}, ReturnValues="ALL_NEW", **mark)["Attributes"]
    if "begun" in known:  # the partner's id of a charge is unknown if its answer was lost: the order's id has to do
        ask("DELETE", f"{event['order_id']}?charge_id={event['charge_id']}")


@logger.inject_lambda_context(correlation_id_path="order_id")
def book(event: dict, _: Any) -> None:
    logger.info("booking")
    ask("PUT", event["order_id"], AddressRejected, address=event["address"])
