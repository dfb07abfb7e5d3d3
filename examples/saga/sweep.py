"""Finds orders that ended half done and of which no event told: status events are delivered by best effort."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

MACHINE, HALF_DONE = os.environ["STATE_MACHINE"], os.environ["HALF_DONE_URL"]
LOOK_BACK = timedelta(hours=3)  # three runs: two may fail, and what is found again is told again

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
states: Any = boto3.client("stepfunctions", config=aws)
sqs: Any = boto3.client("sqs", config=aws)


def ended(status: str, since: datetime) -> Iterator[str]:
    """The newest end comes first."""
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=MACHINE, statusFilter=status)
    for execution in (each for page in pages for each in page["executions"]):
        if execution["stopDate"] < since:
            return
        yield execution["executionArn"]


def undone(execution: str) -> bool:
    return str(states.describe_execution(executionArn=execution).get("error")).startswith("Undone.")


@logger.inject_lambda_context
def handler(_: dict, __: Any) -> None:
    since = datetime.now(UTC) - LOOK_BACK
    for status in ("FAILED", "TIMED_OUT", "ABORTED"):
        for execution in ended(status, since):
            if status != "FAILED" or not undone(execution):
                logger.set_correlation_id(execution.rpartition(":")[2])
                logger.warning("half done", status=status)
                sqs.send_message(QueueUrl=HALF_DONE, MessageBody=json.dumps({"execution": execution, "status": status}))
