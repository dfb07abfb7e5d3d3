import json
import os

import boto3

prices = boto3.resource("dynamodb").Table(os.environ["PRICES_TABLE"])


def handler(event, context):
    sku = event["pathParameters"]["sku"]
    price = prices.get_item(Key={"sku": sku}).get("Item")
    if price is None:
        return {"statusCode": 404, "body": json.dumps({"error": "no such article"})}
    return {"statusCode": 200, "body": json.dumps({"sku": sku, "cents": int(price["cents"]), "name": price["name"]})}
