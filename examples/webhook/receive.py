"""Accepts the payment provider's webhooks: nothing forged, nothing lost, answered at once."""

import base64
import hmac
import json
import os
import time
from contextlib import suppress
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

BODIES, SECRET, WEBHOOKS = os.environ["BODIES_BUCKET"], os.environ["SIGNING_SECRET"], os.environ["WEBHOOKS_URL"]
TOLERANCE = 300  # seconds; the provider signs each attempt anew, else it would be its whole time of repeating
INLINE = 262_144  # bytes; 10 messages, in the event with each quote escaped again, stay below an invocation's 6 MB

logger = Logger()
aws = Config(  # two keys, bucket and queue, each asked twice: 12 s at most; for known keys and a small body, 3 s
    connect_timeout=0.5, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2}
)
s3 = boto3.client("s3", config=aws)
secrets = boto3.client("secretsmanager", config=aws)
sqs = boto3.client("sqs", config=aws)


class Keys:
    known: tuple[bytes, ...] = ()
    asked = 0.0
    answered = False


def key(stage: str) -> bytes:
    """Empty when there is no such version, or it is no text: with an empty key anybody could sign."""
    with suppress(secrets.exceptions.ResourceNotFoundException):  # not rotated yet
        return secrets.get_secret_value(SecretId=SECRET, VersionStage=stage).get("SecretString", "").encode()
    return b""


def ask() -> None:
    """While Secrets Manager fails the keys that are known stay good."""
    Keys.asked, Keys.answered = time.time(), False
    try:
        current, previous = key("AWSCURRENT"), key("AWSPREVIOUS")
    except (BotoCoreError, ClientError):
        logger.exception("keys not read")
    else:
        Keys.known, Keys.answered = tuple(filter(None, (current, previous))), bool(current)


def prove(signed: bytes, offered: list[bytes]) -> None:
    for age in (300, 10):  # a mismatch may be a rotation; however many forge, one look in 10 s
        if time.time() - Keys.asked >= age:
            ask()
        digests = [hmac.new(key, signed, "sha256").hexdigest().encode() for key in Keys.known]
        if any(hmac.compare_digest(digest, each) for digest in digests for each in offered):
            return
    raise (ValueError if Keys.answered else ConnectionError)("no key that is known made this signature")


def verified(event: dict) -> bytes:
    """The body, byte for byte as it was signed. Raises ValueError; only the log learns why."""
    body, headers = event.get("body") or "", event.get("headers") or {}
    raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    fields = [part.strip().partition("=") for part in headers.get("x-signature", "").split(",")]
    (stamp,) = [value for name, _, value in fields if name == "t"]
    if abs(int(time.time()) - int(stamp)) > TOLERANCE:
        raise ValueError("signed too long ago, or in the future")
    prove(f"{stamp}.".encode() + raw, [value.encode() for name, _, value in fields if name == "v1"])
    return raw


def enqueue(raw: bytes, key: str) -> None:
    message = json.dumps({"body": raw.decode(errors="surrogateescape")})  # ASCII: SQS refuses some of Unicode
    if len(message) > INLINE:
        s3.put_object(Bucket=BODIES, Key=key, Body=raw)
        message = json.dumps({"key": key})
    sent: Any = {"correlation_id": {"DataType": "String", "StringValue": str(logger.get_correlation_id())}}
    sqs.send_message(QueueUrl=WEBHOOKS, MessageBody=message, MessageAttributes=sent)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
def handler(event: dict, context: LambdaContext) -> dict:
    try:
        raw = verified(event)
    except ValueError as reason:
        logger.warning("refused", reason=str(reason))
        return {"statusCode": 401}
    logger.info("accepted")
    enqueue(raw, key=context.aws_request_id)  # what fails from here on is a 5xx, and the sender repeats
    return {"statusCode": 202}
