"""All calls together are five at a time, and none is lost to a 429 or an hour of maintenance.

canary-b3079c5f-aws-serverless-eda: not for training
"""

import json
import math
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evals.flow import Flow
from evals.harness import intercepted
from evals.scoring import Checks, Severity
from evals.system import System, said
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside
from trials.template import references

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
MOST, LONGEST, MAINTENANCE, PARCEL_LEAVES = 5, 8, 3600, 1800  # calls at a time; the others in seconds
PATIENCE = 20  # seconds for which an invocation may sleep


class Nordlog(Outside):
    """Counts who calls at one time; answers `refusing` with that status, `left` more times."""

    def __init__(self) -> None:
        self.reached: Counter[tuple[str, str]] = Counter()
        self.status, self.left = 429, 0
        self.running = self.most = self.turned_away = 0
        self.lock, self.moment = threading.Lock(), threading.Event()

    def reply(self, asked: Asked) -> tuple[int, Any]:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.moment.wait(0.03)  # long enough for others of the same batch to come
        with self.lock:
            self.running -= 1
            if self.left:
                self.left -= 1
                self.turned_away += 1
                return self.status, {}
            self.reached[asked.method, asked.path.rsplit("/", 1)[-1]] += 1
            return 200, {}


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[tuple[Flow, Nordlog]]:
    with Nordlog() as nordlog:
        with Flow(System(answer, aws, NordlogUrl=nordlog.url, OnCallTopicArn=ON_CALL)) as flow:
            yield flow, nordlog


def body(order: str) -> str:
    return json.dumps({"id": order, "items": ["mug"]})


def send(flow: Flow, queue: str, *bodies: str) -> None:
    for text in bodies:
        group = {"MessageGroupId": "g", "MessageDeduplicationId": text[-100:]}
        fifo = group if flow.system.properties(queue).get("FifoQueue") else {}
        flow.system.aws.client("sqs").send_message(QueueUrl=flow.system.id(queue), MessageBody=text, **fifo)


class Consumer:
    """A function that takes from queues, and what its mappings and its code let it do at one time."""

    def __init__(self, flow: Flow, nordlog: Nordlog, function: str) -> None:
        mappings = [body for _, name, body in flow.system.consumers("SQS") if name == function]
        limits = [float((each.get("ScalingConfig") or {}).get("MaximumConcurrency", math.inf)) for each in mappings]
        reserved = flow.system.properties(function).get("ReservedConcurrentExecutions", math.inf)
        self.environments = min(sum(limits), float(reserved))
        self.batch = max(int(each.get("BatchSize", 10)) for each in mappings)
        self.timeout = int(flow.system.properties(function).get("Timeout", 3))
        nordlog.most = 0
        self.queue = next(queue for queue, name, _ in flow.system.consumers("SQS") if name == function)
        batch = flow.received(self.queue, *(body(f"o-{number}") for number in range(min(self.batch, 10))))
        flow.system.call(function, batch)
        self.together = nordlog.most


def consumers(flow: Flow, nordlog: Nordlog) -> dict[str, Consumer]:
    """By function, those that call Nordlog."""
    names = {function for _, function, _ in flow.system.consumers("SQS")}
    every = {name: Consumer(flow, nordlog, name) for name in sorted(names)}
    return {name: consumer for name, consumer in every.items() if consumer.together}


@CHECKS(Severity.ASKED)
def five_call_at_a_time(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, nordlog):
        calling = consumers(flow, nordlog)
        total = sum(each.environments * each.together for each in calling.values())
        if total > MOST:
            told = {name: f"{each.environments} x {each.together}" for name, each in calling.items()}
            yield f"Nordlog may be called {total} times at once: {told}"


@CHECKS(Severity.LOSES)
def every_call_arrives(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, nordlog):
        send(flow, "Orders", *(body(f"o-{number}") for number in range(4)))
        send(flow, "Cancellations", *(body(f"c-{number}") for number in range(3)))
        flow.settle()
        wanted = {("PUT", f"o-{number}") for number in range(4)} | {("DELETE", f"c-{number}") for number in range(3)}
        if missing := sorted(wanted ^ set(nordlog.reached)):
            yield f"of four orders and three cancellations Nordlog has not heard rightly: {missing}"


@CHECKS(Severity.LOSES)
def what_is_turned_away_comes_again(answer: Path, aws: LocalAws) -> Iterator[str]:
    for status in (429, 503):
        with deployed(answer, aws) as (flow, nordlog):
            nordlog.status, nordlog.left = status, 3
            send(flow, "Orders", body("o-1"), body("o-2"))
            send(flow, "Cancellations", body("c-1"), body("c-2"))
            flow.settle(rounds=3)
            nordlog.left = 0
            flow.settle()
            if len(nordlog.reached) != 4:
                yield f"after three answers {status} Nordlog has heard of {sorted(nordlog.reached)} only"


@CHECKS(Severity.LOSES)
def an_hour_of_maintenance_is_no_end(answer: Path, aws: LocalAws) -> Iterator[str]:
    longer: list[str] = []

    def seen(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        longer.extend([operation] * operation.startswith("ChangeMessageVisibility"))
        return really()

    with deployed(answer, aws) as (flow, nordlog):
        for name, function, _ in flow.system.consumers("SQS"):
            queue = flow.system.properties(name)
            receives = int((queue.get("RedrivePolicy") or {}).get("maxReceiveCount", 0))
            hidden = int(queue.get("VisibilityTimeout", 30))
            with flow.system.running(function) as run, intercepted(seen):
                nordlog.status, nordlog.left = 503, 1
                run(flow.received(name, body("o-1")))
            if receives and receives * hidden <= MAINTENANCE and not longer:
                yield f"{name} gives a message up after {receives} x {hidden} s"


@CHECKS(Severity.LOSES)
def a_cancellation_comes_again_in_time(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, _):
        hidden = int(flow.system.properties("Cancellations").get("VisibilityTimeout", 30))
        if hidden > PARCEL_LEAVES / 2:
            yield f"a cancellation comes again after {hidden} s, but the parcel leaves after {PARCEL_LEAVES}"
        fed: dict[str, set[str]] = {}
        for queue, function, _ in flow.system.consumers("SQS"):
            fed.setdefault(queue, set()).add(function)
        if not fed.get("Cancellations"):
            yield "nobody takes cancellations from their queue"
        forwarded: list[str] = []

        def seen(operation: str, parameters: dict[str, Any], really: Any) -> Any:
            forwarded.extend([operation] * operation.startswith("SendMessage"))
            return really()

        for function in fed.get("Cancellations", set()):
            batch = flow.received("Cancellations", body("c-1"))
            with intercepted(seen):
                flow.system.call(function, batch)
        if forwarded:
            yield "a cancellation waits in a second queue, behind all orders of the evening"


@CHECKS(Severity.DOUBLES)
def a_batch_ends_within_its_timeout(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, nordlog):
        for name, consumer in consumers(flow, nordlog).items():
            seconds = math.ceil(consumer.batch / consumer.together) * LONGEST
            if seconds > consumer.timeout:
                yield f"{name}: {consumer.batch} calls of {LONGEST} s take {seconds} s, of {consumer.timeout}"


@CHECKS(Severity.BLOCKS)
def a_bad_message_holds_up_nobody(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, nordlog):
        for queue, order in (("Orders", "o-1"), ("Cancellations", "c-1")):
            send(flow, queue, "not JSON", body(order), '{"no": "id"}')
        flow.settle()
        if set(nordlog.reached) != {("PUT", "o-1"), ("DELETE", "c-1")} or len(flow.given_up) > 4:
            yield f"beside bad messages Nordlog hears {dict(nordlog.reached)}, and {len(flow.given_up)} are given up"


@CHECKS(Severity.COSTS)
def nobody_pays_for_waiting(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, nordlog):
        for name, consumer in consumers(flow, nordlog).items():
            nordlog.status, nordlog.left = 429, 10
            with flow.system.running(name) as run:
                run(flow.received(consumer.queue, *(body(f"o-{number}") for number in range(5))))
                if sum(run.waits) > PATIENCE:
                    yield f"{name} sleeps for {sum(run.waits):.0f} s, which is paid for"
            nordlog.left = 0


@CHECKS(Severity.LOSES)
def what_fails_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E", "SAM", "W9108")


@CHECKS(Severity.HIDES)
def the_alarm_still_rings(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, _):
        alarms = [each for each in flow.system.alarms("AWS/SQS") if each.get("AlarmActions")]
        graves = flow.system.dead_letter_queues()
        watched = references([[each.get("Dimensions"), each.get("Metrics")] for each in alarms])
        if not graves or graves - watched:
            yield f"nobody is called for what lies in {sorted(graves - watched)}"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, nordlog):
        nordlog.left = 1
        send(flow, "Orders", body("o-1"))
        send(flow, "Cancellations", body("c-1"))
        flow.settle()
        yield from flow.system.denied()
