"""A queue behind the circuit breaker: while it is open the mapping is off, so waiting costs no receives."""

import os
from contextlib import suppress

import boto3
import urllib3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from circuit_breaker import FAILURES, Open, Unwell, aws, call, read

QUEUE, MAPPING, PARTNER = os.environ["QUEUE_URL"], os.environ["MAPPING_ID"], os.environ["PARTNER_URL"]
AWAY = 240  # seconds; longer than the valve needs to shut: a minute until it looks, then the mapping finishes its polls

logger = Logger()
lambda_, sqs = boto3.client("lambda", config=aws), boto3.client("sqs", config=aws)
partner = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=5), retries=False)


def ask(method: str, path: str, body: str | None = None) -> None:
    try:
        reply = partner.request(method, f"{PARTNER}/{path}", body=body)
    except urllib3.exceptions.HTTPError as error:
        raise Unwell from error
    if reply.status >= 500:
        raise Unwell(f"answered {reply.status}")
    if reply.status >= 400:
        raise ValueError(f"refused: {reply.status}")


@logger.inject_lambda_context
def work(event: dict, _: LambdaContext) -> dict:
    failures = []
    for record in event["Records"]:
        try:
            call("partner", lambda body=record["body"]: ask("POST", "orders", body))
        except Exception as error:
            logger.exception("not done", message_id=record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
            if isinstance(error, Open | Unwell):
                sqs.change_message_visibility(
                    QueueUrl=QUEUE, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=AWAY
                )
    return {"batchItemFailures": failures}


def closed() -> bool:
    return read("partner").get("failures", 0) < FAILURES


@logger.inject_lambda_context
def valve(_: dict, __: LambdaContext) -> None:
    """Each minute: the half-open try is a health check and costs no message; then the mapping follows the breaker."""
    if not closed():
        with suppress(Open, Unwell):
            call("partner", lambda: ask("GET", "health"))
    wanted = closed()
    state = lambda_.get_event_source_mapping(UUID=MAPPING)["State"]
    if state == ("Disabled" if wanted else "Enabled"):  # while it changes nobody may update it
        lambda_.update_event_source_mapping(UUID=MAPPING, Enabled=wanted)
        logger.warning("queue opened" if wanted else "queue shut")
