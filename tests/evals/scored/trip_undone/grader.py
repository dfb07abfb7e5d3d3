"""A trip is booked at all three partners or at none, whatever is sold out, down, or done without an answer.

canary-6a1f93b8-aws-serverless-eda: not for training
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.happenings import ask
from evals.harness import intercepted
from evals.machines import Ended, execute, the_machine
from evals.scoring import Checks, Severity
from evals.system import System
from support.templates import findings
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside
from trials.template import references

CHECKS = Checks()
PARTNERS = ("flights", "hotels", "cars")
FOR_EVER = 1000


class Partners(Outside):
    """As partners.md says; `cut` and `down` count, by method and partner, what is answered with nothing or 503."""

    def __init__(self) -> None:
        self.live: Counter[str] = Counter()
        self.keys: dict[tuple[str, str], bool] = {}
        self.sold_out: set[str] = set()
        self.cut: Counter[str] = Counter()
        self.down: Counter[str] = Counter()
        self.refusals = 0
        self.lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        partner = asked.path.split("/")[1]
        call = f"{asked.method} {partner}"
        with self.lock:
            if self.down[call] > 0:
                self.down[call] -= 1
                return 503, {}
            status = self.book(partner, asked.key) if asked.method == "POST" else self.cancel(partner, asked.path)
            if self.cut[call] > 0:
                self.cut[call] -= 1
                return None
        return status, {}

    def book(self, partner: str, key: str) -> int:
        if key and (partner, key) in self.keys:
            return 201
        if partner in self.sold_out:
            self.refusals += 1
            return 409
        self.live[partner] += 1
        if key:
            self.keys[partner, key] = True
        return 201

    def cancel(self, partner: str, path: str) -> int:
        key = path.split("?")[0].rsplit("/", 1)[-1]
        if not self.keys.get((partner, key)):
            return 404
        self.keys[partner, key] = False
        self.live[partner] -= 1
        return 204

    @property
    def booked(self) -> dict[str, int]:
        return {partner: number for partner, number in self.live.items() if number}


class Trips:
    """Sends trips, and keeps what is started, as Step Functions does: a name that is known is refused."""

    def __init__(self, system: System, partners: Partners) -> None:
        self.system, self.partners = system, partners
        self.started: dict[str, str] = {}

    def send(self, name: str = "t-1") -> int:
        body = {"id": name} | {partner: {"from": "BER"} for partner in PARTNERS}
        with intercepted(self.start):
            return ask(self.system, "POST", "/trips", body, {"sub": "ada"})[0]

    def start(self, operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation != "StartExecution":
            return really()
        name = parameters.get("name", f"unnamed-{len(self.started)}")
        if name in self.started:
            raise ClientError({"Error": {"Code": "ExecutionAlreadyExists", "Message": name}}, operation)
        self.started[name] = parameters.get("input", "{}")
        return {"executionArn": f"arn:aws:states:::execution:m:{name}"}

    def run(self) -> list[Ended]:
        machine = the_machine(self.system)
        return [execute(self.system, machine, name, given) for name, given in self.started.items()]


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[Trips]:
    with Partners() as partners:
        yield Trips(System(answer, aws, PartnersUrl=partners.url), partners)


ALL = dict.fromkeys(PARTNERS, 1)


@CHECKS(Severity.ASKED)
def a_trip_is_booked(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as trips:
        status = trips.send()
        trips.run()
        if not 200 <= status < 300 or trips.partners.booked != ALL:
            yield f"a trip is answered with {status} and books {trips.partners.booked}"


@CHECKS(Severity.ASKED)
def what_was_booked_before_is_undone(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as trips:
        trips.partners.sold_out = {"cars"}
        trips.send()
        trips.run()
        if trips.partners.booked:
            yield f"without a car {trips.partners.booked} stays booked"


@CHECKS(Severity.LOSES)
def nothing_is_booked_that_nobody_knows_of(answer: Path, aws: LocalAws) -> Iterator[str]:
    for partner in PARTNERS:
        with deployed(answer, aws) as trips:
            trips.partners.cut[f"POST {partner}"] = FOR_EVER
            trips.send()
            trips.run()
            if trips.partners.booked not in ({}, ALL):
                yield f"{partner} book and never say so: {trips.partners.booked} stays booked"


@CHECKS(Severity.DOUBLES)
def a_lost_answer_books_nothing_twice(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as trips:
        trips.partners.cut += Counter({f"POST {partner}": 1 for partner in PARTNERS})
        trips.send()
        trips.run()
        if trips.partners.booked not in ({}, ALL):
            yield f"each partner's first answer is lost: {trips.partners.booked} is booked"


@CHECKS(Severity.BLOCKS)
def a_moment_of_trouble_costs_no_trip(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as trips:
        trips.partners.down += Counter({f"POST {partner}": 2 for partner in PARTNERS})
        trips.send()
        trips.run()
        if trips.partners.booked != ALL:
            yield f"each partner is down for two calls: {trips.partners.booked} is booked"


@CHECKS(Severity.LOSES)
def an_undo_is_tried_until_it_works(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as trips:
        trips.partners.sold_out = {"cars"}
        trips.partners.down += Counter({"DELETE hotels": 3, "DELETE flights": 3})
        trips.partners.cut += Counter({"DELETE hotels": 1, "DELETE flights": 1})
        trips.send()
        trips.run()
        if trips.partners.booked:
            yield f"partners are down for three calls while a trip is undone: {trips.partners.booked} stays booked"


@CHECKS(Severity.HIDES)
def somebody_hears_of_what_cannot_be_undone(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as trips:
        trips.partners.sold_out = {"cars"}
        trips.partners.down["DELETE hotels"] = FOR_EVER
        trips.send()
        (ended,) = trips.run()
        if "flights" in trips.partners.booked:
            yield "since the hotel cannot be canceled, the flight is not"
        system = trips.system
        queues = {*system.of_kind("AWS::SQS::Queue"), *system.of_kind("AWS::SNS::Topic")}
        alarms = list(system.of_kind("AWS::CloudWatch::Alarm").values())
        rules = [rule for rule in system.of_kind("AWS::Events::Rule").values() if "aws.states" in json.dumps(rule)]
        watched = [alarm for alarm in alarms if queues & references(alarm.get("Dimensions"))]
        failures = rules + [alarm for alarm in alarms if alarm.get("Namespace") == "AWS/States"]
        told = ended.told and (watched or system.of_kind("AWS::SNS::Topic"))
        if not told and not (failures and ended.status == "FAILED"):
            yield f"a hotel stays booked, the execution {ended.status.lower()}, and nobody is told"


@CHECKS(Severity.DOUBLES)
def a_trip_that_is_sent_again_is_one_trip(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as trips:
        statuses = [trips.send(), trips.send()]
        trips.run()
        if trips.partners.booked != ALL or max(statuses) >= 300:
            yield f"a trip that is sent twice is answered with {statuses} and books {trips.partners.booked}"


@CHECKS(Severity.COSTS)
def sold_out_is_final(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as trips:
        trips.partners.sold_out = {"hotels"}
        trips.send()
        trips.run()
        if trips.partners.refusals > 1:
            yield f"a hotel that is sold out is asked {trips.partners.refusals} times"


@CHECKS(Severity.LOSES)
def it_can_be_deployed(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(("E", "SAM", "W9701")))


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as trips:
        trips.partners.sold_out = {"cars"}
        trips.partners.down["DELETE hotels"] = FOR_EVER
        trips.send()
        trips.run()
        yield from trips.system.denied()
