"""Follows each order through the services' tables, and sends the command that comes next: charge, ship, refund."""

import json
import os
from typing import Any

import boto3
import progress
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.types import TypeDeserializer
from quote import quote

PAYMENTS, SHIPPING, REFUNDS = os.environ["PAYMENTS_URL"], os.environ["SHIPPING_URL"], os.environ["REFUNDS_URL"]
LEFT_BEHIND = os.environ["LEFT_BEHIND_URL"]
REFUND = "refund-"

logger, metrics = Logger(), Metrics(namespace="Shop")
sqs = boto3.client("sqs", config=progress.aws)
plain = TypeDeserializer()


def command(queue: str, order: dict, **body: Any) -> None:
    correlated: Any = {"correlation_id": {"DataType": "String", "StringValue": order["correlation_id"]}}
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body), MessageAttributes=correlated)


def now_in(state: str, order: dict) -> bool:
    """Whether it is in this state, by this delivery or an earlier one, which may have died before its command."""
    logger.set_correlation_id(order["correlation_id"])
    logger.info("moved", order_id=order["order_id"], state=order["state"])
    if order["state"] == state and state in ("REJECTED", "UNREFUNDED"):
        metrics.add_metric(name="OrderNeedsHelp", unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
    return order["state"] == state


def placed(item: dict) -> None:
    order = progress.begin(quote(item))
    if now_in("PLACED", order):
        command(PAYMENTS, order, payment_id=order["order_id"], card=order["card"], cents=int(order["cents"]))
    else:
        now_in("REJECTED", order)


def settled(item: dict) -> None:
    """A payment or a refund came to an end; of a refund that is in doubt, the alarm of its ledger tells."""
    payment_id, state = item["payment_id"], item["state"]
    order_id, refund = payment_id.removeprefix(REFUND), payment_id.startswith(REFUND)
    if refund and state != "UNKNOWN":
        ended = "REFUNDED" if state == "DONE" else "UNREFUNDED"
        now_in(ended, progress.advance(order_id, ended))
    elif not refund:
        charged = {"DONE": "PAID", "REFUSED": "DECLINED", "UNKNOWN": "IN_DOUBT"}[state]
        order = progress.advance(order_id, charged)
        if now_in(charged, order) and charged == "PAID":
            command(SHIPPING, order, order_id=order_id, address=order["address"])


def shipped(item: dict) -> None:
    """Booked; or refused by the carrier, or given up by us, and then the charge goes back."""
    outcome = json.loads(item["data"])
    ended = "SHIPPED" if "booked" in outcome else "UNSHIPPABLE"
    order = progress.advance(outcome["order_id"], ended)
    if now_in(ended, order) and ended == "UNSHIPPABLE":
        command(REFUNDS, order, payment_id=REFUND + order["order_id"], card=order["card"], cents=int(order["cents"]))


def follow(record: dict) -> None:
    item = {name: plain.deserialize(value) for name, value in record["dynamodb"]["NewImage"].items()}
    logger.set_correlation_id(item.get("correlation_id", record["eventID"]))  # the order's own, once that is known
    (settled if "payment_id" in item else placed if "sku" in item else shipped)(item)


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    """In order: a record that fails comes again with all behind it; one that nobody can mean holds up none."""
    for position, record in enumerate(event["Records"]):
        try:
            follow(record)
        except (KeyError, ValueError, TypeError, AttributeError):
            logger.exception("set aside", record=record)
            sqs.send_message(QueueUrl=LEFT_BEHIND, MessageBody=json.dumps({"Records": [record]}))
        except Exception:
            logger.exception("not followed", record=record)
            if position == 0:
                raise  # only an error halves the batch
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}
