"""Keeps one row of a price list, unless a newer list was there first; refuses what is no price."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pydantic import BaseModel, Field

PRICES = os.environ["PRICES_TABLE"]

logger, metrics = Logger(), Metrics(namespace="Shop")
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
dynamodb = boto3.client("dynamodb", config=aws)


class Row(BaseModel):
    """All text, as Step Functions reads CSV: what a row lacks is empty there, and what it has too much is left out."""

    sku: str = Field(pattern=r"^[A-Za-z0-9-]{1,64}$")
    cents: str = Field(pattern=r"^[0-9]{1,9}$")
    currency: str = Field(pattern=r"^[A-Z]{3}$")  # last, so that of `mug,9,90,EUR` no price is read


class Line(BaseModel):
    list: str = Field(min_length=1)
    version: str = Field(pattern=r"^[0-9A-F]{32}$")
    row: Row


def keep(line: Line) -> None:
    """A repeat writes the same; a late list changes no newer price."""
    item = {
        **{"sku": {"S": line.row.sku}, "list": {"S": line.list}, "version": {"S": line.version}},
        **{"cents": {"N": line.row.cents}, "currency": {"S": line.row.currency}},
    }
    same = "version = :version AND cents = :cents AND currency = :currency"
    try:
        dynamodb.put_item(
            TableName=PRICES,
            Item=item,
            ConditionExpression=f"attribute_not_exists(sku) OR version < :version OR ({same})",
            ExpressionAttributeValues={f":{name}": item[name] for name in ("version", "cents", "currency")},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        there: Any = error.response  # has the item beside the error
        if there["Item"]["version"]["S"] == line.version:
            raise ValueError(f"{line.row.sku} has two prices in this list") from None
        logger.debug("not newer", sku=line.row.sku)


@logger.inject_lambda_context(correlation_id_path="correlation_id")
def handler(event: dict, context: LambdaContext) -> dict:
    """`refused` makes the row one of the failures that the state machine counts; what is raised it tries again."""
    logger.debug("taken")  # at INFO, a list of a million rows would be a million lines
    try:
        keep(Line.model_validate(event))
    except ValueError as error:  # pydantic's is one
        logger.warning("refused", why=str(error))
        metrics.add_metric(name="RowRefused", unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
        return {"refused": str(error)}
    return {}
