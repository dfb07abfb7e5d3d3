import os

import boto3

ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def book(key, **more):
    try:
        ledger.put_item(Item={"pk": key, **more}, ConditionExpression="attribute_not_exists(pk)")
    except ledger.meta.client.exceptions.ConditionalCheckFailedException:
        pass  # booked before


def handler(event, context):
    book(event["detail"]["order"])
