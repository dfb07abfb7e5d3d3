import json
import logging
import os

import boto3

logger = logging.getLogger()
logger.setLevel("INFO")
events = boto3.client("events")


def entry(record):
    order = json.loads(record["body"])
    detail = {"order_id": order["order_id"], "lines": order["lines"]}
    return {
        "EventBusName": os.environ["BUS"],
        "Source": "shop.payments",
        "DetailType": "OrderPaid",
        "Detail": json.dumps(detail),
    }


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            answer = events.put_events(Entries=[entry(record)])
            if answer["FailedEntryCount"]:
                raise RuntimeError(answer["Entries"][0]["ErrorCode"])
            logger.info("published", extra={"message_id": record["messageId"]})
        except Exception:
            logger.exception("not published", extra={"message_id": record["messageId"]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
