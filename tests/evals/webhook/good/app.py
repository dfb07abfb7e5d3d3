"""Takes the payment provider's webhooks: verifies the bytes that were signed, queues them, answers."""

import base64
import hmac
import os
import time

import boto3

SECRET, QUEUE = os.environ["SIGNING_SECRET"].encode(), os.environ["QUEUE_URL"]

if not SECRET:
    raise RuntimeError("with an empty key anybody can sign")
sqs = boto3.client("sqs")


def verified(event: dict) -> bytes:
    """Raises ValueError."""
    body, headers = event.get("body") or "", event.get("headers") or {}
    raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    header = headers.get("x-signature", "")
    fields = [part.strip().partition("=") for part in header.split(",")]
    (stamp,) = [value for name, _, value in fields if name == "t"]
    if abs(time.time() - int(stamp)) > 300:
        raise ValueError("too old")
    wanted = hmac.new(SECRET, f"{stamp}.".encode() + raw, "sha256").hexdigest().encode()
    if not any(hmac.compare_digest(wanted, value.encode()) for name, _, value in fields if name == "v1"):
        raise ValueError("forged")
    return raw


def handler(event: dict, context: object) -> dict:
    try:
        raw = verified(event)
    except ValueError:
        return {"statusCode": 401}
    sqs.send_message(QueueUrl=QUEUE, MessageBody=raw.decode())
    return {"statusCode": 202}
