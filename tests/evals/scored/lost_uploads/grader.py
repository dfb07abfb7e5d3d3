"""Statements are booked whatever their files are called, and what is not booked is an error, unless it was deleted.

canary-f82b1338-aws-serverless-eda: not for training
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from botocore.exceptions import ClientError

from evals.harness import Missing, intercepted
from evals.scoring import Checks, Severity
from evals.system import System, said
from trials.local_aws import LocalAws
from trials.template import references

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
READS = ("GetObject", "HeadObject")
STATEMENT = "number;account;cents\n1;4711;1200\n2;4712;350\n"


def deployed(answer: Path, aws: LocalAws) -> System:
    return System(answer, aws, OnCallTopicArn=ON_CALL)


def upload(system: System, key: str, text: str = STATEMENT) -> dict[str, Any]:
    """A file, and its event: S3 encodes the key as a form does, slashes aside."""
    bucket = system.id("Statements")
    system.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                    "object": {"key": quote_plus(key, safe="/"), "size": len(text), "sequencer": "0055AED6DCD90281E5"},
                },
            }
        ]
    }


def fails(system: System, event: dict[str, Any]) -> bool:
    try:
        system.call("Book", event)
    except Exception:
        return True
    return False


def bookings(system: System) -> list[str]:
    return sorted(item["booking_id"] for item in system.items("Bookings"))


@CHECKS(Severity.ASKED)
def statements_are_booked(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    if fails(system, upload(system, "bern/2026-11-24.csv")):
        yield "a plain statement is an error"
    if bookings(system) != ["bern/2026-11-24.csv#1", "bern/2026-11-24.csv#2"]:
        yield f"a plain statement is booked as {bookings(system)}"


@CHECKS(Severity.LOSES)
def odd_names_are_booked(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    for key in ("graz/Auszug 23.11.2026.csv", "köln/2026-11-23.csv", "lyon/relevé A+B.csv"):
        failed = fails(system, upload(system, key))
        if failed or not {f"{key}#1", f"{key}#2"} <= set(bookings(system)):
            yield f"{key} is not booked, failed: {failed}"


@CHECKS(Severity.LOSES)
def a_name_with_a_percent_is_booked(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    fails(system, upload(system, "graz/skonto3%20tage.csv"))
    if bookings(system) != ["graz/skonto3%20tage.csv#1", "graz/skonto3%20tage.csv#2"]:
        yield f"graz/skonto3%20tage.csv is booked as {bookings(system)}"


@CHECKS(Severity.DOUBLES)
def a_statement_that_comes_again_is_booked_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    event = upload(system, "bern/2026-11-25.csv")
    fails(system, event)
    fails(system, event)
    if len(bookings(system)) != 2:
        yield f"two lines are {len(bookings(system))} bookings once the event came twice"


@CHECKS(Severity.LOSES)
def what_s3_refuses_is_tried_again(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    for code, status in (("SlowDown", 503), ("AccessDenied", 403), ("InternalError", 500)):

        def refused(operation: str, _: dict[str, Any], really: Any, code: str = code, status: int = status) -> Any:
            if operation in READS:
                answer = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
                raise ClientError(answer, operation)  # type: ignore[arg-type]
            return really()

        event = upload(system, f"bern/{code}.csv")
        with intercepted(refused):
            if not fails(system, event):
                yield f"a statement that S3 answers with {code} is passed over"
        fails(system, event)
        if not {f"bern/{code}.csv#1", f"bern/{code}.csv#2"} <= set(bookings(system)):
            yield f"after {code} and a repeat the statement is not booked"


@CHECKS(Severity.COSTS)
def what_was_deleted_is_no_alarm(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    event = upload(system, "bern/oops 1.csv")
    system.aws.client("s3").delete_object(Bucket=system.id("Statements"), Key="bern/oops 1.csv")
    if fails(system, event):
        yield "what a branch deleted before it was booked calls somebody at night"


@CHECKS(Severity.LOSES)
def a_line_that_cannot_be_booked_is_an_error(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    failed = fails(system, upload(system, "bern/2026-11-27.csv", "account;cents\n4711;1200\n"))
    kept = any(system.messages(queue) for queue in system.of_kind("AWS::SQS::Queue"))
    if not failed and not kept:
        yield "lines without a number are passed over and nobody hears of it"


@CHECKS(Severity.HIDES)
def what_is_given_up_is_heard_of(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E96", "SAM", "E0", "E3")
    system = deployed(answer, aws)
    functions = [each for each in system.model.functions if each.name == "Book"]
    if not functions:
        raise Missing("there is no function Book")
    configs = [functions[0].only("EventInvokeConfig"), functions[0].only("DeadLetterQueue")]
    configs += [each.body for each in system.model.of("AWS::Lambda::EventInvokeConfig")]
    ends = {name for config in configs for name in references(config)} - {"Book"}
    alarms = [alarm for alarm in system.of_kind("AWS::CloudWatch::Alarm").values() if alarm.get("AlarmActions")]
    if not ends or ("OnCallTopicArn" not in ends and not any(references(alarm) & ends for alarm in alarms)):
        yield "nobody hears of a statement that was given up"


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    """Telling what is gone from what is forbidden takes s3:ListBucket, without which S3 answers 403 to both."""
    system = deployed(answer, aws)
    fails(system, upload(system, "bern/2026-11-28.csv"))
    system.asked.add(("Book", "s3:ListBucket", "Statements", ""))
    yield from system.denied()
