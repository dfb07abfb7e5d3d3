"""Few invocations and few writes for many readings, and a dashboard that is right whatever comes late.

canary-58f0a6d3-aws-serverless-eda: not for training
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.happenings import START, at, kinesis_record, sequence
from evals.harness import Missing, intercepted, reported
from evals.iam import allows, arn, assumed_by, resolved, statements
from evals.scoring import Checks, Severity
from evals.system import System
from support.handlers import sqs_event
from support.streams import deliver as repeated
from support.templates import findings
from trials.local_aws import LocalAws
from trials.template import references
from trials.template.tables import lifetimes

CHECKS = Checks()
NOON = int(START.timestamp()) // 3600 * 3600
WRITES = {"PutItem": 1, "UpdateItem": 1, "DeleteItem": 1}
SLOWER = {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slower"}}
Reading = tuple[str, int, float]


def fed(system: System) -> Any:
    """The mapping through which readings come in batches. Raises `Missing`."""
    mappings = [one for one in system.model.mappings if one.kind in ("Kinesis", "SQS") and one.function and one.source]
    for mapping in mappings:
        if mapping.source and mapping.source.name in behind_the_rule(system):
            return mapping
    raise Missing("no function takes readings in batches from what the rule of IoT sends to")


def behind_the_rule(system: System) -> set[str]:
    rules = system.of_kind("AWS::IoT::TopicRule").values()
    return {name for rule in rules for name in references(rule["TopicRulePayload"]["Actions"])}


def batch(kind: str, readings: list[Reading], *bodies: str) -> dict[str, Any]:
    texts = [*(json.dumps({"device": name, "at": when, "celsius": value}) for name, when, value in readings), *bodies]
    if kind == "SQS":
        return sqs_event(*texts)
    return {"Records": [kinesis_record(number, text.encode()) for number, text in enumerate(texts)]}


def deliver(system: System, *readings: Reading) -> bool:
    """Whether all of them are done."""
    mapping = fed(system)
    try:
        return not reported(system.call(mapping.function.name, batch(mapping.kind, list(readings))))
    except Exception:
        return False


def shown(system: System) -> dict[tuple[str, str], tuple[int, float]]:
    """What the dashboard reads."""
    return {
        (item["device"], item["what"]): (int(item.get("at", 0)), float(item["celsius"]))
        for item in system.items("Readings")
    }


@CHECKS(Severity.ASKED)
def the_dashboard_is_right(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    with at():
        done = deliver(system, ("d-1", NOON + 10, 21.5), ("d-2", NOON + 20, 18.0), ("d-1", NOON + 20, 20.25))
        done = deliver(system, ("d-1", NOON + 3600, 19.0)) and done
    now = shown(system)
    last = {device: value for (device, what), value in now.items() if what == "last"}
    hours = {key: value[1] for key, value in now.items() if key[1] != "last"}
    wanted = {("d-1", f"hour {NOON}"): 21.5, ("d-2", f"hour {NOON}"): 18.0, ("d-1", f"hour {NOON + 3600}"): 19.0}
    if not done or last != {"d-1": (NOON + 3600, 19.0), "d-2": (NOON + 20, 18.0)} or hours != wanted:
        yield f"the dashboard shows {now}"


@CHECKS(Severity.COSTS)
def one_invocation_takes_many_readings(answer: Path, aws: LocalAws) -> Iterator[str]:
    mapping = fed(System(answer, aws))
    size = int(mapping.only("BatchSize") or (100 if mapping.kind == "Kinesis" else 10))
    window = int(mapping.only("MaximumBatchingWindowInSeconds") or 0)
    if size < 500 or window < 10:
        yield f"batches of up to {size} readings, gathered for {window} s, save little of 2,000 invocations a second"


@CHECKS(Severity.COSTS)
def many_readings_are_few_writes(answer: Path, aws: LocalAws) -> Iterator[str]:
    units = 0

    def counted(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        nonlocal units
        units += WRITES.get(operation, 0)
        units += sum(len(requests) for requests in parameters.get("RequestItems", {}).values())
        units += 2 * len(parameters.get("TransactItems", []))
        return really()

    system = System(answer, aws)
    readings = [(f"d-{device}", NOON + second, 20.0 + second % 7) for second in range(0, 60, 6) for device in range(20)]
    with at(), intercepted(counted):
        deliver(system, *readings)
    if units > len(readings) / 2:
        yield f"{len(readings)} readings of 20 devices are {units} writes"


@CHECKS(Severity.LOSES)
def a_late_reading_replaces_no_newer_one(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    newest = ("d-1", NOON + 100, 20.0)
    with at():
        deliver(system, newest)
        deliver(system, ("d-1", NOON + 50, 25.0), ("d-1", NOON + 40, 24.0))
        deliver(system, newest)
    now = shown(system)
    if now.get(("d-1", "last")) != (NOON + 100, 20.0):
        yield f"after a late reading the last one is {now.get(('d-1', 'last'))}"
    if now.get(("d-1", f"hour {NOON}"), (0, 0.0))[1] != 25.0:
        yield f"the highest, which came late, is {now.get(('d-1', f'hour {NOON}'))}"


@CHECKS(Severity.LOSES)
def an_outage_loses_no_reading(answer: Path, aws: LocalAws) -> Iterator[str]:
    def refused(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation == "BatchWriteItem":  # which says so with HTTP 200
            return {"UnprocessedItems": parameters["RequestItems"]}
        if "Item" in operation and "d-2" in str(parameters):
            raise ClientError(SLOWER, operation)  # type: ignore[arg-type]
        return really()

    system = System(answer, aws)
    readings = [("d-1", NOON + 10, 21.5), ("d-2", NOON + 10, 22.5), ("d-3", NOON + 10, 23.5)]
    with at():
        with intercepted(refused):
            done = deliver(system, *readings)
        if done:
            yield "readings that DynamoDB refused are reported as done"
        deliver(system, *readings)
    if {device for device, what in shown(system) if what == "last"} != {"d-1", "d-2", "d-3"}:
        yield f"after an outage the dashboard shows {shown(system)}"


@CHECKS(Severity.BLOCKS)
def a_bad_reading_holds_up_none(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    mapping = fed(system)
    readings = [("d-1", NOON + 10, 21.5), ("d-2", NOON + 10, 22.5)]
    records = batch(mapping.kind, readings[:1], "not JSON", '{"device": "d-9"}')["Records"]
    records += [{**batch(mapping.kind, readings[1:])["Records"][0], "messageId": "m-9"}]
    if mapping.kind == "Kinesis":
        records[-1] = kinesis_record(9, json.dumps({"device": "d-2", "at": NOON + 10, "celsius": 22.5}).encode())
    with at(), system.running(mapping.function.name) as run:
        if mapping.kind == "Kinesis":
            discarded = repeated(lambda *call: run(call[0]) or {"batchItemFailures": []}, records, 2)
            bad = {sequence(record) for record in records[1:3]}
        else:
            discarded, bad = reported(run({"Records": records})), {"m-1", "m-2"}
    kept = sum(len(system.messages(name)) for name in system.of_kind("AWS::SQS::Queue"))
    if not {("d-1", "last"), ("d-2", "last")} <= shown(system).keys():
        yield f"beside what is no reading the dashboard shows {shown(system)}"
    if set(discarded) - bad or len(set(discarded)) + kept < 2:
        yield f"of two that are no readings {len(discarded)} are given up and {kept} kept"


@CHECKS(Severity.COSTS)
def hours_do_not_pile_up(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    with at():
        deliver(system, ("d-1", NOON + 10, 21.5))
    attribute = lifetimes(system.model).get("Readings", "")
    for item in system.items("Readings"):
        days = (float(item.get(attribute, "inf")) - NOON) / 86400
        if item["what"] != "last" and not 28 <= days <= 400:
            yield (
                "the hours of 20,000 devices are kept for ever" if days > 400 else f"an hour is gone after {days} days"
            )
        if item["what"] == "last" and days < 365:
            yield "the last reading of a device that is silent disappears"


@CHECKS(Severity.LOSES)
def what_the_rule_cannot_forward_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    for name, rule in system.of_kind("AWS::IoT::TopicRule").items():
        payload = rule["TopicRulePayload"]
        if not payload.get("ErrorAction"):
            yield f"what {name} cannot forward is gone: it has no ErrorAction"
        for action in [*payload["Actions"], payload.get("ErrorAction", {})]:
            for kind, given in action.items():
                wanted = {"Kinesis": "kinesis:PutRecord", "Sqs": "sqs:SendMessage"}.get(kind)
                stores = {one for one in references(given) if system.kind(one).endswith(("::Stream", "::Queue"))}
                role = system.properties(next(iter(references(given.get("RoleArn"))), ""))
                documents = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
                allowed = [one for each in documents for one in statements(resolved(system.template, each))]
                if wanted and not assumed_by(role, "iot.amazonaws.com"):
                    yield f"IoT may not assume the role of {name}"
                for store in stores if wanted else ():
                    if not allows(allowed, str(wanted), arn(system.template, store)):
                        yield f"the role of {name} may not {wanted} on {store}"


@CHECKS(Severity.BLOCKS)
def devices_are_spread_over_shards(answer: Path, aws: LocalAws) -> Iterator[str]:
    for rule in System(answer, aws).of_kind("AWS::IoT::TopicRule").values():
        for action in rule["TopicRulePayload"]["Actions"]:
            if "Kinesis" in action and "${" not in str(action["Kinesis"].get("PartitionKey", "")):
                yield "all readings have one partition key: one shard takes 1,000 of 2,000 a second"


@CHECKS(Severity.LOSES)
def the_source_keeps_what_fails(answer: Path, aws: LocalAws) -> Iterator[str]:
    wanted = ("E", "SAM", "W9203", "W9204")
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(wanted))


@CHECKS(Severity.HIDES)
def somebody_hears_of_what_is_given_up(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    watched = references(fed(system).written("DestinationConfig")) | system.dead_letter_queues()
    alarms = system.of_kind("AWS::CloudWatch::Alarm").values()
    if not [alarm for alarm in alarms if watched & references(alarm.get("Dimensions"))]:
        yield "no alarm watches where readings go that are given up"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    mapping = fed(system)
    with at():
        deliver(system, ("d-1", NOON + 10, 21.5))
        system.call(mapping.function.name, batch(mapping.kind, [], "not JSON"))
    for name in references(mapping.written("DestinationConfig")):
        if system.kind(name) == "AWS::SQS::Queue":
            system.asked.add((mapping.function.name, "sqs:SendMessage", name, ""))
    yield from system.denied()
