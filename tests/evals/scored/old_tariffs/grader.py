"""A change reaches the contracts of every page, and what DynamoDB left out of a batch is written, or told.

canary-5e582cb9-aws-serverless-eda: not for training
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evals.harness import intercepted, reported
from evals.scoring import Checks, Severity
from evals.system import System, said
from support.handlers import sqs_event
from trials.local_aws import LocalAws

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
PAGE = 30  # contracts that one answer holds
MANY = 70
WRITES = ("PutItem", "UpdateItem", "BatchWriteItem", "TransactWriteItems", "ExecuteStatement", "BatchExecuteStatement")


def deployed(answer: Path, aws: LocalAws, contracts: int) -> System:
    system = System(answer, aws, OnCallTopicArn=ON_CALL)
    client, table = aws.client("dynamodb"), system.id("Contracts")
    for start in range(0, contracts, 25):
        puts = [{"PutRequest": {"Item": item}} for item in map(contract, range(start, min(start + 25, contracts)))]
        client.batch_write_item(RequestItems={table: puts})
    return system


def contract(number: int) -> dict[str, Any]:
    fields = {"tariff": "FAMILY", "contract": f"c-{number:04}", "holder": f"h-{number}"}
    return {"cents": {"N": "1000"}, **{name: {"S": value} for name, value in fields.items()}}


class Table:
    """DynamoDB as it may be: pages that end early, and batches of which `leaves` out more than half so many times."""

    def __init__(self, leaves: int = 0) -> None:
        self.leaves = leaves
        self.calls: Counter[str] = Counter()

    def answer(self, operation: str, parameters: dict[str, Any], really: Any) -> Any:
        self.calls[operation] += 1
        if operation in ("Query", "Scan"):
            parameters["Limit"] = min(int(parameters.get("Limit", PAGE)), PAGE)
        if operation == "BatchWriteItem" and self.leaves:
            self.leaves -= 1
            ((table, puts),) = parameters["RequestItems"].items()
            taken = len(puts) // 3
            left = puts[taken:]
            if taken:
                parameters["RequestItems"] = {table: puts[:taken]}
                really()
            return {"UnprocessedItems": {table: left}}
        return really()


@contextmanager
def under(table: Table) -> Iterator[None]:
    with intercepted(table.answer):
        yield


def move(system: System, table: Table) -> tuple[list[str], list[float]]:
    """What is reported of one change, and how long the function slept."""
    body = json.dumps({"tariff": "FAMILY", "cents": 1250})
    with under(table), system.running(system.consumed_queue()[1]) as run:
        try:
            return reported(run(sqs_event(body))), run.waits
        except Exception:
            return ["m-0"], run.waits


def old(system: System) -> list[str]:
    return sorted(item["contract"] for item in system.items("Contracts") if item["cents"] != "1250")


@CHECKS(Severity.ASKED)
def contracts_get_the_new_price(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws, 3)
    kept, _ = move(system, Table())
    rows = sorted((item["contract"], item.get("holder"), item["cents"]) for item in system.items("Contracts"))
    if kept or rows != [(f"c-{n:04}", f"h-{n}", "1250") for n in range(3)]:
        yield f"three contracts are {rows} after a change, reported: {kept}"


@CHECKS(Severity.LOSES)
def every_page_is_moved(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws, MANY)
    move(system, Table())
    if left := old(system):
        yield f"{len(left)} of {MANY} contracts, from {left[0]}, have the old price: a page holds {PAGE}"


@CHECKS(Severity.LOSES)
def what_was_left_out_is_written(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws, 25)
    kept, _ = move(system, Table(leaves=3))
    if kept:
        move(system, Table())
    if left := old(system):
        yield f"{len(left)} of 25 contracts that DynamoDB left out have the old price, reported: {kept}"


@CHECKS(Severity.LOSES)
def what_stays_left_out_is_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws, 5)
    kept, _ = move(system, Table(leaves=60))
    if old(system) and kept != ["m-0"]:
        yield "contracts that were never written count as moved"


@CHECKS(Severity.LOSES)
def pages_and_refusals_together(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws, PAGE + 5)
    if move(system, Table(leaves=3))[0]:
        move(system, Table())
    if left := old(system):
        yield f"{len(left)} of {PAGE + 5} contracts have the old price"


@CHECKS(Severity.BLOCKS)
def a_busy_table_is_given_time(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws, 10)
    table = Table(leaves=3)
    _, waits = move(system, table)
    if table.calls["BatchWriteItem"] > 1 and len(waits) < 2:
        yield "what a busy table left out is sent again at once, which is refused again"
    elif table.calls["BatchWriteItem"] == 1 and table.leaves == 2:
        yield "what a busy table left out is not sent again"


@CHECKS(Severity.COSTS)
def it_stays_quick(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws, 50)
    table = Table()
    move(system, table)
    calls = sum(table.calls[operation] for operation in WRITES)
    if calls > 10:
        yield f"50 contracts take {calls} writes"


@CHECKS(Severity.LOSES)
def a_bad_change_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws, OnCallTopicArn=ON_CALL)
    if system.deliver(system.consumed_queue()[1], '{"tariff": "SOLO"}') != ["m-0"]:
        yield "a change without a price is deleted unseen"


@CHECKS(Severity.HIDES)
def what_fails_is_kept_and_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E91", "E3", "E0", "SAM")
    system = System(answer, aws, OnCallTopicArn=ON_CALL)
    if not [alarm for alarm in system.alarms("AWS/SQS") if alarm.get("AlarmActions")]:
        yield "nobody is called any more when a change is given up"


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws, 1)
    move(system, Table())
    yield from system.denied()
