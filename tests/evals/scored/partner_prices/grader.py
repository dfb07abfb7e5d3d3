"""Prices are loaded in batches, whole, the newest last, whatever DynamoDB leaves over and the partner sends again.

canary-58b6c2d1-aws-serverless-eda: not for training
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.flow import Flow
from evals.harness import intercepted
from evals.scoring import Checks, Severity
from evals.system import System, request, said
from trials.local_aws import LocalAws

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
WRITES = ("BatchWriteItem", "PutItem", "UpdateItem", "TransactWriteItems", "BatchExecuteStatement", "ExecuteStatement")
ROWS = 40
Prices = dict[str, int | None]


class Died(BaseException):
    """The function's environment ended, as at a timeout."""


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[Flow]:
    with Flow(System(answer, aws, OnCallTopicArn=ON_CALL)) as flow:
        try:
            yield flow
        finally:
            removed(flow)


def removed(flow: Flow) -> None:
    """The bucket has a name of its own, which is also the next one's."""
    aws, bucket = flow.system.aws, flow.system.id("FromGrosso")
    for kept in aws.client("s3").list_objects_v2(Bucket=bucket).get("Contents", []):
        aws.client("s3").delete_object(Bucket=bucket, Key=kept["Key"])
    aws.client("cloudformation").delete_stack(StackName=flow.system.stack.name)


def file(cents: int, *further: str) -> bytes:
    """All articles at one price, and lines in front of the last of them."""
    lines = [f"sku-{number};{cents // 100},{cents % 100:02};Article {number}" for number in range(ROWS)]
    lines[-1:-1] = further
    return ("\ufeffsku;price;name\r\n" + "\r\n".join(lines) + "\r\n").encode()


def arrives(flow: Flow, day: str, content: bytes) -> None:
    flow.upload("FromGrosso", f"incoming/prices-{day}.csv", content)


def price(flow: Flow, sku: str) -> int | None:
    """What the shop is told of an article."""
    event = request("GET", f"/prices/{sku}", pathParameters={"sku": sku})
    answer = flow.system.call("Price", event)
    return int(json.loads(answer["body"])["cents"]) if answer["statusCode"] == 200 else None


def loaded(flow: Flow, cents: int) -> int:
    """How many articles have a price."""
    items = flow.system.items("Prices")
    return sum(str(each.get("sku")).startswith("sku-") and each.get("cents") == str(cents) for each in items)


@CHECKS(Severity.ASKED)
def prices_are_loaded_in_few_calls(answer: Path, aws: LocalAws) -> Iterator[str]:
    calls, running, most = [0], [0], [0]
    lock, moment = threading.Lock(), threading.Event()

    def counted(operation: str, parameters: dict[str, Any], really: Callable[[], Any]) -> Any:
        if operation not in WRITES:
            return really()
        with lock:
            calls[0] += 1
            running[0] += 1
            most[0] = max(most[0], running[0])
        try:
            moment.wait(0.002)  # that calls at the same time can be seen
            return really()
        finally:
            with lock:
                running[0] -= 1

    with deployed(answer, aws) as flow:
        with intercepted(counted):
            arrives(flow, "2026-11-28", file(1250))
            flow.settle()
        if loaded(flow, 1250) != ROWS or price(flow, "sku-7") != 1250:
            yield f"of {ROWS} articles {loaded(flow, 1250)} are loaded, the shop is told {price(flow, 'sku-7')} cents"
        if calls[0] > ROWS / 3 and most[0] < 4:
            yield f"{ROWS} articles take {calls[0]} calls, one after the other"


@CHECKS(Severity.LOSES)
def what_dynamodb_leaves_over_is_written(answer: Path, aws: LocalAws) -> Iterator[str]:
    refused: list[str] = []

    def partly(operation: str, parameters: dict[str, Any], really: Callable[[], Any]) -> Any:
        if operation not in WRITES or len(refused) >= (3 if operation == "BatchWriteItem" else 1):
            return really()
        refused.append(operation)
        if operation != "BatchWriteItem":
            error = {"Error": {"Code": "ThrottlingException", "Message": "slower"}}
            raise ClientError(error, operation)  # type: ignore[arg-type]
        ((table, requests),) = parameters["RequestItems"].items()
        parameters["RequestItems"] = {table: requests[: len(requests) // 2]} if len(requests) > 1 else {}
        answered = really() if parameters["RequestItems"] else {"UnprocessedItems": {}}
        return answered | {"UnprocessedItems": {table: requests[len(requests) // 2 :]}}

    with deployed(answer, aws) as flow:
        with intercepted(partly):
            arrives(flow, "2026-11-28", file(1300))
            flow.settle()
        if loaded(flow, 1300) != ROWS:
            yield f"where DynamoDB takes half of a batch, {loaded(flow, 1300)} of {ROWS} articles are loaded"


@CHECKS(Severity.LOSES)
def a_load_that_was_cut_off_is_finished(answer: Path, aws: LocalAws) -> Iterator[str]:
    for last in (1, 2):
        count = [0]

        def dying(operation: str, parameters: dict[str, Any], really: Callable[[], Any], last: int = last) -> Any:
            if operation in WRITES:
                count[0] += 1  # noqa: B023
                if count[0] > last:  # noqa: B023
                    raise Died
            return really()

        with deployed(answer, aws) as flow:
            arrives(flow, "2026-11-27", file(1000))
            flow.settle()
            with intercepted(dying):
                arrives(flow, "2026-11-28", file(1400))
                try:
                    flow.settle()
                except Died:
                    arrives(flow, "2026-11-28", file(1400))  # as Lambda tries again
            flow.settle()
            if loaded(flow, 1400) != ROWS:
                yield f"cut off after {last} writes and tried again, {loaded(flow, 1400)} of {ROWS} articles are loaded"


@CHECKS(Severity.LOSES)
def an_older_file_changes_nothing(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        for day, cents in (("2026-11-28", 1500), ("2026-11-28-2", 1600), ("2026-11-28-10", 1650)):
            arrives(flow, day, file(cents))
            flow.settle()
            if price(flow, "sku-1") != cents:
                yield f"the newer file {day} is not loaded"
        for day, cents in (("2026-11-27", 900), ("2026-11-28-9", 1640)):
            arrives(flow, day, file(cents))
            flow.settle()
            if loaded(flow, 1650) != ROWS:
                yield f"{day}, which is sent again, replaces prices of 2026-11-28-10"
                break
        arrives(flow, "2026-11-29", file(1700))
        flow.settle()
        if loaded(flow, 1700) != ROWS:
            yield "the file of the next day is not loaded"


@CHECKS(Severity.LOSES)
def of_two_lines_the_lower_counts(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        arrives(flow, "2026-11-28", file(1800, "sku-3;19,99;Article 3", "sku-38;29,99;Article 38"))
        flow.settle()
        if (price(flow, "sku-3"), price(flow, "sku-38"), loaded(flow, 1800)) != (1999, 2999, ROWS - 2):
            yield f"an article that stands twice costs {price(flow, 'sku-3')} and {price(flow, 'sku-38')} cents"


@CHECKS(Severity.BLOCKS)
def a_broken_line_holds_up_no_other(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        arrives(flow, "2026-11-28", file(2000, "sku-900;n/a;Odd", "sku-901;9,99", "of two lines", "", ";3,00;none"))
        flow.settle()
        if loaded(flow, 2000) != ROWS:
            yield f"beside broken lines {loaded(flow, 2000)} of {ROWS} articles are loaded"


@CHECKS(Severity.HIDES)
def somebody_hears_of_a_night_that_failed(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        system = flow.system
        loads = system.properties("LoadPrices")
        told = "OnFailure" in str(loads.get("EventInvokeConfig"))
        alarms = [*system.alarms("AWS/Lambda"), *system.alarms("AWS/SQS")]
        if not told and not [each for each in alarms if each.get("AlarmActions")]:
            yield "a load that fails each time is noticed by nobody"


@CHECKS(Severity.LOSES)
def it_can_be_deployed(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E", "SAM")


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        arrives(flow, "2026-11-28", file(1250))
        flow.settle()
        price(flow, "sku-1")
        yield from flow.system.denied()
