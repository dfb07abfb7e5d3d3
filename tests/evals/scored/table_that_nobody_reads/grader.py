"""The table becomes cheap and stays, since a queue that delivers at least once makes two mails of one without it.

canary-b4417fd2-aws-serverless-eda: not for training
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evals.happenings import START, at, forgotten, overtaken
from evals.harness import reported, text
from evals.scoring import Checks, Severity
from evals.system import System
from support.handlers import sqs_event
from support.templates import findings
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside
from trials.template import references
from trials.template.tables import lifetimes

CHECKS = Checks()
MOST_UNITS = 10  # of provisioned capacity, in all
LONGEST_REPEAT = 4  # days in which a message can come again: what its queue keeps it for
MOST_DAYS = 60


class Mails(Outside):
    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.down = False
        self.lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, Any]:
        with self.lock:
            if self.down:
                return 503, {}
            self.sent[asked.body["id"]] += 1
        return 202, {}


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[tuple[System, Mails]]:
    with Mails() as mails:
        yield System(answer, aws, MailUrl=mails.url), mails


def deliver(system: System, *names: str) -> list[str]:
    """What is reported."""
    bodies = [json.dumps({"id": name, "to": "ada@example.com", "text": "hello"}) for name in names]
    batch = sqs_event(*bodies)
    try:
        return reported(system.call(system.consumed_queue()[1], batch))
    except Exception:
        return [record["messageId"] for record in batch["Records"]]


@CHECKS(Severity.ASKED)
def nothing_stands_ready_that_is_not_used(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "CHANGES.md")
    with deployed(answer, aws) as (system, mails):
        units = 0
        for table in system.of_kind("AWS::DynamoDB::Table").values():
            if table.get("BillingMode") != "PAY_PER_REQUEST":
                units += sum(int(value) for value in table.get("ProvisionedThroughput", {}).values())
        if units > MOST_UNITS:
            yield f"{units} units of capacity are paid for day and night, for half a mail a second"
        with at():
            if deliver(system, "m-1", "m-2") or mails.sent != {"m-1": 1, "m-2": 1}:
                yield f"two mails go out as {dict(mails.sent)}"


@CHECKS(Severity.COSTS)
def what_is_kept_goes_one_day(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, _):
        with at():
            deliver(system, "m-1")
        for table in system.of_kind("AWS::DynamoDB::Table"):
            attribute = lifetimes(system.model).get(table, "")
            for item in system.items(table):
                days = (float(item.get(attribute, "inf")) - START.timestamp()) / 86400
                if days > MOST_DAYS:
                    yield f"{table} grows with each mail: an item stays {days} days"


@CHECKS(Severity.DOUBLES)
def a_mail_that_comes_again_is_one(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, mails):
        with at():
            deliver(system, "m-1")
        with at(minutes=6):
            left = deliver(system, "m-1")
        with at(days=LONGEST_REPEAT) as later:
            forgotten(system, later)
            deliver(system, "m-1")
        if mails.sent != {"m-1": 1} or left:
            yield f"a mail that is delivered again is sent {mails.sent['m-1']} times"


@CHECKS(Severity.DOUBLES)
def two_at_once_send_one(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, mails):
        for call in range(4):
            with at():
                both = overtaken(lambda: deliver(system, f"m-{call}"), lambda: deliver(system, f"m-{call}"), call)  # noqa: B023
            if mails.sent[f"m-{call}"] != 1:
                yield f"a mail that is delivered twice at once (call {call}) is sent {mails.sent[f'm-{call}']} times"
            if not both:
                break


@CHECKS(Severity.LOSES)
def an_outage_delays_a_mail(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, mails):
        with at():
            mails.down = True
            left = deliver(system, "m-1")
            mails.down = False
        with at(minutes=6):
            deliver(system, "m-1")
        if not left or mails.sent != {"m-1": 1}:
            yield f"after an outage a mail is sent {mails.sent['m-1']} times; reported: {left}"


@CHECKS(Severity.LOSES)
def the_queue_keeps_what_fails(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(("E", "SAM")))


@CHECKS(Severity.HIDES)
def somebody_hears_of_mails_given_up(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, _):
        graves = system.dead_letter_queues()
        if not [one for one in system.alarms("AWS/SQS") if graves & references(one.get("Dimensions"))]:
            yield "no alarm watches a dead-letter queue"


@CHECKS(Severity.HIDES)
def the_user_is_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    if not re.search(
        r"at.least.once|twice|duplicat|again|second time|idempoten", text(answer, "CHANGES.md"), re.IGNORECASE
    ):
        yield "CHANGES.md does not say what the table is for"


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, mails):
        with at():
            mails.down = True
            deliver(system, "m-1")
            mails.down = False
            deliver(system, "m-1")
        yield from system.denied()
