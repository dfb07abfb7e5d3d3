import json
import os

import boto3

seats = boto3.resource("dynamodb").Table(os.environ["SEATS_TABLE"])


def handler(event, context):
    who = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
    wanted = json.loads(event["body"])
    key = {"show": wanted["show"], "seat": wanted["seat"]}
    if "Item" in seats.get_item(Key=key):
        return {"statusCode": 409, "body": json.dumps({"error": "taken"})}
    seats.put_item(Item=key | {"holder": who})
    return {"statusCode": 201, "body": json.dumps(key)}
