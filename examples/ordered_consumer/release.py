"""Replays what is parked of a SKU in the order of its numbers, once somebody has mended what held it up."""

from dataclasses import replace

import stock
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field

RESERVE = 20_000  # milliseconds, for the step that has begun

logger = Logger()


class Command(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sku: str = Field(min_length=1, max_length=128)
    by: str = Field(min_length=1)


def step(before: stock.Stock) -> None:
    """Apply the first that waits, or end the parking when none does. Raises `CannotBe` if it is not its turn yet."""
    first = stock.first_parked(before.sku)
    if not first:
        return stock.save(replace(before, parked=False))
    change = stock.Change.model_validate(first)
    logger.set_correlation_id(first["correlation_id"])
    stock.replay(before, change)
    return logger.info("replayed", number=change.number)


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    """Where the SKU stands then; still parked with the reason, or with none if time ran out: invoke it again."""
    command, why = Command.model_validate(event), ""
    logger.append_keys(sku=command.sku, by=command.by)
    while (now := stock.read(command.sku)).parked and context.get_remaining_time_in_millis() > RESERVE:
        try:
            step(now)
        except stock.MovedOn:  # a change came meanwhile, and was parked
            continue
        except stock.CannotBe as error:
            if stock.read(command.sku) != now:  # another release was faster
                continue
            why = str(error)
            logger.warning("still parked", why=why)
            break
    return {"sku": now.sku, "applied": now.applied, "pieces": now.pieces, "parked": now.parked, "why": why}
