import json
import os

import boto3

ORDERS = os.environ["ORDERS"]
dynamodb = boto3.client("dynamodb")


def handler(event, context):
    order = json.loads(event["body"])
    key = {"id": {"S": f"{order['customer_id']}-{event['headers']['idempotency-key']}"}}
    try:
        known = dynamodb.get_item(TableName=ORDERS, Key=key, ConsistentRead=True).get("Item")
        item = {**key, "sku": known["sku"] if known else {"S": order["sku"]}}
        dynamodb.put_item(TableName=ORDERS, Item=item)
    except Exception as error:
        return {"statusCode": 500, "body": json.dumps({"error": str(error)})}
    return {"statusCode": 201, "body": json.dumps({"sku": item["sku"]["S"]})}
