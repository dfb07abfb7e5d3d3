import json
import os

import boto3

stock = boto3.resource("dynamodb").Table(os.environ["STOCK_TABLE"])


def handler(event, context):
    sku = event["pathParameters"]["sku"]
    item = stock.get_item(Key={"sku": sku}).get("Item")
    if item is None:
        return {"statusCode": 404, "body": json.dumps({"error": "no such article"})}
    return {"statusCode": 200, "body": json.dumps({"sku": sku, "on_hand": int(item["on_hand"])})}
