import base64
import json
import os
import time

import boto3
from boto3.dynamodb.conditions import Key

reports = boto3.resource("dynamodb").Table(os.environ["REPORTS_TABLE"])
PAGE, MOST_CACHED, SECONDS = 50, 1000, 60
cached = {}  # by tenant and id: until when, and the report


def answer(status, body):
    return {"statusCode": status, "body": json.dumps(body, default=int)}


def tenant_of(event):
    """Raises `KeyError` for a token without a tenant."""
    return event["requestContext"]["authorizer"]["jwt"]["claims"]["custom:tenant"]


def shown(item):
    return {name: value for name, value in item.items() if name != "tenant"}


def read(event, context):
    key = (tenant_of(event), event["pathParameters"]["id"])
    until, report = cached.get(key, (0, None))
    if until < time.time():
        item = reports.get_item(Key={"tenant": key[0], "id": key[1]}).get("Item")
        if not item:
            return answer(404, {"error": "no such report"})
        report = shown(item)
        if len(cached) >= MOST_CACHED:
            cached.clear()
        cached[key] = (time.time() + SECONDS, report)
    return answer(200, report)


def write(event, context):
    """{"title": "October", "cents": 120000}; ids are each customer's own, such as 2026-10."""
    sent = json.loads(event["body"])
    item = {
        "tenant": tenant_of(event),
        "id": event["pathParameters"]["id"],
        "title": sent["title"],
        "cents": int(sent["cents"]),
    }
    reports.put_item(Item=item)
    return answer(200, shown(item))


def list_all(event, context):
    """A page of the caller's reports, and in `next` where the following one begins: an id, never a tenant."""
    tenant = tenant_of(event)
    start = (event.get("queryStringParameters") or {}).get("next")
    more = {}
    if start:
        try:
            more = {"ExclusiveStartKey": {"tenant": tenant, "id": base64.urlsafe_b64decode(start).decode()}}
        except ValueError:
            return answer(400, {"error": "next is not what we gave"})
    page = reports.query(KeyConditionExpression=Key("tenant").eq(tenant), Limit=PAGE, **more)
    body = {"reports": [shown(item) for item in page["Items"]]}
    if "LastEvaluatedKey" in page:
        body["next"] = base64.urlsafe_b64encode(page["LastEvaluatedKey"]["id"].encode()).decode()
    return answer(200, body)
