"""Opens one shipment for each order placed, however often its event arrives."""

import os

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pydantic import AliasPath, BaseModel, Field

SHIPMENTS = os.environ["SHIPMENTS_TABLE"]

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
dynamodb = boto3.client("dynamodb", config=aws)


class OrderPlaced(BaseModel):  # fields that it does not name may be added without a new version
    event_id: str = Field(min_length=1, max_length=128, validation_alias=AliasPath("metadata", "event_id"))
    version: int = Field(ge=1, le=1, validation_alias=AliasPath("metadata", "version"))  # no other is half-read
    order_id: str = Field(min_length=1, max_length=64, validation_alias=AliasPath("data", "order_id"))


@logger.inject_lambda_context(correlation_id_path="detail.metadata.correlation_id || id")
def handler(event: dict, context: LambdaContext) -> None:
    placed = OrderPlaced.model_validate(event["detail"])
    logger.info("taken", event_id=placed.event_id)
    try:
        dynamodb.put_item(
            TableName=SHIPMENTS,
            Item={"event_id": {"S": placed.event_id}, "order_id": {"S": placed.order_id}, "status": {"S": "OPEN"}},
            ConditionExpression="attribute_not_exists(event_id)",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        logger.info("already open", event_id=placed.event_id)
