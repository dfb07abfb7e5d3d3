"""The smallest event that a pattern lets through, and whether one does."""

import ipaddress
import json
from typing import Any

ABSENT = object()
PSEUDO = {"AWS::AccountId": "123456789012", "AWS::Region": "us-east-1", "AWS::Partition": "aws"}


def fill(pattern: Any) -> dict[str, Any]:
    """The smallest event that an event pattern lets through."""
    event: dict[str, Any] = {}
    if not isinstance(pattern, dict):
        return event
    for key, wanted in pattern.items():
        if key == "$or" and isinstance(wanted, list):
            merge(event, fill(wanted[0]))
        elif isinstance(wanted, dict):
            merge(event, {key: fill(wanted)})
        elif isinstance(wanted, list) and wanted:
            value = one_of(wanted)
            if value is not ABSENT:
                merge(event, {key: value})
    return event


def written(pattern: Any) -> dict[str, Any] | None:
    """A filter's pattern as it is written; None for one that only a deployment makes, or that is no JSON."""
    try:
        loaded = json.loads(pattern) if isinstance(pattern, str) else None
    except ValueError:
        return None
    return loaded if isinstance(loaded, dict) else None


def may_pass(pattern: Any, event: Any) -> bool:
    """Whether an event has the plain values that a pattern wants of it; what else it wants is not judged."""
    if not isinstance(pattern, dict) or not isinstance(event, dict):
        return not isinstance(pattern, dict)
    for key, wanted in pattern.items():
        plain = isinstance(wanted, list) and not any(isinstance(each, dict | list) for each in wanted)
        if plain and event.get(key) not in wanted:
            return False
        if isinstance(wanted, dict) and not may_pass(wanted, event.get(key)):
            return False
    return True


def merge(event: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(event.get(key), dict):
            merge(event[key], value)
        else:
            event[key] = value


def one_of(wanted: list[Any]) -> Any:
    """A value that one of a pattern's alternatives allows, or ABSENT."""
    plain = [each for each in wanted if not isinstance(each, dict)]
    if plain:
        return plain[0]
    (test, value), *_ = wanted[0].items()
    if test == "Ref":
        return PSEUDO.get(value, value)  # a resource by its logical id
    if test in ("prefix", "suffix", "equals-ignore-case", "anything-but") and isinstance(value, dict):
        return one_of([value])
    if test == "exists":
        return "trial" if value else ABSENT
    if test == "numeric":
        return number(value)
    if test == "anything-but":
        barred = value if isinstance(value, list) else [value]
        return max(barred) + 1 if all(isinstance(each, int | float) for each in barred) else "trial"
    if test == "cidr":
        return str(next(ipaddress.ip_network(value, strict=False).hosts()))
    return {"prefix": f"{value}trial", "suffix": f"trial{value}", "wildcard": str(value).replace("*", "trial")}.get(
        test, value
    )


def number(bounds: list[Any]) -> float | int:
    """A number between the bounds of a numeric filter."""
    tests = dict(zip(bounds[::2], bounds[1::2], strict=True))
    if "=" in tests:
        return tests["="]
    low: Any = tests.get(">=", tests.get(">"))
    high: Any = tests.get("<=", tests.get("<"))
    if low is None:
        return high if "<=" in tests else high - 1
    if high is None:
        return low if ">=" in tests else low + 1
    return low if ">=" in tests else (low + high) / 2
