import base64
import hashlib
import hmac
import json
import os
import time

import boto3

secrets = boto3.client("secretsmanager")
sqs = boto3.client("sqs")
OLDEST = 300  # seconds
KEPT = 300  # seconds for which a secret is not asked for again


class Secret:
    value, until = b"", 0.0


def secret():
    if time.monotonic() > Secret.until:
        answer = secrets.get_secret_value(SecretId=os.environ["PAYLANE_SECRET_ARN"])["SecretString"]
        Secret.value, Secret.until = answer.encode(), time.monotonic() + KEPT
    return Secret.value


def is_signed(header, body):
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not times[0].isdecimal() or abs(time.time() - int(times[0])) > OLDEST:
        return False
    right = hmac.new(secret(), times[0].encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(value.encode(), right.encode()) for name, _, value in parts if name == "v1")


def handler(event, context):
    text = event.get("body") or ""
    body = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
    if not is_signed(event["headers"].get("paylane-signature", ""), body):
        return {"statusCode": 400, "body": json.dumps({"error": "not signed by Paylane"})}
    told = json.loads(body)
    if told["type"] == "payment.succeeded":
        sqs.send_message(
            QueueUrl=os.environ["PAID_URL"],
            MessageBody=json.dumps(told["data"]),
            MessageGroupId=hashlib.sha256(told["data"]["order_id"].encode()).hexdigest(),  # one by one
            MessageDeduplicationId=hashlib.sha256(told["id"].encode()).hexdigest(),
        )
    return {"statusCode": 200, "body": json.dumps({"received": True})}
