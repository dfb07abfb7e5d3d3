"""A circuit breaker that all environments share: after failures in a row one caller at a time tries the dependency."""

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import boto3

BREAKERS = os.environ["BREAKERS_TABLE"]
FAILURES, PAUSE = 5, 30  # in a row; seconds, more than the dependency's timeout

dynamodb = boto3.client("dynamodb")
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
    """Past the pause one caller is let through: whose write wins. If it dies, the next comes a pause later."""
    item = dynamodb.get_item(TableName=BREAKERS, Key={"id": {"S": name}}, ConsistentRead=True).get("Item", {})
    seen = {key: float(value["N"]) for key, value in item.items() if key != "id"}
    if seen.get("failures", 0) < FAILURES:
        return seen
    now, wake = time.time(), seen["wake"]
    probe = {"seen": wake, "wake": now + PAUSE}
    if now < wake or not update(name, "SET wake = :wake", probe, "wake = :seen"):
        raise Open(name)
    return seen | {"wake": now + PAUSE}


def update(name: str, change: str, values: dict[str, float], condition: str = "") -> bool:
    """Whether the condition held, and so the change was made."""
    given: Any = {"ExpressionAttributeValues": {f":{key}": {"N": repr(value)} for key, value in values.items()}}
    if condition:
        given["ConditionExpression"] = condition
    try:
        dynamodb.update_item(TableName=BREAKERS, Key={"id": {"S": name}}, UpdateExpression=change, **given)
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True
