import json
import os

import boto3
from boto3.dynamodb.types import TypeDeserializer

events = boto3.client("events")
read = TypeDeserializer().deserialize


def handler(event, context):
    """An order: id, status (NEW, PAID, SHIPPED), cents, goods [{sku, count, digital}], address, card (token)."""
    for record in event["Records"]:
        order = {name: read(value) for name, value in record["dynamodb"].get("NewImage", {}).items()}
        entry = {
            "EventBusName": os.environ["BUS"],
            "Source": "shop.orders",
            "DetailType": "OrderChanged",
            "Detail": json.dumps(order, default=int),
        }
        events.put_events(Entries=[entry])
    return {"batchItemFailures": []}
