import json
import os

import boto3

ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def handler(event, context):
    try:
        key = json.loads(event["body"] or "")["id"]
    except (ValueError, KeyError, TypeError):
        return {"statusCode": 400, "body": "{}"}
    try:
        ledger.put_item(Item={"pk": key}, ConditionExpression="attribute_not_exists(pk)")
    except ledger.meta.client.exceptions.ConditionalCheckFailedException:
        pass  # the client asks again
    return {"statusCode": 201, "body": json.dumps({"id": key})}
