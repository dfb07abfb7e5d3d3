import json
import logging
import os

logger = logging.getLogger()
logger.setLevel("INFO")
SERVICE = os.environ["SERVICE"]  # each line has level, message, service and, for a failure, order_id


def book(event, context):
    failures = []
    for record in event["Records"]:
        order = json.loads(record["body"])
        if not order.get("postcode"):
            logger.error("not booked", extra={"service": SERVICE, "order_id": order["order_id"]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def notify(event, context):
    if "mail" not in event:
        logger.error("not notified", extra={"service": SERVICE, "order_id": event["order_id"]})
