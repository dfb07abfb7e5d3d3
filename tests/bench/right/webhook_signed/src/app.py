import hashlib
import hmac
import json
import os
import time

import boto3

PAYMENTS, SECRET = os.environ["PAYMENTS"], os.environ["SECRET"]
dynamodb = boto3.client("dynamodb")
secrets = boto3.client("secretsmanager")


def handler(event, context):
    key = secrets.get_secret_value(SecretId=SECRET)["SecretString"].encode()
    stamp, _, given = event["headers"].get("x-hub-signature", "").partition(";")
    made = hmac.new(key, f"{stamp}:{event['body']}".encode(), hashlib.sha256).hexdigest()
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > 300 or not hmac.compare_digest(made, given):
        return {"statusCode": 401}
    payment = json.loads(event["body"])
    item = {"id": {"S": payment["id"]}, "cents": {"N": str(payment["cents"])}}
    dynamodb.put_item(TableName=PAYMENTS, Item=item)  # the same once more if the sender repeats it
    return {"statusCode": 202}
