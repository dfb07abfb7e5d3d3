"""Starts an order once, whoever asks again; another order under its id, or one that is over, is a conflict."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

MACHINE = os.environ["STATE_MACHINE"]

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
states: Any = boto3.client("stepfunctions", config=aws)


class OrderConflict(Exception): ...


@logger.inject_lambda_context(correlation_id_path="order_id")  # the execution's name, which each step is given
def handler(event: dict, _: Any) -> dict:
    logger.info("starting")
    order = {key: value for key, value in event.items() if key != "order_id"}
    execution = f"{MACHINE.replace(':stateMachine:', ':execution:')}:{event['order_id']}"
    try:
        states.start_execution(stateMachineArn=MACHINE, name=event["order_id"], input=json.dumps(order, sort_keys=True))
    except states.exceptions.ExecutionAlreadyExists:
        known = states.describe_execution(executionArn=execution)
        if json.loads(known["input"]) != order or known["status"] not in ("RUNNING", "SUCCEEDED"):
            raise OrderConflict(f"{event['order_id']} is {known['status']}") from None
    return {"execution": execution}
