"""Dates that lie on the wrong side of today, or whose zone the code cannot compare with its own."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from trials.samples.refused.observation import WHEN, Observation

TO_COME, NO_ZONE = "a date to come", "times without a zone"
PAST = re.compile(
    r"(?i)\b(?:must|can|should|may)(?:not|n't| not) (?:be|lie) (?:in the past|before (?:today|now)|a past date)"
    r"|\b(?:must|has to|should) (?:be|lie) (?:in the future|a future date|after (?:today|now)|later than (?:today|now))"
    r"|\bis in the past\b|\bdate has (?:already )?passed\b"
)
NAIVE = re.compile(r"offset-naive and offset-aware|Invalid isoformat string: '[\d:T.-]+Z'")
MADE_UP = re.compile(r"\b2026-11-(\d\d)(?=\b|T)")  # the dates of samples are those of one month
ZONED = re.compile(r"\b(2026-11-\d\dT\d\d:\d\d(?::\d\d)?(?:\.\d+)?)(?:Z|\+00:00)")


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
    year = datetime.now(UTC).year + 2
    return ZONED.sub(r"\1", value) if how == NO_ZONE else MADE_UP.sub(rf"{year}-11-\1", value)
