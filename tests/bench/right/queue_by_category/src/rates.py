import json
import os

import boto3

rates = boto3.resource("dynamodb").Table(os.environ["RATES"])


def handler(event, context):
    for record in event["Records"]:
        told = json.loads(record["body"])
        if not told["event_id"]:
            raise ValueError("an event has an id")
        rates.put_item(Item={"country": told["country"], "percent": int(told["percent"])})
