"""Dates of what is stored, moved so that what is due is due, and what is valid still valid."""

import re
from datetime import date, datetime, timedelta
from typing import Any

from trials.moment import NOW
from trials.samples.derive import words

DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?=$|[T ]\d)")
MOMENT = re.compile(r"\b(?:date|time|timestamp|datetime|at|on|expires|expiry|expiration|deadline|until|due|ttl|epoch)$")
LONG_AGO, SOON, TO_COME = -400, 1, 400  # days from now


def on(text: str, day: date) -> str:
    """A date, or a date with its time, in the form that it has."""
    return DAY.sub(day.isoformat(), text, count=1)


def shifted(text: str, days: int) -> str | None:
    """A date so many days later; None for another text."""
    if (begins := DAY.match(text)) is None:
        return None
    try:
        return on(text, date.fromisoformat(begins[0]) + timedelta(days=days))
    except (ValueError, OverflowError):
        return None


def at_another_time(item: dict[str, Any], days: int) -> dict[str, Any]:
    """An item in DynamoDB's form whose dates, and numbers that are called as a time is, are so many days from now."""
    moment = NOW + timedelta(days=days)
    return {name: _moved(name, value, moment) for name, value in item.items()}


def _moved(name: str, value: dict[str, Any], moment: datetime) -> dict[str, Any]:
    (kind, held), *_ = value.items()
    if kind == "S":
        return {"S": on(held, moment.date()) if DAY.match(held) else held}
    if kind == "N" and MOMENT.search(words(name)):
        return {"N": str(int(moment.timestamp()))}
    if kind == "M":
        return {"M": {inner: _moved(inner, each, moment) for inner, each in held.items()}}
    return {"L": [_moved(name, each, moment) for each in held]} if kind == "L" else value
