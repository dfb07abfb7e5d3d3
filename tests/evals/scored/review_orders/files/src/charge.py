import json
import os
import uuid

import boto3
import urllib3

charges = boto3.resource("dynamodb").Table(os.environ["CHARGES"])
events = boto3.client("events")
http = urllib3.PoolManager(timeout=5, retries=False)


def charge(order):
    if "Item" in charges.get_item(Key={"order_id": order["order_id"]}):
        return
    http.request("POST", os.environ["PROVIDER_URL"], json=order, headers={"Idempotency-Key": str(uuid.uuid4())})
    charges.put_item(Item=order)
    events.put_events(
        Entries=[
            {
                "Source": "shop.payments",
                "DetailType": "OrderCharged",
                "EventBusName": os.environ["BUS"],
                "Detail": json.dumps(order),
            }
        ]
    )


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            charge(json.loads(record["body"]))
        except Exception:
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
