"""A log alarm that counts the failures of each service, rings as asked, and brings the lines along.

canary-cf91530e-aws-serverless-eda: not for training
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.harness import Missing, text
from evals.scoring import Checks, Severity
from evals.system import said
from trials.local_aws import LocalAws
from trials.template import Model, Resource, read_template, references

CHECKS = Checks()
FIVE_MINUTES = 300  # seconds
UNITS = {"minute": 60, "hour": 3600, "day": 86400}


def model(answer: Path) -> Model:
    text(answer, "template.yaml")
    return Model(read_template(answer / "template.yaml"), answer / "template.yaml")


def alarms(answer: Path) -> list[Resource]:
    """The log alarms, one or one of each service."""
    given = model(answer).of("AWS::CloudWatch::LogAlarm")
    if not given:
        raise Missing("there is no AWS::CloudWatch::LogAlarm")
    return given


def query(alarm: Resource) -> str:
    return str(alarm.only("ScheduledQueryConfiguration", "QueryString"))


def counted(alarm: Resource) -> str:
    return str(alarm.only("ScheduledQueryConfiguration", "AggregationExpression"))


@CHECKS(Severity.ASKED)
def an_alarm_reads_the_lines(answer: Path, aws: LocalAws) -> Iterator[str]:
    for alarm in alarms(answer):
        groups = references(alarm.only("ScheduledQueryConfiguration", "LogGroupIdentifiers"))
        if "Logs" not in groups:
            yield f"{alarm.name} does not read the functions' log group"


@CHECKS(Severity.HIDES)
def each_service_counts_for_itself(answer: Path, aws: LocalAws) -> Iterator[str]:
    given = alarms(answer)
    split = [alarm for alarm in given if re.search(r"\bby\b.*\bservice\b", counted(alarm))]
    named = {name for name in ("book", "notify") for alarm in given if re.search(rf"\b{name}\b", query(alarm))}
    if not split and len(named) < 2:
        yield f"failures of both services are added up: {[counted(alarm) for alarm in given]}"


@CHECKS(Severity.LOSES)
def it_rings_as_asked(answer: Path, aws: LocalAws) -> Iterator[str]:
    """Above 20, in two results of two, each of five minutes."""
    for alarm in alarms(answer):
        results = (alarm.only("QueryResultsToAlarm"), alarm.only("QueryResultsToEvaluate"))
        if results != (2, 2):
            yield f"{alarm.name} rings after {results[0]} of {results[1]} results"
        how = (alarm.only("ComparisonOperator"), float(alarm.only("Threshold")))
        if how not in (("GreaterThanThreshold", 20), ("GreaterThanOrEqualToThreshold", 21)):
            yield f"{alarm.name} rings at {how}"


@CHECKS(Severity.COSTS)
def it_counts_failures_only(answer: Path, aws: LocalAws) -> Iterator[str]:
    for alarm in alarms(answer):
        if not re.search(r"\bfilter\b.*ERROR", query(alarm), re.IGNORECASE | re.DOTALL):
            yield f"{alarm.name} counts more than failures: {query(alarm)}"
        if "count" not in counted(alarm):
            yield f"{alarm.name} does not count: {counted(alarm)}"


@CHECKS(Severity.LOSES)
def every_line_is_in_one_window(answer: Path, aws: LocalAws) -> Iterator[str]:
    for alarm in alarms(answer):
        how: dict[str, Any] = alarm.only("ScheduledQueryConfiguration", "ScheduleConfiguration") or {}
        rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", str(how.get("ScheduleExpression")))
        window = int(how.get("StartTimeOffset", 0)) - int(how.get("EndTimeOffset", 0))
        if not rate or int(rate[1]) * UNITS[rate[2]] != FIVE_MINUTES or window != FIVE_MINUTES:
            yield f"{alarm.name} looks at {window} s at {how.get('ScheduleExpression')}"


@CHECKS(Severity.HIDES)
def the_lines_come_along(answer: Path, aws: LocalAws) -> Iterator[str]:
    for alarm in alarms(answer):
        if not int(alarm.only("ActionLogLineCount") or 0):
            yield f"{alarm.name} brings no lines along"
        elif "QueryRoleArn" not in references(alarm.only("ActionLogLineRoleArn")):
            yield f"{alarm.name} has no role that may fetch the lines"


@CHECKS(Severity.COSTS)
def quiet_nights_are_quiet(answer: Path, aws: LocalAws) -> Iterator[str]:
    for alarm in alarms(answer):
        if alarm.only("TreatMissingData") != "notBreaching":
            yield f"{alarm.name}: where nothing fails, missing data is {alarm.only('TreatMissingData')}"


@CHECKS(Severity.LOSES)
def somebody_is_called(answer: Path, aws: LocalAws) -> Iterator[str]:
    for alarm in alarms(answer):
        if "OnCallTopicArn" not in references(alarm.only("AlarmActions")) or alarm.only("ActionsEnabled") is False:
            yield f"{alarm.name} calls nobody"
    metric = [each for each in model(answer).of("AWS::CloudWatch::Alarm") if each.only("AlarmActions")]
    if not metric:
        yield "nobody is called any more when a parcel is given up"


@CHECKS(Severity.COSTS)
def no_metric_is_made(answer: Path, aws: LocalAws) -> Iterator[str]:
    template = model(answer)
    yield from (f"{each.name} is a metric filter" for each in template.of("AWS::Logs::MetricFilter"))
    more = {each.name for each in template.functions} - {"Book", "Notify"}
    yield from (f"{name} is another function" for name in more)


@CHECKS(Severity.BLOCKS)
def it_can_be_deployed(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E", "SAM")
