import os

import boto3

orders = boto3.resource("dynamodb").Table(os.environ["ORDERS"])


def handler(event, context):
    orders.put_item(Item={"id": event["detail"]["order_id"], "confirmed": True})
