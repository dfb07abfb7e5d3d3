import json
import os
import time

import boto3
from boto3.dynamodb.conditions import Key

seats = boto3.resource("dynamodb").Table(os.environ["SEATS_TABLE"])
HALL = [f"{row}{number}" for row in "ABCD" for number in range(1, 11)]


def handler(event, context):
    show, now = event["pathParameters"]["show"], int(time.time())
    of_show = seats.query(KeyConditionExpression=Key("show").eq(show))["Items"]
    taken = {item["seat"] for item in of_show if "booked" in item or item["expires"] >= now}
    return {"statusCode": 200, "body": json.dumps({"free": [seat for seat in HALL if seat not in taken]})}
