"""Pauses the subscriber, lets it go on, reads kept events again by a second one, and ends that when none is missing."""

import os
from typing import Any, Literal

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.conditions import Attr
from botocore.config import Config
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

BUS, SUBSCRIBER = os.environ["BUS_ARN"], os.environ["SUBSCRIBER_ARN"]
STATES: Any = {"PAUSE": "STOPPED", "RESUME": "RUNNING"}
COPIED = (
    *("Type", "FilterConfiguration", "BatchConfiguration", "Transformer", "InvokeConfiguration", "RetryPolicy"),
    *("OnFailureConfiguration", "LogConfiguration"),
)

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
bus = boto3.client("eventbridgev2", config=aws)
orders = boto3.resource("dynamodb", config=aws).Table(os.environ["ORDERS_TABLE"])


class Command(BaseModel):
    model_config = ConfigDict(extra="forbid")
    do: Literal["PAUSE", "RESUME", "READ_AGAIN", "END_READER"]
    by: str = Field(min_length=1)
    since: AwareDatetime | None = None  # for READ_AGAIN: before the first event that is missing
    reader: str = ""  # for END_READER: what READ_AGAIN answered

    @model_validator(mode="after")
    def whole(self) -> "Command":
        if (self.do == "READ_AGAIN") != bool(self.since) or (self.do == "END_READER") != bool(self.reader):
            raise ValueError("READ_AGAIN needs since, END_READER needs reader, and nothing else does")
        return self


def read_again(since: Any) -> dict[str, str]:
    """Asked twice it is the same reader: the name and the token are made of the time."""
    first = bus.describe_subscriber(SubscriberArn=SUBSCRIBER)
    name = f"{first['Name']}-again-{since:%Y%m%dT%H%M%S}"
    place = {"PointType": "TIMESTAMP", "StartingPoint": since}
    alike: Any = {key: first[key] for key in COPIED if key in first}
    alike |= {"StartingPosition": "POINT_IN_TIME", "PointInTimeConfiguration": place, "ClientToken": name[-64:]}
    return {"reader": bus.create_subscriber(EventBusArn=BUS, Name=name, **alike)["SubscriberArn"]}


def missing() -> list[str]:
    """Orders that wait for an event before one that came."""
    asked: Any = {"FilterExpression": Attr("awaited").gt(Attr("number")), "ConsistentRead": True}
    pages = orders.meta.client.get_paginator("scan").paginate(TableName=orders.name, **asked)
    return sorted(str(item["order_id"]) for page in pages for item in page["Items"])


def end(reader: str) -> dict[str, Any]:
    """Only once no order lacks an event: what the reader still has to bring comes from nowhere else."""
    if waiting := missing():
        return {"reader": reader, "refused": f"{len(waiting)} orders lack an event", "orders": waiting[:10]}
    try:
        bus.delete_subscriber(SubscriberArn=reader)
    except bus.exceptions.ResourceNotFoundException:
        logger.info("ended before")
    return {"reader": reader}


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    command = Command.model_validate(event)
    logger.set_correlation_id(context.aws_request_id)
    logger.info("asked", do=command.do, by=command.by)
    if command.since:
        return read_again(command.since)
    if command.reader:
        return end(command.reader)
    # goes on where it stopped, at LAST_PROCESSED, unless a ResumePosition says LATEST
    return {"state": bus.update_subscriber(SubscriberArn=SUBSCRIBER, State=STATES[command.do])["State"]}
