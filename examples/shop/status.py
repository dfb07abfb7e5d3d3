"""Tells a customer where an order is."""

import json

import progress
from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

SAYS = {
    "PLACED": "we are charging your card",
    "REJECTED": "we cannot sell you this; nothing was charged",
    "IN_DOUBT": "your payment is being checked",
    "DECLINED": "your card was declined",
    "PAID": "paid; we are booking your parcel",
    "SHIPPED": "on its way",
    "UNSHIPPABLE": "we cannot ship it; your money is on its way back",
    "UNREFUNDED": "we cannot ship it; we will call you about your money",
    "REFUNDED": "we could not ship it; you have your money back",
}

logger = Logger()


def answer(status: int, **body: str) -> dict:
    kind = "application/json" if status == 200 else "application/problem+json"
    return {"statusCode": status, "headers": {"content-type": kind}, "body": json.dumps(body)}


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
def handler(event: dict, context: LambdaContext) -> dict:
    """Of an order that was placed a moment ago, the stream has not told yet."""
    customer = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
    order_id = event["pathParameters"]["order_id"]
    logger.info("asked", order_id=order_id)
    try:
        order = progress.read(order_id)
    except progress.UnknownOrder:
        order = {}
    if order.get("customer") != customer:
        return answer(404, title="Not Found", detail="no such order of yours, or placed a moment ago")
    return answer(200, order_id=order_id, state=order["state"], says=SAYS[order["state"]])
