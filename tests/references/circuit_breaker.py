"""A circuit breaker that all environments share: after failures in a row one caller at a time tries the dependency."""

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

BREAKERS = os.environ["BREAKERS_TABLE"]
FAILURES, PAUSE = 5, 30  # in a row; seconds, more than the dependency's timeout

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})
dynamodb = boto3.client("dynamodb", config=aws)
T = TypeVar("T")


class Unwell(Exception):
    """The dependency timed out or answered 5xx; a refusal of one request says nothing about its health."""


class Open(Exception):
    """Nobody asked the dependency: come back after the pause."""


def call(name: str, act: Callable[[], T]) -> T:
    seen = admit(name)
    try:
        answer = act()
    except Unwell:
        update(name, "SET wake = :wake ADD failures :one", {"wake": time.time() + PAUSE, "one": 1})
        raise
    if seen:  # closes only what has not failed since
        update(name, "REMOVE failures, wake", seen, "failures = :failures AND wake = :wake")
    return answer


def admit(name: str) -> dict[str, float]:
    """Past the pause one caller may try: whose write wins. If it dies, another may a pause later."""
    seen = read(name)
    if seen.get("failures", 0) < FAILURES:
        return seen
    now, wake = time.time(), seen["wake"]
    if now < wake or not update(name, "SET wake = :next", {"wake": wake, "next": now + PAUSE}, "wake = :wake"):
        raise Open(name)
    return seen | {"wake": now + PAUSE}


def read(name: str) -> dict[str, float]:
    """Failures and the end of the pause; nothing when the table does not answer, for its outage must not be ours."""
    try:
        found = dynamodb.get_item(TableName=BREAKERS, Key={"id": {"S": name}}, ConsistentRead=True)
    except (BotoCoreError, ClientError):
        logger.exception("taken as closed", breaker=name)
        return {}
    return {key: float(value["N"]) for key, value in found.get("Item", {}).items() if key != "id"}


def update(name: str, change: str, values: dict[str, float], condition: str = "") -> bool:
    """Whether the change was made: not when its condition fails, nor when the table does not answer."""
    given: Any = {"ExpressionAttributeValues": {f":{key}": {"N": repr(value)} for key, value in values.items()}}
    if condition:
        given["ConditionExpression"] = condition
    try:
        dynamodb.update_item(TableName=BREAKERS, Key={"id": {"S": name}}, UpdateExpression=change, **given)
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    except (BotoCoreError, ClientError):
        logger.exception("not recorded", breaker=name)
        return False
    return True
