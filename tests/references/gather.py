"""Scatter-gather: each part leaves its id in a set, and the table's stream tells that the set is whole."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

GATHERS, GATHERED = os.environ["GATHERS_TABLE"], os.environ["GATHERED_URL"]

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
dynamodb, sqs = boto3.client("dynamodb", config=aws), boto3.client("sqs", config=aws)


def scatter(gather: str, parts: list[str]) -> None:
    """Called before the first part is sent; again it changes nothing, whatever has arrived since."""
    dynamodb.update_item(
        TableName=GATHERS,
        Key={"id": {"S": gather}},
        UpdateExpression="SET wanted = if_not_exists(wanted, :parts)",
        ExpressionAttributeValues={":parts": {"SS": parts}},
    )


def arrived(gather: str, part: str) -> None:
    """A repeat leaves the set as it is; a count would take it for another part."""
    dynamodb.update_item(
        TableName=GATHERS,
        Key={"id": {"S": gather}},
        UpdateExpression="ADD arrived :part",
        ExpressionAttributeValues={":part": {"SS": [part]}},
    )


def whole(image: dict[str, Any]) -> bool:
    wanted, there = (set(image.get(name, {}).get("SS", [])) for name in ("wanted", "arrived"))
    return bool(wanted) and wanted <= there


@logger.inject_lambda_context
def publish(event: dict, _: LambdaContext) -> dict:
    """A gather that became whole. Its record may come twice, so the reader dedupes by the gather's id."""
    for record in event["Records"]:
        change = record["dynamodb"]
        if whole(change.get("NewImage", {})) and not whole(change.get("OldImage", {})):
            try:
                sqs.send_message(QueueUrl=GATHERED, MessageBody=json.dumps({"gather": change["Keys"]["id"]["S"]}))
            except Exception:
                logger.exception("not told")
                return {"batchItemFailures": [{"itemIdentifier": change["SequenceNumber"]}]}
    return {"batchItemFailures": []}
