import json
import logging
import os

import boto3

balances = boto3.resource("dynamodb").Table(os.environ["BALANCES"])
logger = logging.getLogger()


def add(payment):
    """payment: {"payment_id", "customer", "cents", "card"}"""
    item = balances.get_item(Key={"customer": payment["customer"]}).get("Item", {"cents": 0, "payments": []})
    if payment["payment_id"] in item["payments"]:
        return
    item["payments"].append(payment["payment_id"])
    item["cents"] += int(payment["cents"])
    balances.put_item(Item={**item, "customer": payment["customer"]})


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            add(json.loads(record["body"]))
        except Exception:
            logger.exception("not added")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
