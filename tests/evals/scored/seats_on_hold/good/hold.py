import json
import os
import time

import boto3

seats = boto3.resource("dynamodb").Table(os.environ["SEATS_TABLE"])
HELD_FOR = 600  # seconds


def handler(event, context):
    who = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
    wanted = json.loads(event["body"])
    key = {"show": wanted["show"], "seat": wanted["seat"]}
    now = int(time.time())
    try:
        seats.put_item(  # time to live deletes late, so an ended hold may still stand here
            Item=key | {"holder": who, "expires": now + HELD_FOR},
            ConditionExpression="attribute_not_exists(seat) OR expires < :now",
            ExpressionAttributeValues={":now": now},
        )
    except seats.meta.client.exceptions.ConditionalCheckFailedException:
        held = seats.get_item(Key=key, ConsistentRead=True).get("Item", {})
        if held.get("holder") != who or "booked" in held:
            return {"statusCode": 409, "body": json.dumps({"error": "taken"})}
    return {"statusCode": 201, "body": json.dumps(key)}
