"""The log of gift cards: what happened, in order, and what that adds up to."""

import os
from dataclasses import dataclass

import boto3
from botocore.config import Config

LOG = os.environ["LOG_TABLE"]

aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
dynamodb = boto3.client("dynamodb", config=aws)


@dataclass(frozen=True)
class Card:
    version: int = 0
    cents: int = 0

    def after(self, kind: str, cents: int) -> "Card":
        return Card(self.version + 1, self.cents + (cents if kind == "CreditGranted" else -cents))


def item(card: str, place: str) -> dict:
    return {"card": {"S": card}, "place": {"S": place}}


def replay(card: str, state: Card, until: int = 10**12 - 1) -> Card:
    """Add what the log holds beyond `state`; a page of a Query ends at 1 MB, and only a consistent read is complete."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=LOG,
        ConsistentRead=True,
        KeyConditionExpression="card = :card AND place BETWEEN :first AND :last",
        ExpressionAttributeValues={
            ":card": {"S": card},
            ":first": {"S": f"event#{state.version + 1:012}"},
            ":last": {"S": f"event#{until:012}"},
        },
    )
    for page in pages:
        for event in page["Items"]:
            state = state.after(event["kind"]["S"], int(event["cents"]["N"]))
    return state


def load(card: str) -> Card:
    """The latest snapshot and what came after it."""
    found = dynamodb.get_item(TableName=LOG, Key=item(card, "snapshot"), ConsistentRead=True).get("Item")
    start = Card(int(found["version"]["N"]), int(found["cents"]["N"])) if found else Card()
    return replay(card, start)
