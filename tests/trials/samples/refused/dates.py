"""Dates that lie on the wrong side of today, or whose zone the code cannot compare with its own."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from trials.moment import LATER, NOW
from trials.samples.refused.observation import WHEN, Observation

TO_COME, NO_ZONE = "a date to come", "times without a zone"
PAST = re.compile(
    r"(?i)\b(?:must|can|should|may)(?:not|n't| not) (?:be|lie) (?:in the past|before (?:today|now)|a past date)"
    r"|\b(?:must|has to|should) (?:be|lie) (?:in the future|a future date|after (?:today|now)|later than (?:today|now))"
    r"|\bis in the past\b|\bdate has (?:already )?passed\b"
)
NAIVE = re.compile(r"offset-naive and offset-aware|Invalid isoformat string: '[\d:T.-]+Z'")
MADE_UP = re.compile(rf"\b(?:{NOW:%Y-%m-%d}|{LATER:%Y-%m-%d})(?=\b|T)")
ZONED = re.compile(rf"({MADE_UP.pattern}T\d\d:\d\d(?::\d\d)?(?:\.\d+)?)(?:Z|\+00:00)")
TWO_YEARS = timedelta(days=731)


def dates(text: str, line: str) -> Iterator[Observation]:  # noqa: ARG001
    """What a refusal says of all dates of the sample, for it seldom names their keys."""
    if PAST.search(text):
        yield Observation(WHEN, value=TO_COME, old=TO_COME)
    elif NAIVE.search(text):
        yield Observation(WHEN, value=NO_ZONE, old=NO_ZONE)


def redated(value: Any, how: str) -> Any:
    """A sample whose made-up dates lie in two years, or name no zone."""
    if isinstance(value, dict):
        return {key: redated(inner, how) for key, inner in value.items()}
    if isinstance(value, list):
        return [redated(inner, how) for inner in value]
    if not isinstance(value, str):
        return value
    if how == NO_ZONE:
        return ZONED.sub(r"\1", value)
    return MADE_UP.sub(lambda made: str(date.fromisoformat(made[0]) + TWO_YEARS), value)
