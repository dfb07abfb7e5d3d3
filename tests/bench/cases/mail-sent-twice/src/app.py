import json

import boto3

ses = boto3.client("ses")


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            order = json.loads(record["body"])
            ses.send_email(
                Source="Shop <orders@shop.example.com>",
                Destination={"ToAddresses": [order["email"]]},
                Message={
                    "Subject": {"Data": f"Order {order['order_id']}"},
                    "Body": {"Text": {"Data": "It is on its way."}},
                },
            )
        except Exception:
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
