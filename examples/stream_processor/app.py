"""Keeps the newest price of every product; what nobody can read is set aside, an outage only delays."""

import json
import os

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import KinesisStreamEvent
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pydantic import BaseModel, Field, ValidationError

PRICES, DISCARDED = os.environ["PRICES_TABLE"], os.environ["DISCARDED_BUCKET"]

logger, metrics = Logger(), Metrics(namespace="Shop")
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
dynamodb, s3 = boto3.client("dynamodb", config=aws), boto3.client("s3", config=aws)


class PriceChanged(BaseModel):
    sku: str = Field(min_length=1, max_length=64)
    cents: int = Field(ge=0, le=10**12, strict=True)  # a number of 39 digits is refused by DynamoDB, at every retry
    version: int = Field(ge=1, le=10**15, strict=True)  # counted by the producer, for each product
    correlation_id: str = ""


def keep(change: PriceChanged) -> None:
    """Write unless as new or newer is there, so repeated, replayed and late records change nothing."""
    logger.set_correlation_id(change.correlation_id or f"{change.sku}/{change.version}")
    logger.debug("taken", sku=change.sku, version=change.version)  # at INFO, a shard would log as much as it carries
    item = {"sku": {"S": change.sku}, "cents": {"N": str(change.cents)}, "version": {"N": str(change.version)}}
    try:
        dynamodb.put_item(
            TableName=PRICES,
            Item=item,
            ConditionExpression="attribute_not_exists(sku) OR version < :version",
            ExpressionAttributeValues={":version": item["version"]},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        logger.debug("not newer", sku=change.sku, version=change.version)


def set_aside(record: KinesisStreamRecord, error: ValidationError) -> None:
    """In the form of what Lambda itself discards to the bucket, so that the same command replays it."""
    kept = {"payload": json.dumps({"Records": [record.raw_event]}), "error": str(error)}
    logger.set_correlation_id(record.event_id)  # its own cannot be read
    logger.warning("set aside")
    key = f"unreadable/{record.kinesis.sequence_number}.json"  # a repeat writes the same object
    s3.put_object(Bucket=DISCARDED, Key=key, Body=json.dumps(kept))
    metrics.add_metric(name="UnreadableRecords", unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


def apply(record: KinesisStreamRecord) -> None:
    try:
        change = PriceChanged.model_validate_json(record.kinesis.data_as_bytes())
    except ValidationError as error:
        set_aside(record, error)  # no retry makes it readable, and its lane need not wait
    else:
        keep(change)


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    """A passing failure, as in an outage, ends the batch at the record that failed: it and later ones come again."""
    for position, record in enumerate(KinesisStreamEvent(event).records):
        try:
            apply(record)
        except Exception:
            logger.exception("not applied", event_id=record.event_id, partition_key=record.kinesis.partition_key)
            if position == 0:
                raise  # only an error halves the batch, until a record that always fails is alone
            return {"batchItemFailures": [{"itemIdentifier": record.kinesis.sequence_number}]}
    return {"batchItemFailures": []}
