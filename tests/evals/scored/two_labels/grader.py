"""A parcel that comes again while the carrier works on it, or after its answer was lost, gets no second label.

canary-b4d1509d-aws-serverless-eda: not for training
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.harness import intercepted
from evals.scoring import Checks, Severity
from evals.system import System, said
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
WRITES = ("PutItem", "UpdateItem", "TransactWriteItems", "BatchWriteItem")
SLOWEST = 20  # seconds that the carrier takes for one parcel


class Carrier(Outside):
    """Books labels; a key that it knows gets its first label again. `meanwhile` happens once, during a booking."""

    def __init__(self) -> None:
        self.booked: list[str] = []
        self.known: dict[str, str] = {}
        self.down = self.cut = False
        self.meanwhile: Callable[[], Any] | None = None

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        if self.down:
            return 503, {"error": "busy", "label": None}
        again = asked.key in self.known and asked.key
        if not again:
            self.booked.append(asked.body["reference"])
            self.known[asked.key or f"without a key {len(self.known)}"] = f"L-{len(self.booked)}"
        label = self.known[asked.key] if again else f"L-{len(self.booked)}"
        if self.meanwhile:
            happens, self.meanwhile = self.meanwhile, None
            happens()
        return None if self.cut else (200, {"label": label})


def parcel(name: str) -> str:
    return json.dumps({"parcel_id": name, "kilos": 2.5, "postcode": "10115"})


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[tuple[System, Carrier]]:
    with Carrier() as carrier:
        yield System(answer, aws, CarrierUrl=carrier.url, OnCallTopicArn=ON_CALL), carrier


def worker(system: System) -> str:
    return system.consumed_queue()[1]


def labels(system: System) -> dict[str, str]:
    return {item["parcel_id"]: item.get("label", "") for item in system.items("Labels")}


@CHECKS(Severity.ASKED)
def parcels_get_their_labels(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, carrier):
        kept = system.deliver(worker(system), parcel("p-1"), parcel("p-2"))
        if kept or carrier.booked != ["p-1", "p-2"] or labels(system) != {"p-1": "L-1", "p-2": "L-2"}:
            yield f"two parcels: booked {carrier.booked}, kept {labels(system)}, reported {kept}"


@CHECKS(Severity.DOUBLES)
def a_duplicate_while_the_carrier_works_is_one_label(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, carrier):
        carrier.meanwhile = lambda: system.deliver(worker(system), parcel("p-3"))
        if system.deliver(worker(system), parcel("p-3")):
            system.deliver(worker(system), parcel("p-3"))
        if carrier.booked != ["p-3"]:
            yield f"{len(carrier.booked)} labels of a parcel that came again while it was booked"


@CHECKS(Severity.DOUBLES)
def a_lost_answer_is_one_label(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, carrier):
        carrier.cut = True
        kept = system.deliver(worker(system), parcel("p-4"))
        carrier.cut = False
        if kept:
            system.deliver(worker(system), parcel("p-4"))
        if carrier.booked != ["p-4"]:
            yield f"{len(carrier.booked)} labels of a parcel for which the carrier's answer was lost"


@CHECKS(Severity.DOUBLES)
def a_label_that_was_not_kept_is_one_label(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, carrier):

        def throttled(operation: str, parameters: dict[str, Any], really: Any) -> Any:
            if operation in WRITES and carrier.booked:
                raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slower"}}, operation)
            return really()

        with intercepted(throttled):
            kept = system.deliver(worker(system), parcel("p-5"))
        if kept:
            system.deliver(worker(system), parcel("p-5"))
        if carrier.booked != ["p-5"] or labels(system).get("p-5") != "L-1":
            yield f"the table could not be written after the booking: {carrier.booked} booked, {labels(system)} kept"


@CHECKS(Severity.LOSES)
def an_outage_delays_the_label(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, carrier):
        carrier.down = True
        kept = system.deliver(worker(system), parcel("p-6"))
        carrier.down = False
        if not kept:
            yield "a parcel that the carrier refused is reported as done"
        system.deliver(worker(system), parcel("p-6"))
        if labels(system).get("p-6") != "L-1":
            yield "a parcel has no label although the carrier came back"


@CHECKS(Severity.BLOCKS)
def a_bad_parcel_holds_up_nobody(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, carrier):
        kept = system.deliver(worker(system), '{"parcel_id": "p-7"}', parcel("p-8"))
        if kept != ["m-0"] or carrier.booked != ["p-8"]:
            yield f"behind a parcel without a postcode {carrier.booked} are booked, reported: {kept}"


@CHECKS(Severity.DOUBLES)
def a_batch_is_hidden_while_it_is_booked(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E9101", "E3505")


@CHECKS(Severity.LOSES)
def the_queue_keeps_what_fails(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E9102", "E9103", "E9104", "SAM")


@CHECKS(Severity.BLOCKS)
def a_slow_carrier_is_waited_for(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws, CarrierUrl="http://127.0.0.1", OnCallTopicArn=ON_CALL)
    queue, function = system.consumed_queue()
    (mapping,) = [each for each in system.model.mappings if each.source and each.source.name == queue]
    batch = max(int(each or 10) for each in mapping.numbers("BatchSize"))
    timeout = int(system.properties(function).get("Timeout", 3))
    if timeout < batch * SLOWEST:
        yield f"{batch} parcels of {SLOWEST} s each have {timeout} s: the last ones are cut off while they are booked"


@CHECKS(Severity.HIDES)
def the_alarm_still_rings(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws, CarrierUrl="http://127.0.0.1", OnCallTopicArn=ON_CALL)
    if not [alarm for alarm in system.alarms("AWS/SQS") if alarm.get("AlarmActions")]:
        yield "nobody is called any more when a parcel gets no label"


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, _):
        system.deliver(worker(system), parcel("p-9"))
        yield from system.denied()
