import json
import os

import boto3

reports = boto3.resource("dynamodb").Table(os.environ["REPORTS_TABLE"])


def answer(status, body):
    return {"statusCode": status, "body": json.dumps(body, default=int)}


def read(event, context):
    tenant = event["requestContext"]["authorizer"]["jwt"]["claims"]["custom:tenant"]
    item = reports.get_item(Key={"tenant": tenant, "id": event["pathParameters"]["id"]}).get("Item")
    return answer(200, item) if item else answer(404, {"error": "no such report"})


def write(event, context):
    """{"title": "October", "cents": 120000}; ids are each customer's own, such as 2026-10."""
    tenant = event["requestContext"]["authorizer"]["jwt"]["claims"]["custom:tenant"]
    sent = json.loads(event["body"])
    item = {"tenant": tenant, "id": event["pathParameters"]["id"], "title": sent["title"], "cents": int(sent["cents"])}
    reports.put_item(Item=item)
    return answer(200, item)
