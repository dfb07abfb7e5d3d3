"""Reads the dead letters, so that a job that nobody could do says so."""

import json

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from jobs import fail, holder

logger = Logger()


class Busy(Exception): ...


def give_up(job_id: str) -> None:
    if not fail(job_id, "given up after several attempts") and holder(job_id):
        raise Busy(job_id)  # a worker lives; look again, it may still die


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    failures = []
    for record in event["Records"]:
        sent = record["messageAttributes"].get("correlation_id", {})
        logger.set_correlation_id(sent.get("stringValue", record["messageId"]))
        logger.info("taken", message_id=record["messageId"])
        try:
            give_up(json.loads(record["body"])["job_id"])
        except Exception:
            logger.exception("not given up", message_id=record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
