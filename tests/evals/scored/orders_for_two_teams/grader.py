"""Each team gets each paid order that it asked for once, with what it needs of it, and nothing is lost on the way.

canary-c83e5a17-aws-serverless-eda: not for training
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.happenings import Changes, sequence, streamed
from evals.harness import Missing, intercepted, reported
from evals.iam import allows, assumed_by, resolved, statements
from evals.scoring import Checks, Severity
from evals.system import System
from support.streams import deliver as repeated
from support.templates import findings
from trials.local_aws import ACCOUNT, REGION, LocalAws
from trials.template import references

CHECKS = Checks()
TEAMS = {"billing": "BillingBusArn", "warehouse": "WarehouseBusArn"}
MUG, BOOK = {"sku": "mug", "count": 1, "digital": False}, {"sku": "e-book", "count": 1, "digital": True}
ATTEMPTS = 3
MOST_BYTES = 1_000_000


class Bus:
    """Takes what fits into one call, as EventBridge does; refuses entries in which a word of `refused` stands."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.refused: set[str] = set()
        self.down = False

    def take(self, operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation != "PutEvents":
            return really()
        entries = parameters["Entries"]
        if self.down:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slower"}}, operation)
        if len(entries) > 10 or sum(len(entry["Detail"].encode()) for entry in entries) >= MOST_BYTES:
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "too much"}}, operation)
        results = []
        for number, entry in enumerate(entries):
            if any(word in entry["Detail"] for word in self.refused):
                results.append({"ErrorCode": "InternalFailure", "ErrorMessage": "try again"})
            else:
                self.entries.append(entry)
                results.append({"EventId": f"e-{number}"})
        return {"Entries": results, "FailedEntryCount": sum("ErrorCode" in result for result in results)}


def deployed(answer: Path, aws: LocalAws) -> System:
    arn = f"arn:aws:events:{REGION}:111122223333:event-bus/"
    return System(answer, aws, BillingBusArn=f"{arn}billing", WarehouseBusArn=f"{arn}warehouse")


def deliver(system: System, bus: Bus, *records: dict[str, Any]) -> list[dict[str, Any]]:
    """What comes again, since the function reports a record before it or raises."""
    numbers = [sequence(record) for record in records]
    with intercepted(bus.take):
        try:
            failures = reported(system.call(streamed(system, "DynamoDB").function.name, {"Records": list(records)}))
        except Exception:
            return list(records)
    positions = [numbers.index(number) if number in numbers else 0 for number in failures]
    return list(records)[min(positions) :] if positions else []


def targets(system: System, team: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The rules that send to a team, with the target that does."""
    return [
        (rule, target)
        for rule in system.of_kind("AWS::Events::Rule").values()
        for target in rule.get("Targets", [])
        if TEAMS[team] in references(target.get("Arn"))
    ]


def heard(system: System, bus: Bus, team: str) -> list[dict[str, Any]]:
    """What of the events reaches a team, each as often as it does. Raises `Missing`."""
    rules = [rule for rule, _ in targets(system, team)]
    if not rules:
        raise Missing(f"no rule of the template sends to {TEAMS[team]}")
    patterns = [json.dumps(resolved(system.template, rule["EventPattern"])) for rule in rules]
    client, details = system.aws.client("events"), []
    for entry in bus.entries:
        event = {
            "id": "1",
            "account": ACCOUNT,
            "region": REGION,
            "time": "2026-11-23T09:00:00Z",
            "resources": [],
            "source": entry["Source"],
            "detail-type": entry["DetailType"],
            "detail": json.loads(entry["Detail"]),
        }
        for pattern in patterns:
            if client.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]:
                details.append({"type": entry["DetailType"], **event["detail"]})
    return details


def order(changes: Changes, name: str, status: str = "PAID", **more: Any) -> dict[str, Any]:
    item = {"id": name, "status": status, "cents": 1200, "goods": [MUG], "address": "Street 1", "card": "tok_4711"}
    return changes.put(**item | more)


def ids(details: list[dict[str, Any]]) -> list[str]:
    return sorted(name for detail in details for name in re.findall(r"\bo-\d+\b", json.dumps(detail))[:1])


@CHECKS(Severity.ASKED)
def each_team_hears_of_its_orders(answer: Path, aws: LocalAws) -> Iterator[str]:
    system, bus = deployed(answer, aws), Bus()
    changes = Changes(system, "Orders")
    records = [order(changes, name, "NEW", goods=goods) for name, goods in (("o-1", [BOOK]), ("o-2", [BOOK, MUG]))]
    records += [order(changes, name, goods=goods) for name, goods in (("o-1", [BOOK]), ("o-2", [BOOK, MUG]))]
    deliver(system, bus, *records)
    billing, warehouse = heard(system, bus, "billing"), heard(system, bus, "warehouse")
    if (ids(billing), ids(warehouse)) != (["o-1", "o-2"], ["o-2"]):
        yield f"of o-1 (digital) and o-2 billing hears {ids(billing)}, the warehouse {ids(warehouse)}"
    told = json.dumps([billing, warehouse])
    if "1200" not in told or "Street 1" not in told or "mug" not in told:
        yield f"cents, goods and address are not all in {told}"


@CHECKS(Severity.DOUBLES)
def an_order_is_paid_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    system, bus = deployed(answer, aws), Bus()
    changes = Changes(system, "Orders")
    records = [order(changes, "o-1", "NEW"), order(changes, "o-1"), order(changes, "o-1", note="a gift")]
    left = deliver(system, bus, *records, order(changes, "o-1", "SHIPPED"), changes.delete(id="o-1"))
    if left:
        yield f"of an order that was paid, changed, shipped and deleted {len(left)} changes come again"
    for team in TEAMS:
        if len(heard(system, bus, team)) != 1:
            yield f"{team} hears {len(heard(system, bus, team))} times of an order that was paid, changed and shipped"


@CHECKS(Severity.LOSES)
def an_order_that_begins_as_paid_counts(answer: Path, aws: LocalAws) -> Iterator[str]:
    system, bus = deployed(answer, aws), Bus()
    deliver(system, bus, order(Changes(system, "Orders"), "o-1"))
    if ids(heard(system, bus, "billing")) != ["o-1"]:
        yield "an order that is written as PAID at once is not told"


@CHECKS(Severity.LOSES)
def what_the_bus_refuses_is_sent_again(answer: Path, aws: LocalAws) -> Iterator[str]:
    system, bus = deployed(answer, aws), Bus()
    changes = Changes(system, "Orders")
    records = [order(changes, f"o-{number}") for number in range(1, 4)]
    bus.refused = {"o-2"}
    again = deliver(system, bus, *records)
    bus.refused = set()
    deliver(system, bus, *again)
    if set(ids(heard(system, bus, "billing"))) != {"o-1", "o-2", "o-3"}:
        yield f"of three orders, of which one was refused with FailedEntryCount, {ids(heard(system, bus, 'billing'))}"
    bus.entries, bus.down = [], True
    again = deliver(system, bus, *records)
    bus.down = False
    deliver(system, bus, *again)
    if set(ids(heard(system, bus, "billing"))) != {"o-1", "o-2", "o-3"}:
        yield f"of three orders, while the bus was throttled, {ids(heard(system, bus, 'billing'))}"


@CHECKS(Severity.BLOCKS)
def large_orders_and_full_batches_fit(answer: Path, aws: LocalAws) -> Iterator[str]:
    system, bus = deployed(answer, aws), Bus()
    changes = Changes(system, "Orders")
    records = [order(changes, f"o-{number}") for number in range(25)]
    records += [order(changes, f"o-{number}", address="Street 1" + "x" * 300_000) for number in range(25, 29)]
    left = deliver(system, bus, *records)
    if left or len(set(ids(heard(system, bus, "billing")))) != 29:
        yield f"of 29 orders in one batch, four of them large, {len(left)} come again"


@CHECKS(Severity.BLOCKS)
def a_bad_record_holds_up_nobody(answer: Path, aws: LocalAws) -> Iterator[str]:
    system, bus = deployed(answer, aws), Bus()
    changes = Changes(system, "Orders")
    bad = changes.put(id="o-2", status="PAID", goods="none")
    records = [order(changes, "o-1"), bad, order(changes, "o-3"), order(changes, "o-4")]
    with intercepted(bus.take), system.running(streamed(system, "DynamoDB").function.name) as run:
        repeated(lambda *call: run(call[0]) or {"batchItemFailures": []}, records, ATTEMPTS)
    if not {"o-1", "o-3", "o-4"} <= set(ids(heard(system, bus, "billing"))):
        yield f"beside a record that cannot be read billing hears of {ids(heard(system, bus, 'billing'))}"


@CHECKS(Severity.EXPOSES)
def no_team_gets_a_card(answer: Path, aws: LocalAws) -> Iterator[str]:
    system, bus = deployed(answer, aws), Bus()
    changes = Changes(system, "Orders")
    deliver(system, bus, order(changes, "o-1", "NEW"), order(changes, "o-1"))
    for team in TEAMS:
        if "tok_4711" in json.dumps(heard(system, bus, team)):
            yield f"{team} gets the customer's card"


@CHECKS(Severity.HIDES)
def a_reader_can_tell_the_format(answer: Path, aws: LocalAws) -> Iterator[str]:
    system, bus = deployed(answer, aws), Bus()
    deliver(system, bus, order(Changes(system, "Orders"), "o-1"))
    for detail in heard(system, bus, "billing"):
        if not re.search(r"version|schema|[\W_]?v\d\b", json.dumps(detail), re.IGNORECASE):
            yield f"nothing in {detail} says which format it has"


@CHECKS(Severity.LOSES)
def what_a_team_cannot_take_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    alarmed = {name for alarm in system.alarms("AWS/SQS") for name in references(alarm.get("Dimensions"))}
    for team in TEAMS:
        for _, target in targets(system, team):
            graves = references(target.get("DeadLetterConfig"))
            if not graves:
                yield f"what {team} cannot take is gone after a day"
            elif not graves & alarmed:
                yield f"no alarm watches the dead-letter queue of {team}"
    wanted = ("E", "SAM", "W9203", "W9204", "W9205")
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(wanted))


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system, bus = deployed(answer, aws), Bus()
    deliver(system, bus, order(Changes(system, "Orders"), "o-1"))
    mapping = streamed(system, "DynamoDB")
    for name in references(mapping.written("DestinationConfig")):
        if system.kind(name) == "AWS::SQS::Queue":
            system.asked.add((mapping.function.name, "sqs:SendMessage", name, ""))
    yield from system.denied()
    for team in TEAMS:
        for _, target in targets(system, team):
            role = system.properties(next(iter(references(target.get("RoleArn"))), ""))
            documents = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
            documents += [
                policy["PolicyDocument"]
                for policy in system.of_kind("AWS::IAM::Policy").values()
                if references(policy.get("Roles")) & references(target.get("RoleArn"))
            ]
            given = [one for document in documents for one in statements(resolved(system.template, document))]
            if not assumed_by(role, "events.amazonaws.com"):
                yield f"EventBridge may not assume the role with which it sends to {team}"
            if not allows(given, "events:PutEvents", TEAMS[team]):
                yield f"the role of the target may not put events on {TEAMS[team]}"
