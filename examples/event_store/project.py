"""Keeps the readable balances at what the log says, in whatever order it hears of changes."""

import os

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from ledger import LOG, Card, dynamodb, replay

BALANCES = os.environ["BALANCES_TABLE"]

logger = Logger()


def project(card: str) -> None:
    """Catch up from the log, which makes a repeated, late or missing record harmless."""
    found = dynamodb.get_item(TableName=BALANCES, Key={"card": {"S": card}}, ConsistentRead=True).get("Item")
    new = replay(card, Card(int(found["version"]["N"]), int(found["cents"]["N"])) if found else Card())
    try:
        dynamodb.put_item(
            TableName=BALANCES,
            Item={"card": {"S": card}, "version": {"N": str(new.version)}, "cents": {"N": str(new.cents)}},
            ConditionExpression="attribute_not_exists(card) OR version < :version",
            ExpressionAttributeValues={":version": {"N": str(new.version)}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        logger.debug("up to date", card=card)


def hear(record: dict) -> str:
    """The card that changed, under the correlation id of the event, or of the record where it is a mark's."""
    change = record["dynamodb"]
    sent = change.get("NewImage", {}).get("correlation_id", {})
    logger.set_correlation_id(sent.get("S") or record.get("eventID"))
    logger.info("taken", keys=change["Keys"])
    return change["Keys"]["card"]["S"]


def rebuild() -> dict:
    """Project every card of the log, after balances were deleted or given up; one that fails stops no other."""
    logger.set_correlation_id(None)  # it is nobody's request
    pages = dynamodb.get_paginator("scan").paginate(TableName=LOG, ProjectionExpression="card")
    cards = {each["card"]["S"] for page in pages for each in page["Items"]}
    unprojected = []
    for card in sorted(cards):
        try:
            project(card)
        except Exception:
            logger.exception("not projected", card=card)
            unprojected.append(card)
    return {"cards": len(cards), "unprojected": unprojected}


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    if "Records" not in event:
        return rebuild()
    for position, record in enumerate(event["Records"]):
        try:
            project(hear(record))
        except Exception:
            logger.exception("not projected", record=record)
            if position == 0:
                raise  # only an error halves the batch, until the bad card is alone and gives up alone
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}
