"""Keeps the newest price of every product; a bad record delays only itself."""

import os

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import KinesisStreamEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pydantic import BaseModel, Field

PRICES = os.environ["PRICES_TABLE"]

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
dynamodb = boto3.client("dynamodb", config=aws)


class PriceChanged(BaseModel):
    sku: str = Field(min_length=1, max_length=64)
    cents: int = Field(ge=0, strict=True)
    version: int = Field(ge=1, strict=True)  # counted by the producer, for each product


def keep(change: PriceChanged) -> None:
    """Write unless as new or newer is there, so repeated, replayed and late records change nothing."""
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


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    """Stop at the first failure: what follows it comes again, in order."""
    for position, record in enumerate(KinesisStreamEvent(event).records):
        number = record.kinesis.sequence_number
        try:
            keep(PriceChanged.model_validate_json(record.kinesis.data_as_bytes()))
        except Exception:
            logger.exception("not applied", sequence_number=number, partition_key=record.kinesis.partition_key)
            if position == 0:
                raise  # only an error halves the batch, until the bad record is alone and can be discarded
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}
