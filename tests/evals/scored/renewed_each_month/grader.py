"""One charge for each month of a subscription, on its day in its zone, whatever run is missed, repeated or cut off.

canary-e1749b0c-aws-serverless-eda: not for training
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from evals.happenings import at, killed, overtaken, typed
from evals.harness import Missing, intercepted, reported
from evals.scoring import Checks, Severity
from evals.system import System
from support.handlers import sqs_event
from support.templates import findings
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside
from trials.template import references

CHECKS = Checks()
BERLIN, TOKYO = "Europe/Berlin", "Asia/Tokyo"
MOST_CALLS = 3


class Payments(Outside):
    """Charges each time, unless it knows the key; `down` counts refusals, `cut` lost answers."""

    def __init__(self) -> None:
        self.charges: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.down = self.cut = 0
        self.refused: set[str] = set()
        self.lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        with self.lock:
            if self.down > 0 or asked.body["subscription"] in self.refused:
                self.down -= 1
                return 503, {}
            if not asked.key or asked.key not in self.keys:
                self.charges[asked.body["subscription"]] += 1
            self.keys.add(asked.key)
            if self.cut > 0:
                self.cut -= 1
                return None
        return 201, {"reference": "ch_1"}


class Subscriptions:
    """The system, run hour by hour: the schedule's function, then the workers of all queues until they are done."""

    def __init__(self, system: System, payments: Payments) -> None:
        self.system, self.payments = system, payments
        self.waiting: dict[str, list[str]] = {}

    def begin(self, name: str, start: str, zone: str = BERLIN, **more: Any) -> None:
        item = {"id": name, "start": start, "zone": zone, "cents": 990} | more
        self.system.aws.client("dynamodb").put_item(TableName=self.system.id("Subscriptions"), Item=typed(item))

    @property
    def planner(self) -> str:
        scheduled = [one.destination.name for one in self.system.model.targets if one.scheduled and one.destination]
        if not scheduled:
            raise Missing("no schedule starts a function")
        return scheduled[0]

    def run(self, hour: str, zone: str = BERLIN, times: int = 1) -> Counter[str]:
        """What was charged since the beginning."""
        with at(datetime.fromisoformat(hour).replace(tzinfo=ZoneInfo(zone))):
            for _ in range(times):
                self.plan()
                self.collect()
                self.work()
        return +self.payments.charges

    def plan(self) -> bool:
        """Whether it fails."""
        try:
            self.system.call(self.planner, {})
        except Exception:  # the answer's own
            return True
        return False

    @property
    def workers(self) -> Iterator[tuple[str, str]]:
        """Each queue and the function that takes from it."""
        for mapping in self.system.model.mappings:
            if mapping.source and mapping.function and self.system.kind(mapping.source.name) == "AWS::SQS::Queue":
                yield mapping.source.name, mapping.function.name

    def collect(self) -> None:
        for queue, _ in self.workers:
            self.waiting[queue] = self.waiting.get(queue, []) + self.system.messages(queue)

    def work(self, times: int = 1) -> None:
        """What was collected, until it is done or was delivered so often."""
        for queue, function in self.workers:
            for _ in range(times):
                if self.waiting.get(queue):
                    self.waiting[queue] = self.deliver(function, self.waiting[queue])

    def deliver(self, function: str, bodies: list[str]) -> list[str]:
        """What comes again."""
        batch = sqs_event(*bodies)
        try:
            failures = reported(self.system.call(function, batch))
        except Exception:
            return bodies
        return [record["body"] for record in batch["Records"] if record["messageId"] in failures]


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[Subscriptions]:
    with Payments() as payments:
        yield Subscriptions(System(answer, aws, PaymentsUrl=payments.url), payments)


@CHECKS(Severity.ASKED)
def each_is_charged_on_its_day(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as renewals:
        renewals.begin("s-1", "2026-01-12")
        renewals.begin("s-2", "2026-01-20")
        renewals.begin("s-3", "2026-01-12", ended=True)
        for hour, wanted in (("2026-02-11T12:00", {}), ("2026-02-12T12:00", {"s-1": 1}), ("2026-03-12T12:00", None)):
            charged = renewals.run(hour)
            if wanted is not None and charged != wanted:
                yield f"s-1 began on the 12th, s-2 on the 20th of January, s-3 has ended; on {hour} {dict(charged)}"
        if charged["s-1"] != 2:
            yield f"in March s-1 is charged {charged['s-1']} times in all"


@CHECKS(Severity.DOUBLES)
def a_month_is_charged_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as renewals:
        renewals.begin("s-1", "2026-01-12")
        for hour in (
            "2026-02-12T08:00",
            "2026-02-12T08:00",
            "2026-02-12T09:00",
            "2026-02-12T23:00",
            "2026-02-13T01:00",
        ):
            charged = renewals.run(hour)
        if charged != {"s-1": 1}:
            yield f"by three runs of two days s-1 is charged {charged['s-1']} times"
        renewals.payments.keys.clear()  # which are kept for 30 days
        if renewals.run("2026-03-11T12:00") != {"s-1": 1}:
            yield "a month is charged again before the next begins"


@CHECKS(Severity.DOUBLES)
def a_lost_answer_is_one_charge(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as renewals:
        renewals.begin("s-1", "2026-01-12")
        renewals.payments.cut = 1
        renewals.run("2026-02-12T08:00")
        charged = renewals.run("2026-02-13T09:00", times=2)
        if charged != {"s-1": 1}:
            yield f"when the provider's answer is lost s-1 is charged {charged['s-1']} times"


@CHECKS(Severity.DOUBLES)
def two_at_once_and_one_that_is_killed_charge_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as renewals:
        for call in range(MOST_CALLS):
            name, day = f"s-{call}", f"2026-02-{10 + call}T12:00"
            renewals.begin(name, f"2026-01-{10 + call}")
            with at(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(BERLIN))):
                both = overtaken(renewals.plan, renewals.plan, call)
                renewals.collect()
                ended = killed(renewals.work, call)
                renewals.work(times=2)
            charged = renewals.run(day.replace("T12", "T13"), times=2)
            if charged[name] != 1:
                yield f"two runs at once, and a worker that is killed before call {call}, charge {charged[name]} times"
            if not both and not ended:
                break


@CHECKS(Severity.DOUBLES)
def a_late_worker_takes_no_month_back(answer: Path, aws: LocalAws) -> Iterator[str]:
    """Before each call of a worker at the first month, another is delivered both months that are due."""
    for call in range(MOST_CALLS):
        with deployed(answer, aws) as renewals:
            renewals.begin("s-1", "2026-01-12")
            with at(datetime(2026, 3, 15, 12, tzinfo=ZoneInfo(BERLIN))):
                renewals.plan()
                renewals.collect()
                for queue, function in renewals.workers:
                    bodies = renewals.waiting.get(queue, [])
                    late = partial(renewals.deliver, function, bodies[:1])
                    left = overtaken(late, partial(renewals.deliver, function, bodies), call)
                    renewals.waiting[queue] = [body for of_one in left for body in of_one] if left else bodies
            renewals.payments.keys.clear()
            charged = renewals.run("2026-03-16T12:00", times=3)
            if charged != {"s-1": 2}:
                yield f"a worker that is overtaken before its call {call} makes {charged['s-1']} charges of two"


@CHECKS(Severity.LOSES)
def short_months_and_zones_count(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as renewals:
        renewals.begin("s-1", "2026-01-31")
        renewals.begin("s-2", "2026-01-12", TOKYO)
        if renewals.run("2026-02-11T23:30", TOKYO) != {} or renewals.run("2026-02-12T08:00", TOKYO) != {"s-2": 1}:
            yield f"on the 12th in Tokyo, which is the 11th in UTC, {dict(renewals.payments.charges)} is charged"
        if renewals.run("2026-02-27T12:00")["s-1"] or renewals.run("2026-02-28T12:00")["s-1"] != 1:
            yield f"who began on January 31 is charged {renewals.payments.charges['s-1']} times by February 28"
        if renewals.run("2026-03-30T12:00")["s-1"] != 1 or renewals.run("2026-03-31T12:00")["s-1"] != 2:
            yield f"who began on January 31 is charged {renewals.payments.charges['s-1']} times by March 31"


@CHECKS(Severity.LOSES)
def a_missed_day_is_made_good(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as renewals:
        renewals.begin("s-1", "2026-01-12")
        renewals.begin("s-2", "2026-01-12")
        renewals.payments.down = 2
        renewals.run("2026-02-12T12:00")
        renewals.payments.down = 0
        for hour in ("2026-02-14T12:00", "2026-02-14T13:00"):
            charged = renewals.run(hour)
        if charged != {"s-1": 1, "s-2": 1}:
            yield f"two days after an outage {dict(charged)} is charged"
        for hour in ("2026-03-15T12:00", "2026-03-15T13:00"):  # nothing ran on the 12th
            charged = renewals.run(hour)
        if charged != {"s-1": 2, "s-2": 2}:
            yield f"three days after a day on which nothing ran {dict(charged)} is charged"
        renewals.payments.down = 1  # of two months the first is refused, until the keys are forgotten
        renewals.run("2026-05-15T12:00")
        renewals.payments.down = 0
        renewals.payments.keys.clear()
        charged = renewals.run("2026-05-15T13:00", times=3)
        if charged != {"s-1": 4, "s-2": 4}:
            yield f"after two months in which nothing ran, four months are charged as {dict(charged)}"


@CHECKS(Severity.BLOCKS)
def one_customer_holds_up_none(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as renewals:
        for name in ("s-1", "s-2", "s-3", "s-4"):
            renewals.begin(name, "2026-01-12")
        renewals.begin("s-5", "2026-01-12", "Europe/Nowhere")
        renewals.payments.refused = {"s-1", "s-3"}
        charged = renewals.run("2026-02-12T12:00")
        if charged != {"s-2": 1, "s-4": 1}:
            yield f"while two of five are refused and one has no such zone, {dict(charged)} is charged"


@CHECKS(Severity.LOSES)
def all_pages_are_read(answer: Path, aws: LocalAws) -> Iterator[str]:
    def paged(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation in ("Scan", "Query"):
            parameters["Limit"] = 2
        return really()

    with deployed(answer, aws) as renewals:
        for number in range(5):
            renewals.begin(f"s-{number}", "2026-01-12")
        with intercepted(paged):
            charged = renewals.run("2026-02-12T12:00")
        if len(charged) != 5:
            yield f"of five subscriptions on three pages {len(charged)} are charged"


@CHECKS(Severity.BLOCKS)
def many_of_one_day_fit_into_the_time(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as renewals:
        renewals.begin("s-1", "2026-01-12")
        with at(datetime(2026, 2, 12, 12, tzinfo=ZoneInfo(BERLIN))):
            renewals.plan()
        if renewals.payments.charges:
            yield "the schedule's own run charges one after the other: 60,000 of up to 6 s do not fit into its 900 s"


@CHECKS(Severity.LOSES)
def the_queue_keeps_what_fails(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(("E", "SAM")))


@CHECKS(Severity.HIDES)
def somebody_hears_of_what_fails(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as renewals:
        system, planner = renewals.system, renewals.planner
        alarms = [references(each.get("Dimensions")) for each in system.of_kind("AWS::CloudWatch::Alarm").values()]
        config = system.properties(planner).get("EventInvokeConfig", {}).get("DestinationConfig", {})
        graves = references(config) | references(system.properties(planner).get("DeadLetterQueue"))
        if not [names for names in alarms if names & system.dead_letter_queues()]:
            yield "no alarm watches a dead-letter queue"
        if not [names for names in alarms if names & (graves | {planner})]:
            yield "nobody hears of a run that fails"
    for zone, wanted in ((BERLIN, False), ("Europe/Nowhere", True)):
        with deployed(answer, aws) as renewals:
            renewals.begin("s-1", "2026-01-12", zone)
            with at(datetime(2026, 2, 12, 12, tzinfo=ZoneInfo(BERLIN))):
                failed = renewals.plan()
                renewals.collect()
                renewals.work()
            if (failed or any(renewals.waiting.values())) != wanted:
                yield f"of a subscription in {zone} {'nobody hears' if wanted else 'somebody hears as of a failure'}"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as renewals:
        renewals.begin("s-1", "2026-01-12")
        renewals.run("2026-02-12T12:00")
        yield from renewals.system.denied()
