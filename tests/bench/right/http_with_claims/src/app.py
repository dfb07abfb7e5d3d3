import os

import boto3

ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def handler(event, context):
    user = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
    ledger.put_item(Item={"pk": f"{user}#{event['pathParameters']['id']}"})
    return {"statusCode": 200, "body": "{}"}
