import json
import os

import boto3

told = boto3.resource("dynamodb").Table(os.environ["TOLD"])


def handler(event, context):
    for record in event["Records"]:
        alarm = json.loads(record["body"])
        try:
            told.put_item(
                Item={"type": alarm["type"], "alarm_id": alarm["alarm_id"]},
                ConditionExpression="attribute_not_exists(#type)",
                ExpressionAttributeNames={"#type": "type"},
            )
        except told.meta.client.exceptions.ConditionalCheckFailedException:
            pass  # an alarm of this type is open, and whoever is on call knows
