import json
import os

import boto3

dynamodb = boto3.resource("dynamodb")
balances, spends = dynamodb.Table(os.environ["BALANCES"]), dynamodb.Table(os.environ["SPENDS"])


def customer(event):
    return event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]


def answer(status, body):
    return {"statusCode": status, "body": json.dumps(body, default=int)}


def show(event):
    item = balances.get_item(Key={"customer": customer(event)}, ConsistentRead=True).get("Item", {})
    return answer(200, {"cents": item.get("cents", 0)})


def spend(event):
    """body: {"spend_id", "cents"}; the app sends it again, with the same id, if it gets no answer."""
    body = json.loads(event["body"])
    if "Item" in spends.get_item(Key={"spend_id": body["spend_id"]}):
        return answer(200, {"spend_id": body["spend_id"]})
    balances.update_item(
        Key={"customer": customer(event)},
        UpdateExpression="ADD cents :less",
        ExpressionAttributeValues={":less": -int(body["cents"])},
    )
    spends.put_item(Item={"spend_id": body["spend_id"], "cents": int(body["cents"])})
    return answer(200, {"spend_id": body["spend_id"]})


def correct(event):
    body = json.loads(event["body"])
    balances.put_item(Item={"customer": body["customer"], "cents": int(body["cents"])})
    return answer(200, body)


ROUTES = {"GET /balance": show, "POST /spend": spend, "POST /support/corrections": correct}


def handler(event, context):
    return ROUTES[event["routeKey"]](event)
