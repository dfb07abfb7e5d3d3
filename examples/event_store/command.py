"""Grants and spends credit: nothing overwritten, nothing done twice, no overdraft."""

import random
import time
from typing import Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from ledger import LOG, Card, dynamodb, item, load
from pydantic import BaseModel, Field

logger = Logger()


class Command(BaseModel):
    command_id: str = Field(min_length=1, max_length=64)  # the caller's, the same on every attempt
    card: str = Field(min_length=1, max_length=64)
    kind: Literal["CreditGranted", "CreditSpent"]
    cents: int = Field(gt=0, le=10_000_000, strict=True)


def earlier(command: Command) -> Card | None:
    """What this command led to, if it was carried out before."""
    key = item(command.card, f"command#{command.command_id}")
    found = dynamodb.get_item(TableName=LOG, Key=key, ConsistentRead=True).get("Item")
    return Card(int(found["version"]["N"]), int(found["cents"]["N"])) if found else None


def append(command: Command, new: Card) -> None:
    """Event and command's mark together or not at all: the one guards the version, the other the repetition."""
    result = {"version": {"N": str(new.version)}, "cents": {"N": str(new.cents)}}
    event = {"kind": {"S": command.kind}, "cents": {"N": str(command.cents)}, "schema": {"N": "1"}}
    puts: dict[str, Any] = {f"event#{new.version:012}": event, f"command#{command.command_id}": result}
    if new.version % 100 == 0:
        puts["snapshot"] = result
    once = {"ConditionExpression": "attribute_not_exists(place)"}
    writes: list[Any] = []
    for place, values in puts.items():
        put = {"TableName": LOG, "Item": {**item(command.card, place), **values}}
        writes.append({"Put": put if place == "snapshot" else put | once})
    dynamodb.transact_write_items(TransactItems=writes)


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    command = Command.model_validate(event)
    for attempt in range(10):
        if done := earlier(command):
            return {"version": done.version, "cents": done.cents}
        new = load(command.card).after(command.kind, command.cents)
        if new.cents < 0:
            return {"refused": "not enough credit"}
        try:
            append(command, new)
        except dynamodb.exceptions.TransactionCanceledException:  # somebody was faster, or it is done: look again
            time.sleep(random.uniform(0, 0.05 * 2**attempt))
        else:
            return {"version": new.version, "cents": new.cents}
    raise TimeoutError(f"{command.card} is too busy")
