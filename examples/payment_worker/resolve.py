"""Takes the word of whoever asked the provider about a payment whose outcome nobody here knows."""

import json
import os
from typing import Any, Literal

import boto3
import ledger
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field

PAYMENTS = os.environ["PAYMENTS_URL"]

logger = Logger()
sqs = boto3.client("sqs", config=ledger.aws)


class Verdict(BaseModel):
    """DONE: it was charged. REFUSED: it was not, and shall not be. RETRY: it was not, charge it now."""

    model_config = ConfigDict(extra="forbid")
    payment_id: str = Field(min_length=1, max_length=64)
    verdict: Literal["DONE", "REFUSED", "RETRY"]
    by: str = Field(min_length=1)
    found: str = Field(min_length=1)  # what the provider has: the charge's id, or that there is none


class Contradicted(Exception): ...


def settled(verdict: Verdict, state: str) -> dict:
    """The record with the verdict in it; one that has another outcome already keeps that."""
    try:
        return ledger.judge(verdict.payment_id, state, f"{verdict.by}: {verdict.found}")
    except ledger.Refused as error:
        record = ledger.read(verdict.payment_id)
        if record["state"] != state:
            raise Contradicted(f"{verdict.payment_id} is {record['state']}: {record.get('what', 'in work')}") from error
        return record


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    """RETRY leaves it UNKNOWN and sends the next attempt, which alone may claim it: two such messages are one try."""
    verdict = Verdict.model_validate(event)
    record = settled(verdict, "UNKNOWN" if verdict.verdict == "RETRY" else verdict.verdict)
    correlation_id = str(record["correlation_id"])  # of the message whose payment is in doubt
    logger.set_correlation_id(correlation_id)
    logger.info("resolved", payment_id=verdict.payment_id, verdict=verdict.verdict, by=verdict.by)
    if verdict.verdict == "RETRY":
        payment = {key: record[key] for key in ("payment_id", "card")}
        numbers = {"cents": int(record["cents"]), "attempt": int(record["attempt"]) + 1}
        sent: Any = {"correlation_id": {"DataType": "String", "StringValue": correlation_id}}
        sqs.send_message(QueueUrl=PAYMENTS, MessageBody=json.dumps(payment | numbers), MessageAttributes=sent)
    return {"payment_id": verdict.payment_id, "state": record["state"], "what": record["what"]}
