"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

import base64
import json
from typing import Any

import webhook.scenario

from support.faults import Stage, Subject
from support.handlers import sqs_event
from support.subjects import SHOP, messages, requests


def keep_key(stage: Stage) -> None:
    secret = stage.shop.stack.resources["SigningSecret"]
    stage.shop.aws.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=webhook.scenario.OLD)


def signed(_: Stage) -> dict[str, Any]:
    body = webhook.scenario.change("e-1", "p-1", 1)
    headers = {"content-type": "application/json", "x-signature": webhook.scenario.sign(body, webhook.scenario.OLD)}
    sent = {"version": "2.0", "routeKey": "POST /webhooks/payments", "requestContext": {"stage": "$default"}}
    return {**sent, "headers": headers, "isBase64Encoded": True, "body": base64.b64encode(body).decode()}


def kept(_: Stage) -> dict[str, Any]:
    return sqs_event(json.dumps({"body": webhook.scenario.change("e-1", "p-1", 1).decode()}))


SUBJECTS = [
    Subject(
        "webhook", "Receive", "receive.handler", signed, requests, before=keep_key, repeats=True, patience=60, **SHOP
    ),
    Subject("webhook", "Work", "work.handler", kept, messages, **SHOP),
]
