"""A refund whose run ended in the middle is paid by a later one, and no refund is paid twice.

canary-fc317060-aws-serverless-eda: not for training
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from evals.scoring import Checks, Severity
from evals.system import Killed, System, killable, said
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
SLOWEST = 25  # seconds that the bank may take
HOUR, TWO_DAYS = 3600, 2 * 24 * 3600


class Bank(Outside):
    """Transfers; it gives a known key its first transfer. `before` and `after` happen once, around a transfer."""

    def __init__(self) -> None:
        self.paid: Counter[str] = Counter()
        self.known: dict[str, str] = {}
        self.down = False
        self.before: Callable[[], Any] | None = None
        self.after: Callable[[], Any] | None = None

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        if self.down:
            return 503, {"error": "down", "transfer": None}
        if self.before:
            happens, self.before = self.before, None
            happens()
            return None
        if asked.key not in self.known or not asked.key:
            self.paid[asked.body["reference"]] += 1
            self.known[asked.key] = f"t-{self.paid.total()}"
        if self.after:
            happens, self.after = self.after, None
            if happens():
                return None
        return 200, {"transfer": self.known[asked.key]}


def refund(name: str) -> str:
    return json.dumps({"refund_id": name, "iban": "DE02120300000000202051", "cents": 1999})


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[tuple[System, Bank]]:
    with Bank() as bank:
        yield System(answer, aws, BankUrl=bank.url, OnCallTopicArn=ON_CALL), bank


def deliver(system: System, *bodies: str) -> list[str]:
    return system.deliver(system.consumed_queue()[1], *bodies)


def later(system: System, seconds: int) -> None:
    """Let time pass for what the tables keep: each point in time moves into the past, and TTL deletes what is over."""
    dynamodb = system.aws.client("dynamodb")
    for name, table in system.of_kind("AWS::DynamoDB::Table").items():
        expiry = table.get("TimeToLiveSpecification", {}).get("AttributeName")
        keys = [key["AttributeName"] for key in table["KeySchema"]]
        for item in dynamodb.scan(TableName=system.id(name))["Items"]:
            aged = {key: value if key in keys else moved(value, seconds) for key, value in item.items()}
            over = expiry in aged and float(aged[expiry].get("N", "inf")) < datetime.now().timestamp()
            if over:
                dynamodb.delete_item(TableName=system.id(name), Key={key: item[key] for key in keys})
            else:
                dynamodb.put_item(TableName=system.id(name), Item=aged)


def moved(value: dict[str, Any], seconds: int) -> dict[str, Any]:
    if "N" in value and float(value["N"]) > 1e9:
        return {"N": str(int(float(value["N"])) - (seconds * 1000 if float(value["N"]) > 1e12 else seconds))}
    if re.match(r"\d{4}-\d\d-\d\dT", str(value.get("S"))):
        return {"S": (datetime.fromisoformat(value["S"]) - timedelta(seconds=seconds)).isoformat()}
    return value


@CHECKS(Severity.ASKED)
def refunds_are_paid(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, bank):
        kept = deliver(system, refund("r-1")) + deliver(system, refund("r-2"))
        if kept or bank.paid != {"r-1": 1, "r-2": 1}:
            yield f"two refunds are paid {dict(bank.paid)}, reported: {kept}"


@CHECKS(Severity.LOSES)
def a_refund_whose_run_ended_is_paid(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, bank), killable() as kill:
        bank.before = kill
        with suppress(Killed):
            deliver(system, refund("r-3"))
        later(system, HOUR)
        deliver(system, refund("r-3"))
        if bank.paid["r-3"] != 1:
            yield f"a refund whose first run ended before the transfer is paid {bank.paid['r-3']} times an hour later"


@CHECKS(Severity.DOUBLES)
def a_refund_whose_answer_never_came_is_paid_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, bank), killable() as kill:
        bank.after = lambda: kill() or True
        with suppress(Killed):
            deliver(system, refund("r-4"))
        later(system, HOUR)
        if deliver(system, refund("r-4")) or bank.paid["r-4"] != 1:
            yield f"a refund whose run ended after the transfer is paid {bank.paid['r-4']} times, or never done"


@CHECKS(Severity.DOUBLES)
def a_redrive_after_days_pays_nothing(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, bank):
        deliver(system, refund("r-5"))
        later(system, TWO_DAYS)
        bank.known.clear()
        if deliver(system, refund("r-5")) or bank.paid["r-5"] != 1:
            yield f"a refund that is redriven after two days is paid {bank.paid['r-5']} times, or not done"


@CHECKS(Severity.LOSES)
def a_copy_of_a_refund_in_hand_stays(answer: Path, aws: LocalAws) -> Iterator[str]:
    """Unless its run paid it: the other may yet fail."""
    with deployed(answer, aws) as (system, bank), killable() as kill:
        copy: list[bool] = []

        def copied() -> None:
            copy.append(bool(deliver(system, refund("r-6"))) or bank.paid["r-6"] == 1)
            kill()

        bank.before = copied
        with suppress(Killed):
            deliver(system, refund("r-6"))
        if copy != [True]:
            yield "a copy of a refund that is being paid is deleted, and then the payment fails"


@CHECKS(Severity.LOSES)
def an_outage_delays_the_refund(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, bank):
        bank.down = True
        if not deliver(system, refund("r-7")):
            yield "a refund that the bank refused is reported as done"
        bank.down = False
        later(system, HOUR)
        deliver(system, refund("r-7"))
        if bank.paid["r-7"] != 1:
            yield "a refund is not paid although the bank came back"


@CHECKS(Severity.LOSES)
def a_refund_without_an_iban_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, _):
        if deliver(system, '{"refund_id": "r-8", "cents": 5}') != ["m-0"]:
            yield "a refund that cannot be paid is deleted unseen"


@CHECKS(Severity.BLOCKS)
def a_slow_bank_is_waited_for(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws, BankUrl="http://127.0.0.1", OnCallTopicArn=ON_CALL)
    queue, function = system.consumed_queue()
    (mapping,) = [each for each in system.model.mappings if each.source and each.source.name == queue]
    batch = max(int(each or 10) for each in mapping.numbers("BatchSize"))
    timeout = int(system.properties(function).get("Timeout", 3))
    if timeout <= batch * SLOWEST:
        yield f"a transfer takes up to {SLOWEST} s, {batch} have {timeout} s"


@CHECKS(Severity.LOSES)
def the_queue_keeps_what_fails(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E91", "E3505", "SAM")


@CHECKS(Severity.HIDES)
def the_alarm_still_rings(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws, BankUrl="http://127.0.0.1", OnCallTopicArn=ON_CALL)
    if not [alarm for alarm in system.alarms("AWS/SQS") if alarm.get("AlarmActions")]:
        yield "nobody is called any more when a refund is given up"


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, bank):
        deliver(system, refund("r-9"))
        deliver(system, refund("r-9"))
        bank.down = True
        deliver(system, refund("r-10"))
        yield from system.denied()
