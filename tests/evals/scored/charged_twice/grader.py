"""The two planted ways to a second charge are closed: a lost answer, and a charge whose record could not be written.

canary-71d2e9c4-aws-serverless-eda: not for training
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.harness import intercepted
from evals.scoring import Checks, Severity
from evals.system import System
from support.templates import findings
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside

CHECKS = Checks()
WRITES = ("PutItem", "UpdateItem", "TransactWriteItems", "BatchWriteItem")


class Cards(Outside):
    """Charges; a key that it knows gets its first answer again."""

    def __init__(self) -> None:
        self.charges: Counter[str] = Counter()
        self.known: dict[str, str] = {}
        self.down = self.cut = False
        self.lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        with self.lock:
            if self.down:
                return 503, {"error": "unavailable", "reference": "err_503"}
            if not asked.key or asked.key not in self.known:
                self.charges[asked.body["order_id"]] += 1
                self.known[asked.key] = f"ch_{len(self.known)}"
            return None if self.cut else (200, {"reference": self.known[asked.key]})


def order(name: str) -> str:
    return json.dumps({"order_id": name, "cents": 1200})


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[tuple[System, Cards]]:
    with Cards() as cards:
        yield System(answer, aws, ProviderUrl=cards.url, OnCallTopicArn="arn:aws:sns:us-east-1:123456789012:t"), cards


@CHECKS(Severity.ASKED)
def orders_are_charged(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, cards):
        failures = system.deliver("ChargeOrders", order("o-1"), order("o-2"))
        if failures or cards.charges != {"o-1": 1, "o-2": 1}:
            yield f"two orders are charged {dict(cards.charges)}, reported: {failures}"


@CHECKS(Severity.DOUBLES)
def a_lost_answer_is_one_charge(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, cards):
        cards.cut = True
        kept = system.deliver("ChargeOrders", order("o-3"))
        cards.cut = False
        if kept:
            system.deliver("ChargeOrders", order("o-3"))
        if cards.charges["o-3"] != 1:
            yield f"{cards.charges['o-3']} charges when the provider's answer was lost"


@CHECKS(Severity.DOUBLES)
def a_record_that_failed_is_one_charge(answer: Path, aws: LocalAws) -> Iterator[str]:
    def throttled(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation in WRITES and cards.charges["o-4"]:
            error = {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slower"}}
            raise ClientError(error, operation)  # type: ignore[arg-type]
        return really()

    with deployed(answer, aws) as (system, cards):
        with intercepted(throttled):
            kept = system.deliver("ChargeOrders", order("o-4"))
        if kept:
            system.deliver("ChargeOrders", order("o-4"))
        if cards.charges["o-4"] != 1:
            yield f"{cards.charges['o-4']} charges when the record could not be written after the first"


@CHECKS(Severity.LOSES)
def an_outage_delays_the_charge(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, cards):
        cards.down = True
        if not system.deliver("ChargeOrders", order("o-5")):
            yield "an order that the provider refused is reported as done"
        cards.down = False
        system.deliver("ChargeOrders", order("o-5"))
        if not cards.charges["o-5"]:
            yield "an order is not charged although the provider came back"


@CHECKS(Severity.BLOCKS)
def a_bad_message_holds_up_nobody(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, cards):
        failures = system.deliver("ChargeOrders", "not JSON", order("o-6"))
        if failures != ["m-0"] or cards.charges["o-6"] != 1:
            yield f"behind a bad message an order is charged {cards.charges['o-6']} times; reported: {failures}"


@CHECKS(Severity.LOSES)
def the_queue_keeps_what_fails(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(("E91", "E97", "SAM", "E30")))


@CHECKS(Severity.HIDES)
def the_alarm_still_rings(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws, ProviderUrl="http://127.0.0.1", OnCallTopicArn="arn:aws:sns:us-east-1:123456789012:t")
    if not [alarm for alarm in system.alarms("AWS/SQS") if alarm.get("AlarmActions")]:
        yield "nobody is called any more when an order is given up"


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, _):
        system.deliver("ChargeOrders", order("o-7"))
        yield from system.denied()
