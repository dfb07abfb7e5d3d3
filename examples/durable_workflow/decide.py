"""Hands a person's decision to the loan that waits for it; only the first one counts, and none that is late."""

import json
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from pydantic import BaseModel, ConfigDict, Field

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
functions: Any = boto3.client("lambda", config=aws)


class Decision(BaseModel):
    model_config = ConfigDict(strict=True)
    loan_id: str = Field(min_length=1)
    callback_id: str = Field(pattern=r"^[A-Za-z0-9+/]+={0,2}$", max_length=1024)
    approved: bool


@logger.inject_lambda_context(correlation_id_path="loan_id")
def handler(event: dict, _: Any) -> dict:
    decision = Decision.model_validate(event)
    logger.info("deciding")
    result = json.dumps({"approved": decision.approved})
    try:
        functions.send_durable_execution_callback_success(CallbackId=decision.callback_id, Result=result)
    except functions.exceptions.CallbackTimeoutException:  # also if it was decided before
        logger.warning("too late")
        return {"counted": False}
    return {"counted": True}
