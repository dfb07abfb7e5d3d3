"""Starts a loan's workflow once, whoever asks again; another loan under its id is a conflict."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from loan import Loan

WORKFLOW = os.environ["WORKFLOW"]  # with its alias: without a version AWS refuses it

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
functions: Any = boto3.client("lambda", config=aws)


class LoanConflict(Exception): ...


@logger.inject_lambda_context(correlation_id_path="loan_id")
def handler(event: dict, _: Any) -> dict:
    """The name holds until RetentionPeriodInDays after the end, and the payload must be the same to the byte."""
    loan = Loan.model_validate(event)
    logger.info("starting")
    named = {"FunctionName": WORKFLOW, "DurableExecutionName": loan.loan_id, "Payload": loan.model_dump_json()}
    try:
        functions.invoke(InvocationType="Event", **named)  # waited for, the whole execution would have 15 minutes
    except functions.exceptions.DurableExecutionAlreadyStartedException:
        raise LoanConflict(f"{loan.loan_id} is another loan") from None
    return {"started": loan.loan_id}
