"""Applies each webhook once, in the provider's order and not in the order of arrival."""

import json
import os
from contextlib import suppress

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pydantic import BaseModel, Field

BODIES, PAYMENTS = os.environ["BODIES_BUCKET"], os.environ["PAYMENTS_TABLE"]

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
dynamodb = boto3.client("dynamodb", config=aws)
s3 = boto3.client("s3", config=aws)
worker = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
store = DynamoDBPersistenceLayer(table_name=PAYMENTS, boto3_client=dynamodb)
once = IdempotencyConfig(event_key_jmespath="id", raise_on_no_idempotency_key=True, expires_after_seconds=2592000)


class PaymentChanged(BaseModel):
    id: str = Field(min_length=1)
    payment: str = Field(min_length=1)
    version: int
    status: str


@idempotent_function(data_keyword_argument="change", persistence_store=store, config=once, key_prefix="webhook")
def apply(change: PaymentChanged) -> None:
    """The id stops a repeat; the version stops what a later event overtook, or a dead attempt already wrote."""
    with suppress(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(
            TableName=PAYMENTS,
            Item={"id": {"S": change.payment}, "version": {"N": f"{change.version}"}, "status": {"S": change.status}},
            ConditionExpression="attribute_not_exists(id) OR version < :version",
            ExpressionAttributeValues={":version": {"N": f"{change.version}"}},
        )


def work(record: SQSRecord) -> None:
    sent = record.message_attributes["correlation_id"]  # None without one
    logger.set_correlation_id(sent.string_value if sent else record.message_id)
    logger.info("taken", message_id=record.message_id)
    message = json.loads(record.body)
    if "key" in message:
        raw = s3.get_object(Bucket=BODIES, Key=message["key"])["Body"].read()
    else:
        raw = message["body"].encode(errors="surrogateescape")
    apply(change=PaymentChanged.model_validate_json(raw))


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    once.register_lambda_context(context)  # an attempt that times out then expires, and does not block its retries
    return dict(process_partial_response(event=event, record_handler=work, processor=worker, context=context))
