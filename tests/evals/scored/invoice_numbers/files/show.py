import json
import os

import boto3

invoices = boto3.resource("dynamodb").Table(os.environ["INVOICES_TABLE"])


def handler(event, context):
    invoice = invoices.get_item(Key={"order_id": event["pathParameters"]["order_id"]}).get("Item")
    if invoice is None:
        return {"statusCode": 404, "body": json.dumps({"error": "no invoice yet"})}
    told = {"order_id": invoice["order_id"], "number": invoice["number"], "cents": int(invoice["cents"])}
    return {"statusCode": 200, "body": json.dumps(told)}
