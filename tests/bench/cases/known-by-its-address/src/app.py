import json
import os
from contextlib import suppress

import boto3

SHIPMENTS = os.environ["SHIPMENTS"]
dynamodb = boto3.client("dynamodb")


def handler(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        item = {"address": {"S": order["address"]}, "order_id": {"S": order["order_id"]}}
        with suppress(dynamodb.exceptions.ConditionalCheckFailedException):
            dynamodb.put_item(TableName=SHIPMENTS, Item=item, ConditionExpression="attribute_not_exists(address)")
