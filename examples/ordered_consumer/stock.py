"""The stock of each SKU, after changes that count 1, 2, 3 … for it; what cannot be applied yet waits in Parked.

Whoever saves has read the SKU's item: its `version` is a condition of every write, so no two may decide at once.
"""

import os
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import boto3
from boto3.dynamodb.conditions import Key
from botocore.config import Config
from pydantic import BaseModel, Field

STOCK, PARKED = os.environ["STOCK_TABLE"], os.environ["PARKED_TABLE"]

aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
tables = boto3.resource("dynamodb", config=aws)
dynamodb = tables.meta.client
MovedOn = (
    dynamodb.exceptions.ConditionalCheckFailedException,
    dynamodb.exceptions.TransactionCanceledException,
)


class Change(BaseModel):
    number: int = Field(ge=1, lt=10**15, strict=True)  # the producer's: one more than the SKU's change before it
    kind: Literal["RECEIVED", "SOLD", "COUNTED"]
    pieces: int = Field(ge=0, le=1_000_000, strict=True)


class CannotBe(Exception): ...


@dataclass(frozen=True)
class Stock:
    sku: str
    version: int = 0
    applied: int = 0  # the number of the last change
    pieces: int = 0
    parked: bool = False

    def after(self, change: Change) -> "Stock":
        """Raises `CannotBe` for a change that is not the next, or that takes more than there is."""
        if change.number != self.applied + 1:
            raise CannotBe(f"change {self.applied + 1} is missing")
        kinds = {"RECEIVED": self.pieces + change.pieces, "SOLD": self.pieces - change.pieces, "COUNTED": change.pieces}
        if kinds[change.kind] < 0:
            raise CannotBe(f"change {change.number} takes {change.pieces} of {self.pieces}")
        return replace(self, applied=change.number, pieces=kinds[change.kind])


def read(sku: str) -> Stock:
    found: Any = tables.Table(STOCK).get_item(Key={"sku": sku}, ConsistentRead=True).get("Item")
    if not found:
        return Stock(sku)
    return Stock(sku, int(found["version"]), int(found["applied"]), int(found["pieces"]), bool(found["parked"]))


def save(after: Stock, *with_it: Any) -> None:
    """Raises one of `MovedOn` if the SKU's item is no longer the one that was read, and then writes nothing."""
    put: Any = {
        "TableName": STOCK,
        "Item": asdict(after) | {"version": after.version + 1},
        "ConditionExpression": "version = :read" if after.version else "attribute_not_exists(sku)",
    }
    if after.version:
        put["ExpressionAttributeValues"] = {":read": after.version}
    if with_it:
        dynamodb.transact_write_items(TransactItems=[{"Put": put}, *with_it])
    else:
        dynamodb.put_item(**put)


def park(before: Stock, change: Change, **more: str | None) -> None:
    """Keep it behind those that wait; one of the same number takes the place of the one before."""
    item = {"sku": before.sku, **change.model_dump(), **more}
    save(replace(before, parked=True), {"Put": {"TableName": PARKED, "Item": item}})


def first_parked(sku: str) -> dict | None:
    query: Any = {"KeyConditionExpression": Key("sku").eq(sku), "Limit": 1, "ConsistentRead": True}
    found: list[Any] = tables.Table(PARKED).query(**query)["Items"]
    return found[0] | {"number": int(found[0]["number"]), "pieces": int(found[0]["pieces"])} if found else None


def replay(before: Stock, change: Change) -> None:
    gone = {"TableName": PARKED, "Key": {"sku": before.sku, "number": change.number}}
    save(before.after(change), {"Delete": gone})
