import json
import os
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

table = boto3.resource("dynamodb").Table(os.environ["LEDGER"])
ses = boto3.client("sesv2", config=Config(retries={"total_max_attempts": 1}))
Refused = table.meta.client.exceptions.ConditionalCheckFailedException


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            order = json.loads(record["body"])
            key = {"pk": str(order["order_id"])}
            email = str(order["email"])
        except (ValueError, TypeError, KeyError):
            failed.append({"itemIdentifier": record["messageId"]})
            continue
        try:
            mail_once(key, email, record["messageId"])
        except ClientError:
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def mail_once(key, email, holder):
    """Claimed before the call; a claim without an outcome is never sent again, and says so once its time is over."""
    claim = {**key, "state": "CLAIMED", "holder": holder, "until": int(time.time()) + 20}
    try:
        table.put_item(Item=claim, ConditionExpression="attribute_not_exists(pk)")
    except Refused:
        return
    subject, text = {"Data": f"Order {key['pk']}"}, {"Text": {"Data": "It is on its way."}}
    try:
        ses.send_email(
            FromEmailAddress="orders@shop.example.com",
            Destination={"ToAddresses": [email]},
            Content={"Simple": {"Subject": subject, "Body": text}},
        )
    except HTTPClientError:
        return  # it may be on its way
    except ClientError:
        table.delete_item(Key=key)
        raise
