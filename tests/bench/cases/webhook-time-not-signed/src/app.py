import hashlib
import hmac
import json
import os
import time

import boto3

PAYMENTS, KEY = os.environ["PAYMENTS"], os.environ["SIGNING_KEY"].encode()
dynamodb = boto3.client("dynamodb")


def handler(event, context):
    headers = event["headers"]
    made = "sha256=" + hmac.new(KEY, event["body"].encode(), hashlib.sha256).hexdigest()
    if abs(time.time() - int(headers.get("x-timestamp", 0))) > 300 or headers.get("x-signature") != made:
        return {"statusCode": 401}
    payment = json.loads(event["body"])
    item = {"id": {"S": payment["id"]}, "cents": {"N": str(payment["cents"])}}
    dynamodb.put_item(TableName=PAYMENTS, Item=item)
    return {"statusCode": 202}
