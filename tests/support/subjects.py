"""Events and parameters that the functions of several examples are tried with; see `tests/patterns/*/faults.py`."""

import importlib
import json
from dataclasses import replace
from typing import Any

from support.documents import ROOT
from support.faults import Stage, Subject
from support.handlers import event, sqs_event
from support.mistakes import PATTERNS
from trials.examples import in_typescript

ALARMS = {"AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:alerts"}
TRUST = {"Issuer": "https://id.test", "Audience": "shop"}
TEXTS = ["", "null", "[]", "{", "\x00", '"text"', "1", "{}", '{"id": {"$gt": ""}}', "[" * 5000]
NOTHING: list[Any] = [{}, {"id": None}, {"order_id": "x' OR 1=1"}]


def subjects() -> list[Subject]:
    """Every function of every example, and once more where its handler is in TypeScript too.

    Not of an example whose events Lambda does not just hand over: a durable function's replays are played in Python.
    """
    found = [each for name in PATTERNS for each in importlib.import_module(f"patterns.{name}.faults").SUBJECTS]
    played = {each.example for each in found if each.delivers != Subject.delivers}
    typed = set(in_typescript()) - played
    return found + [replace(each, language="typescript") for each in found if each.example in typed]


def messages(_: Stage) -> list[Any]:
    return [sqs_event(text) for text in TEXTS]


def requests(stage: Stage) -> list[Any]:
    whole = stage.subject.event(stage)
    return [{**whole, "body": text, "isBase64Encoded": False} for text in TEXTS]


def sample(stage: Stage) -> Any:
    return event(stage.shop.folder)


def fields_broken(stage: Stage) -> list[Any]:
    """The genuine event without each of its fields, and with something else in it."""
    whole = stage.subject.event(stage)
    wrong: list[Any] = [None, [], {"$ne": 1}]
    others = [{**whole, key: other} for key in whole for other in wrong]
    return [{k: v for k, v in whole.items() if k != key} for key in whole] + others


def api_request(path: str, body: Any) -> dict[str, Any]:
    whole: dict[str, Any] = event(ROOT / "examples" / "rest_api")
    context = {**whole["requestContext"], "http": {"method": "POST", "path": path, "sourceIp": "192.0.2.1"}}
    return {**whole, "rawPath": path, "requestContext": context, "body": json.dumps(body)}


def alarms(_: Any) -> dict[str, str]:
    return ALARMS


SHOP: Any = {"parameters": alarms}
