import json
import os
import time

import boto3

seats = boto3.resource("dynamodb").Table(os.environ["SEATS_TABLE"])


def handler(event, context):
    """The shop calls this once the customer has paid."""
    who = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
    wanted = json.loads(event["body"])
    key = {"show": wanted["show"], "seat": wanted["seat"]}
    try:
        seats.update_item(
            Key=key,
            UpdateExpression="SET booked = :yes REMOVE expires",  # or time to live deletes the booking
            ConditionExpression="holder = :who AND (attribute_exists(booked) OR expires >= :now)",
            ExpressionAttributeValues={":yes": True, ":who": who, ":now": int(time.time())},
        )
    except seats.meta.client.exceptions.ConditionalCheckFailedException:
        return {"statusCode": 409, "body": json.dumps({"error": "not yours, or no longer"})}
    return {"statusCode": 200, "body": json.dumps(key)}
