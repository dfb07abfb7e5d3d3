import json
import os

import boto3

ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def book(key, **more):
    try:
        ledger.put_item(Item={"pk": key, **more}, ConditionExpression="attribute_not_exists(pk)")
    except ledger.meta.client.exceptions.ConditionalCheckFailedException:
        pass  # booked before


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            book(json.loads(record["body"])["id"])
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
