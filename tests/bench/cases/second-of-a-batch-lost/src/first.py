import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def handler(event, context):
    order = json.loads(event["Records"][0]["body"])  # a batch may hold ten
    table.put_item(Item={"pk": f"order#{order['order_id']}", "total": order["total"]})
