import base64
import json
import os
from datetime import UTC, datetime
from decimal import Decimal

import boto3
from boto3.dynamodb.conditions import Key

trail = boto3.resource("dynamodb").Table(os.environ["TRAIL_TABLE"])


def plain(value):
    """What JSON has no word for."""
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    if isinstance(value, set):
        return sorted(value)
    return base64.b64encode(value.value).decode()


def changes(company, contract):
    asked = {"KeyConditionExpression": Key("contract").eq(f"{company}\n{contract}")}
    while True:
        page = trail.query(**asked)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def handler(event, context):
    company = event["requestContext"]["authorizer"]["jwt"]["claims"]["custom:company"]
    told = [
        {
            "at": datetime.fromtimestamp(int(change["at"]), UTC).isoformat(),
            "before": change["before"],
            "after": change["after"],
        }
        for change in changes(company, event["pathParameters"]["contract"])
    ]
    return {"statusCode": 200, "body": json.dumps({"changes": told}, default=plain)}
