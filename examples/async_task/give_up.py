"""Reads the dead letters, so that a job that nobody could do says so."""

import json

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from jobs import stop

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    failures = []
    for record in event["Records"]:
        try:
            stop(json.loads(record["body"])["job_id"], "FAILED", "given up after several attempts")
        except Exception:
            logger.exception("unread", message_id=record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
