"""Three hours of an outage are outlasted, within the life of a key and of an invocation, and a refusal stays final.

canary-d5e27b90-aws-serverless-eda: not for training
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evals.harness import intercepted, reported, text
from evals.scoring import Checks, Severity
from evals.system import System
from support.handlers import sqs_event
from support.templates import findings
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside
from trials.template import references

CHECKS = Checks()
OUTAGE, KEY, A_TRY = 3 * 3600, 24 * 3600, 5  # seconds
SAMPLED = 12  # receives; those after are as far apart as the last of them


class Provider(Outside):
    """As provider.md says; `status` is what it answers instead, without a payment made."""

    def __init__(self) -> None:
        self.paid: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.asked = 0
        self.status = 0
        self.cut = False

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        self.asked += 1
        if self.status:
            return self.status, {}
        if not asked.key or asked.key not in self.keys:
            self.paid[asked.body["payment"]] += 1
            self.keys.add(asked.key)
        return None if self.cut else (201, {})


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[tuple[System, Provider]]:
    with Provider() as provider:
        topic = "arn:aws:sns:us-east-1:123456789012:t"
        yield System(answer, aws, ProviderUrl=provider.url, OnCallTopicArn=topic), provider


def deliver(system: System, name: str = "p-1", receives: int = 1) -> list[str]:
    batch = sqs_event(json.dumps({"id": name, "card": "tok_1", "cents": 100}), receives=receives)
    try:
        return reported(system.call(system.consumed_queue()[1], batch))
    except Exception:
        return ["m-0"]


def tried_for(system: System, provider: Provider) -> int:
    """The seconds between the first and the last receive of a payment that the provider does not take."""
    queue = system.properties(system.consumed_queue()[0])
    receives = int(queue.get("RedrivePolicy", {}).get("maxReceiveCount", 10**6))
    delays: list[int] = []

    def seen(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if not operation.startswith("ChangeMessageVisibility"):
            return really()
        entries = parameters.get("Entries", [parameters])
        delays.append(int(entries[0]["VisibilityTimeout"]))
        return {"Successful": [], "Failed": []}

    provider.status = 503
    total = wait = 0
    with intercepted(seen):
        for number in range(1, min(receives, SAMPLED)):
            delays.clear()
            deliver(system, receives=number)
            wait = delays[-1] if delays else int(queue.get("VisibilityTimeout", 30))
            total += wait
    return total + max(0, receives - SAMPLED) * wait


@CHECKS(Severity.ASKED)
def three_hours_are_outlasted(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "CHANGES.md")
    with deployed(answer, aws) as (system, provider):
        if (seconds := tried_for(system, provider)) < OUTAGE:
            yield f"a payment is given up after {seconds} s"
        provider.status = 0
        if deliver(system) or provider.paid != {"p-1": 1}:
            yield "a payment is not made although the provider is back"


@CHECKS(Severity.DOUBLES)
def no_try_comes_after_its_key_is_forgotten(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, provider):
        if (seconds := tried_for(system, provider)) >= KEY:
            yield f"a payment is still tried after {seconds} s, when the provider has forgotten its key"


@CHECKS(Severity.DOUBLES)
def a_batch_ends_within_its_timeout(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, provider):
        queue, function = system.consumed_queue()
        provider.status = 503
        batch = sqs_event(json.dumps({"id": "p-1", "card": "tok_1", "cents": 100}))
        with system.running(function) as run:
            run(batch)
            slept = sum(run.waits)
        (mapping,) = [one for one in system.model.mappings if one.source and one.source.name == queue]
        seconds = int(mapping.only("BatchSize") or 10) * (provider.asked * A_TRY + slept)
        if seconds > int(system.properties(function).get("Timeout", 3)):
            yield f"a batch takes up to {seconds} s while the provider does not answer: all of it comes again"


@CHECKS(Severity.DOUBLES)
def a_lost_answer_is_one_payment(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, provider):
        provider.cut = True
        deliver(system)
        provider.cut = False
        deliver(system)
        if provider.paid != {"p-1": 1}:
            yield f"when its answer is lost the provider makes {dict(provider.paid)}"


@CHECKS(Severity.COSTS)
def a_declined_card_is_asked_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, provider):
        provider.status = 402
        left = deliver(system)
        states = [item["state"] for item in system.items("Payments")]
        if left or provider.asked != 1 or states != ["DECLINED"]:
            yield f"a declined card is asked {provider.asked} times, reported: {left}, noted: {states}"


@CHECKS(Severity.LOSES)
def the_queue_keeps_what_fails(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(("E", "SAM")))


@CHECKS(Severity.HIDES)
def somebody_is_called(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, _):
        graves = system.dead_letter_queues()
        alarms = [alarm for alarm in system.alarms("AWS/SQS") if graves & references(alarm.get("Dimensions"))]
        if not [alarm for alarm in alarms if alarm.get("AlarmActions")]:
            yield "no alarm with an action watches a dead-letter queue"


@CHECKS(Severity.HIDES)
def the_user_is_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    said = text(answer, "CHANGES.md")
    if not re.search(r"declin|402", said, re.IGNORECASE):
        yield "CHANGES.md does not say that a declined card is asked no further"
    if not re.search(r"24|idempotency.?key|time.?out|60 s", said, re.IGNORECASE):
        yield "CHANGES.md does not say what bounds the retries"


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, _):
        deliver(system)
        yield from system.denied()
