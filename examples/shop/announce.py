"""Announces each state that an order comes to on the bus, as OrderPaid for instance: its stream is the outbox."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config

BUS, LEFT_BEHIND = os.environ["BUS_NAME"], os.environ["LEFT_BEHIND_URL"]
MAY_PASS = {"InternalFailure", "ThrottlingException"}  # the only codes of a refused entry that do

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
events, sqs = boto3.client("events", config=aws), boto3.client("sqs", config=aws)
plain = TypeDeserializer()


class NotAnnounced(Exception): ...


def set_aside(record: dict, why: str) -> None:
    logger.error("set aside", record=record, why=why)
    sqs.send_message(QueueUrl=LEFT_BEHIND, MessageBody=json.dumps({"Records": [record], "why": why}))


def entry(record: dict) -> Any:
    """No card and no address: whoever hears it asks by the order's id. An order comes to each state once."""
    order = {name: plain.deserialize(value) for name, value in record["dynamodb"]["NewImage"].items()}
    logger.set_correlation_id(order["correlation_id"])
    logger.info("announcing", order_id=order["order_id"], state=order["state"])
    data = {name: order[name] for name in ("order_id", "sku", "email", "country") if name in order}
    if "cents" in order:
        total = order["cents"] / 100
        data["total"] = int(total) if total == int(total) else float(total)
    event_id = f"{order['state'].lower()}-{order['order_id']}"
    metadata = {"event_id": event_id, "version": 1, "correlation_id": order["correlation_id"]}
    kind = "Order" + order["state"].title().replace("_", "")
    detail = json.dumps({"metadata": metadata, "data": data})
    return {"EventBusName": BUS, "Source": "shop.orders", "DetailType": kind, "Detail": detail}


def readable(records: list[dict]) -> tuple[list[dict], list[Any]]:
    """Those of the records that can be announced, and their entries; a mapping of ten is one request."""
    known, entries = [], []
    for record in records:
        try:
            entries.append(entry(record))
            known.append(record)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            set_aside(record, repr(error))
    return known, entries


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    """Stop at what the bus may take later, so that it comes again with all behind it; set aside what it never will."""
    known, entries = readable(event["Records"])
    answers = events.put_events(Entries=entries)["Entries"] if entries else []  # 200, although some may be refused
    for record, answer in zip(known, answers, strict=True):
        code = answer.get("ErrorCode")
        if code in MAY_PASS:
            if record is event["Records"][0]:
                raise NotAnnounced(code)  # named, it would take the whole batch along when the mapping gives up
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
        if code:
            set_aside(record, code)
    return {"batchItemFailures": []}
