"""One change that cannot be projected stops its shard no more, deletions arrive, and what is given up is heard of.

canary-e69e98b2-aws-serverless-eda: not for training
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.harness import Missing, intercepted, reported
from evals.scoring import Checks, Severity
from evals.system import System, said
from trials.local_aws import LocalAws
from trials.template import references

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")


def record(place: int, kind: str, sku: str, version: int, **more: Any) -> dict[str, Any]:
    """A change as the stream delivers it; `more` replaces fields of the article, None takes one away."""
    values = {"version": {"N": str(version)}, "name": {"S": sku.upper()}, "cents": {"N": str(100 * version)}} | more
    image = {"sku": {"S": sku}, **{key: value for key, value in values.items() if value}}
    change: dict[str, Any] = {"Keys": {"sku": {"S": sku}}, "SequenceNumber": str(4000 + place)}
    change |= {"OldImage": image} if kind != "INSERT" else {}
    change |= {"NewImage": image} if kind != "REMOVE" else {}
    return {"eventID": f"e-{place}", "eventName": kind, "eventSource": "aws:dynamodb", "dynamodb": change}


def unreadable(place: int) -> dict[str, Any]:
    return record(place, "MODIFY", "s-bad", 3, cents=None, contract={"S": "c-17"})


def deployed(answer: Path, aws: LocalAws) -> System:
    return System(answer, aws, OnCallTopicArn=ON_CALL)


def mapping(system: System) -> Any:
    streams = [each for each in system.model.mappings if each.source and each.source.name == "Articles"]
    if len(streams) != 1 or not streams[0].function:
        raise Missing(f"{len(streams)} functions are fed from the stream of Articles")
    return streams[0]


def deliver(system: System, *records: dict[str, Any]) -> list[dict[str, Any]]:
    """What of a batch comes again: all from the first that is reported, or all if it raises."""
    listens = "ReportBatchItemFailures" in (mapping(system).only("FunctionResponseTypes") or [])
    try:
        named = (
            reported(system.call(mapping(system).function.name, {"Records": list(records)}))
            if listens
            else (system.call(mapping(system).function.name, {"Records": list(records)}) and [])
        )
    except Exception:
        return list(records)
    numbers = [each["dynamodb"]["SequenceNumber"] for each in records]
    if not named:
        return []
    return list(records[min(numbers.index(name) if name in numbers else 0 for name in named) :])


def prices(system: System) -> dict[str, int]:
    return {item["sku"]: int(item["cents"]) for item in system.items("Rows") if "cents" in item}


@CHECKS(Severity.ASKED)
def changes_are_projected(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    again = deliver(system, record(1, "INSERT", "s-1", 1), record(2, "MODIFY", "s-1", 2), record(3, "INSERT", "s-2", 1))
    if again or prices(system) != {"s-1": 200, "s-2": 100}:
        yield f"after three changes the rows are {prices(system)}, {len(again)} come again"


@CHECKS(Severity.LOSES)
def a_deleted_article_disappears(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    again = deliver(system, record(1, "INSERT", "s-3", 1), record(2, "REMOVE", "s-3", 1), record(3, "INSERT", "s-4", 1))
    if again or prices(system) != {"s-4": 100}:
        yield f"after a deletion the rows are {prices(system)}, {len(again)} changes come again"


@CHECKS(Severity.LOSES)
def an_article_that_came_back_stays(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    changes = [record(1, "INSERT", "s-5", 1), record(2, "REMOVE", "s-5", 1), record(3, "INSERT", "s-5", 2)]
    deliver(system, *changes)
    deliver(system, *changes[1:2])
    if prices(system) != {"s-5": 200}:
        yield f"a deletion that comes again after the article is back leaves {prices(system)}"


@CHECKS(Severity.LOSES)
def an_older_change_changes_nothing(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    changes = [record(1, "INSERT", "s-6", 1), record(2, "MODIFY", "s-6", 2)]
    deliver(system, *changes)
    deliver(system, *changes[:1])
    if prices(system) != {"s-6": 200}:
        yield f"a change that comes again after a newer one leaves {prices(system)}"


@CHECKS(Severity.BLOCKS)
def a_change_nobody_can_read_stops_nobody(answer: Path, aws: LocalAws) -> Iterator[str]:
    """Whether the mapping gives it up after some tries, or the function sets it aside."""
    system = deployed(answer, aws)
    again = deliver(system, record(1, "INSERT", "s-7", 1), unreadable(2))
    if again and len(again) != 1:
        yield f"{len(again)} changes come again for one that nobody can read"
    if again:
        yield from said(answer, "E9201")


@CHECKS(Severity.LOSES)
def what_follows_a_failure_is_projected(answer: Path, aws: LocalAws) -> Iterator[str]:
    """A failure of a moment takes none of the changes behind it along."""
    system = deployed(answer, aws)
    tries: list[str] = []

    def once(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation in WRITES and "s-9" in str(parameters) and not tries:
            tries.append(operation)
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slower"}}, operation)
        return really()

    batch = [record(1, "INSERT", "s-8", 1), record(2, "INSERT", "s-9", 1), record(3, "INSERT", "s-10", 1)]
    with intercepted(once):
        again = deliver(system, *batch)
    if again:
        deliver(system, *again)
    if prices(system) != {"s-8": 100, "s-9": 100, "s-10": 100}:
        yield f"after one throttled write and its repeat the rows are {prices(system)}"


@CHECKS(Severity.LOSES)
def an_outage_delays_a_change(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)

    def down(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation in WRITES:
            raise ClientError({"Error": {"Code": "InternalServerError", "Message": "down"}}, operation)
        return really()

    with intercepted(down):
        again = deliver(system, record(1, "INSERT", "s-11", 1))
    if [each["eventID"] for each in again] != ["e-1"]:
        yield "a change that could not be written is done"
    deliver(system, *again)
    if prices(system) != {"s-11": 100}:
        yield f"after an outage the rows are {prices(system)}"


@CHECKS(Severity.LOSES)
def what_is_given_up_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    if deliver(system, unreadable(1)):
        yield from said(answer, "E9202", "E0", "SAM")
    elif not any(system.messages(queue) for queue in system.of_kind("AWS::SQS::Queue")) and not kept(system):
        yield "a change that nobody can read is passed over and kept nowhere"


def kept(system: System) -> bool:
    """Whether some table other than the rows has it."""
    tables = set(system.of_kind("AWS::DynamoDB::Table")) - {"Articles", "Rows"}
    return any(system.items(table) for table in tables)


@CHECKS(Severity.HIDES)
def somebody_hears_of_it(answer: Path, aws: LocalAws) -> Iterator[str]:
    """An alarm with somebody to call, on a queue that takes what is given up or a metric of its own; or a topic."""
    system = deployed(answer, aws)
    destination = mapping(system).only("DestinationConfig", "OnFailure", "Destination")
    ends = references(destination) | set(system.of_kind("AWS::SQS::Queue"))
    alarms = [alarm for alarm in system.of_kind("AWS::CloudWatch::Alarm").values() if alarm.get("AlarmActions")]
    of_queue = [each for each in alarms if each.get("Namespace") == "AWS/SQS" and references(each) & ends]
    own = [each for each in alarms if not str(each.get("Namespace", "AWS/")).startswith("AWS/")]
    if not of_queue and not own and "OnCallTopicArn" not in references(destination):
        yield "nobody hears of a change that was given up"
    if not [each for each in alarms if each.get("MetricName") == "IteratorAge"]:
        yield "nobody hears any more that the rows are behind"


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    deliver(system, record(1, "INSERT", "s-12", 1), record(2, "REMOVE", "s-12", 1))
    deliver(system, unreadable(3))
    yield from system.denied()
