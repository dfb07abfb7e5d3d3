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
    command_id: str = Field(min_length=1, max_length=64)  # the caller's, of one card, the same on every attempt
    card: str = Field(min_length=1, max_length=64)
    kind: Literal["CreditGranted", "CreditSpent"]
    cents: int = Field(gt=0, le=10_000_000, strict=True)
    correlation_id: str = Field(default="", max_length=64)


def earlier(command: Command) -> dict | None:
    """The answer to this command, if it was carried out before; to another command under its id, a refusal."""
    key = item(command.card, f"command#{command.command_id}")
    mark = dynamodb.get_item(TableName=LOG, Key=key, ConsistentRead=True).get("Item")
    if not mark:
        return None
    if (mark["kind"]["S"], int(mark["amount"]["N"])) != (command.kind, command.cents):
        return {"refused": "the command id was used for another command"}
    return {"version": int(mark["version"]["N"]), "cents": int(mark["cents"]["N"])}


def append(command: Command, new: Card) -> None:
    """Event and command's mark together or not at all: the one guards the version, the other the repetition."""
    result = {"version": {"N": str(new.version)}, "cents": {"N": str(new.cents)}}
    event = {"kind": {"S": command.kind}, "cents": {"N": str(command.cents)}, "schema": {"N": "1"}}
    event["correlation_id"] = {"S": str(logger.get_correlation_id())}  # which the stream brings to the projection
    mark = {**result, "kind": {"S": command.kind}, "amount": {"N": str(command.cents)}}
    puts: dict[str, Any] = {f"event#{new.version:012}": event, f"command#{command.command_id}": mark}
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
    logger.set_correlation_id(command.correlation_id or command.command_id)
    logger.info("taken", command_id=command.command_id)
    for attempt in range(10):
        new = load(command.card).after(command.kind, command.cents)
        if done := earlier(command):  # asked after the log was read: what that read counts in has its mark by now
            return done
        if new.cents < 0:
            return {"refused": "not enough credit"}
        try:
            append(command, new)
        except dynamodb.exceptions.TransactionCanceledException:  # somebody was faster, or it is done: look again
            time.sleep(random.uniform(0, 0.05 * 2**attempt))
        else:
            return {"version": new.version, "cents": new.cents}
    raise TimeoutError(f"{command.card} is too busy")
