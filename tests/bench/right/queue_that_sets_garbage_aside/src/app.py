import json
import os

import boto3

ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER"])
sqs = boto3.client("sqs")


def book(key, **more):
    try:
        ledger.put_item(Item={"pk": key, **more}, ConditionExpression="attribute_not_exists(pk)")
    except ledger.meta.client.exceptions.ConditionalCheckFailedException:
        pass  # booked before


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            key = json.loads(record["body"])["id"]
        except (ValueError, KeyError, TypeError):
            sqs.send_message(QueueUrl=os.environ["GARBAGE"], MessageBody=record["body"])
            continue
        try:
            book(key)
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
