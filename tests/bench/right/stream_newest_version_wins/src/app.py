import base64
import json
import os

import boto3

ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def apply(item):
    try:
        ledger.put_item(
            Item={"pk": item["id"], "version": item["version"]},
            ConditionExpression="attribute_not_exists(pk) OR version < :version",
            ExpressionAttributeValues={":version": item["version"]},
        )
    except ledger.meta.client.exceptions.ConditionalCheckFailedException:
        pass  # a newer one was here first


def handler(event, context):
    for record in event["Records"]:
        apply(json.loads(base64.b64decode(record["kinesis"]["data"])))
