"""Does each job once, for minutes, and never leaves one running for ever."""

import json
import os
from calendar import monthrange
from contextlib import suppress
from typing import Any

import boto3
import urllib3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from jobs import advance, aws, claim, holder

SALES, RESULTS, TASKS = os.environ["SALES_URL"], os.environ["RESULTS_BUCKET"], os.environ["TASKS_URL"]

logger = Logger()
s3, sqs = boto3.client("s3", config=aws), boto3.client("sqs", config=aws)
sales = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=5), retries=False)


class Busy(Exception): ...


def build(job_id: str, worker: str, month: str) -> str | None:
    """The report, a call for each day; None when the job was cancelled or taken over meanwhile."""
    year, number = map(int, month.split("-"))
    lines = ["day,orders"]
    for day in range(1, monthrange(year, number)[1] + 1):
        if not advance(job_id, worker):
            return None
        reply = sales.request("GET", f"{SALES}/{month}-{day:02}")
        if reply.status != 200:
            raise ConnectionError(f"sales said {reply.status}")
        lines.append(f"{month}-{day:02},{reply.json()['orders']}")
    return "\n".join(lines) + "\n"


def work(task: dict[str, Any], worker: str, message: str) -> None:
    job_id = task["job_id"]
    if not claim(job_id, worker, message):
        if holder(job_id) == message:  # a second delivery: deleted now, it could not come back if the worker died
            raise Busy(job_id)
        return  # ended, or run by another message, which stays in the queue until the job has ended
    try:
        report = build(job_id, worker, task["month"])
        if report is not None:
            s3.put_object(Bucket=RESULTS, Key=f"{job_id}.csv", Body=report.encode(), ContentType="text/csv")
            advance(job_id, worker, to="SUCCEEDED", result=f"{job_id}.csv")
    except Exception:
        advance(job_id, worker, lease=-1)  # let the next attempt have it at once
        raise


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    (record,) = event["Records"]  # BatchSize 1
    sent = record["messageAttributes"].get("correlation_id", {})
    logger.set_correlation_id(sent.get("stringValue", record["messageId"]))
    logger.info("taken", message_id=record["messageId"])
    try:
        work(json.loads(record["body"]), context.aws_request_id, record["messageId"])
        return {"batchItemFailures": []}
    except Busy:  # comes back after the queue's visibility timeout, which no worker outlives; each look is a receive
        logger.info("another delivery of it is at work", message_id=record["messageId"])
    except Exception:
        logger.exception("not done", message_id=record["messageId"])
        wait = 5 * 2 ** int(record["attributes"]["ApproximateReceiveCount"])
        with suppress(BotoCoreError, ClientError):  # then it returns after the queue's own visibility timeout
            sqs.change_message_visibility(QueueUrl=TASKS, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=wait)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
