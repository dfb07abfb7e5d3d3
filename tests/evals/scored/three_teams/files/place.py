import json
import os

import boto3
import mail

orders = boto3.resource("dynamodb").Table(os.environ["ORDERS_TABLE"])


def handler(event, context):
    order = json.loads(event["body"])
    order_id = event["pathParameters"]["order_id"]
    orders.put_item(Item={"order_id": order_id, "country": order["country"], "items": order["items"]})
    summary = f"{order_id}: {order['items']} to {order['country']}"
    mail.send(os.environ["WAREHOUSE_MAIL"], f"Pack {order_id}", summary)
    mail.send(os.environ["BILLING_MAIL"], f"Bill {order_id}", summary)
    if order["country"] not in ("DE", "AT", "FR"):
        mail.send(os.environ["CUSTOMS_MAIL"], f"Declare {order_id}", summary)
    return {"statusCode": 200, "body": json.dumps({"order_id": order_id})}
