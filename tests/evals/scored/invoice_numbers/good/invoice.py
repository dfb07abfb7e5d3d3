import json
import logging
import os

import boto3

logger = logging.getLogger()
dynamodb = boto3.resource("dynamodb").meta.client
INVOICES, NUMBERS = os.environ["INVOICES_TABLE"], os.environ["NUMBERS_TABLE"]
TRIES = 5


class Taken(Exception):
    """Another order got the number first, again and again; the queue tries again later."""


def has_invoice(order_id):
    return "Item" in dynamodb.get_item(TableName=INVOICES, Key={"order_id": order_id}, ConsistentRead=True)


def last_of(year):
    item = dynamodb.get_item(TableName=NUMBERS, Key={"year": year}, ConsistentRead=True).get("Item")
    return int(item["last"]) if item else 0


def invoice(order):
    """The number is taken and the invoice written together or not at all: so none is left out, and none comes twice."""
    order_id, delivered, cents = order["order_id"], order["delivered"], int(order["cents"])
    year = str(int(delivered[:4]))
    for _ in range(TRIES):
        if has_invoice(order_id):
            return
        last = last_of(year)
        written = {"order_id": order_id, "number": f"{year}-{last + 1:06}", "delivered": delivered, "cents": cents}
        take = {
            "TableName": NUMBERS,
            "Key": {"year": year},
            "UpdateExpression": "SET #last = :next",
            "ConditionExpression": "#last = :last OR (attribute_not_exists(#last) AND :last = :none)",
            "ExpressionAttributeNames": {"#last": "last"},
            "ExpressionAttributeValues": {":last": last, ":next": last + 1, ":none": 0},
        }
        write = {"TableName": INVOICES, "Item": written, "ConditionExpression": "attribute_not_exists(order_id)"}
        try:
            dynamodb.transact_write_items(TransactItems=[{"Update": take}, {"Put": write}])
            return
        except dynamodb.exceptions.TransactionCanceledException as canceled:
            logger.info("%s is not given to %s: %s", written["number"], order_id, canceled)
    raise Taken(order_id)


def handler(event, context):
    failures = []
    for message in event["Records"]:
        try:
            invoice(json.loads(message["body"]))
        except Exception:
            logger.exception("no invoice yet")
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}
