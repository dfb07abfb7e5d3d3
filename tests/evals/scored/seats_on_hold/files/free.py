import json
import os

import boto3
from boto3.dynamodb.conditions import Key

seats = boto3.resource("dynamodb").Table(os.environ["SEATS_TABLE"])
HALL = [f"{row}{number}" for row in "ABCD" for number in range(1, 11)]


def handler(event, context):
    show = event["pathParameters"]["show"]
    taken = {item["seat"] for item in seats.query(KeyConditionExpression=Key("show").eq(show))["Items"]}
    return {"statusCode": 200, "body": json.dumps({"free": [seat for seat in HALL if seat not in taken]})}
