import json
import os

import boto3

ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def handler(event, context):
    records = event["Records"]
    for position, record in enumerate(records):
        try:
            move = json.loads(record["body"])  # the queue keeps the order, so the last one is the newest
            ledger.put_item(Item={"pk": move["id"], "version": move["version"]})
        except Exception as error:
            print(error)
            return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in records[position:]]}
    return {"batchItemFailures": []}
