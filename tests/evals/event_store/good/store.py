"""A stream of events per aggregate: appended only after the version that the writer has seen."""

import json
import os
from typing import Any

import boto3

TABLE = os.environ["EVENTS_TABLE"]

dynamodb = boto3.client("dynamodb")


class Conflict(Exception): ...


def append(card: str, expected: int, events: list[dict]) -> int:
    """All of them after version `expected`, or none and Conflict."""
    writes: list[Any] = [
        {
            "Put": {
                "TableName": TABLE,
                "Item": {"card": {"S": card}, "version": {"N": str(version)}, "event": {"S": json.dumps(event)}},
                "ConditionExpression": "attribute_not_exists(card)",
            }
        }
        for version, event in enumerate(events, expected + 1)
    ]
    if expected:
        last = {"card": {"S": card}, "version": {"N": str(expected)}}
        check = {"TableName": TABLE, "Key": last, "ConditionExpression": "attribute_exists(card)"}
        writes.append({"ConditionCheck": check})
    try:
        dynamodb.transact_write_items(TransactItems=writes)
    except dynamodb.exceptions.TransactionCanceledException as error:
        raise Conflict(f"{card} is not at {expected}") from error
    return expected + len(events)


def read(card: str) -> list[dict]:
    pages = dynamodb.get_paginator("query").paginate(
        TableName=TABLE,
        ConsistentRead=True,
        KeyConditionExpression="card = :card",
        ExpressionAttributeValues={":card": {"S": card}},
    )
    return [json.loads(item["event"]["S"]) for page in pages for item in page["Items"]]
