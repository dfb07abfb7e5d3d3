import json
import os

import boto3

seats = boto3.resource("dynamodb").Table(os.environ["SEATS_TABLE"])


def handler(event, context):
    """The shop calls this once the customer has paid."""
    who = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
    wanted = json.loads(event["body"])
    key = {"show": wanted["show"], "seat": wanted["seat"]}
    held = seats.get_item(Key=key).get("Item")
    if not held or held["holder"] != who:
        return {"statusCode": 409, "body": json.dumps({"error": "not yours"})}
    seats.update_item(Key=key, UpdateExpression="SET booked = :yes", ExpressionAttributeValues={":yes": True})
    return {"statusCode": 200, "body": json.dumps(key)}
