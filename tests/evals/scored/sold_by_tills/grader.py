"""What was sold is gone from the stock, once, whatever the tills put twice and whichever shards count at one time.

canary-27fbe684-aws-serverless-eda: not for training
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evals.flow import Flow
from evals.happenings import WRITES, one_write_fails
from evals.harness import Missing, intercepted
from evals.scoring import Checks, Severity
from evals.system import System, request, said
from trials.deliveries.records import kinesis_record
from trials.local_aws import LocalAws

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/sales"
Really = Callable[[], Any]


class Till:
    """The stream behind the tills: hands records to Count as its mapping says."""

    def __init__(self, flow: Flow) -> None:
        self.flow, self.number = flow, 0
        readers = flow.system.consumers("Kinesis")
        if len(readers) != 1:
            raise Missing(f"not one function reads the stream, but {len(readers)}")
        self.reader = readers[0]

    def records(self, *sales: Any) -> list[dict[str, Any]]:
        """Sales as JSON, anything that is text as it is; each with a number that no other has."""
        made = []
        for sale in sales:
            self.number += 1
            text = sale if isinstance(sale, str) else json.dumps(sale)
            made.append(kinesis_record(text, self.number, STREAM))
        return made

    def deliver(self, records: list[dict[str, Any]]) -> None:
        _, function, mapping = self.reader
        self.flow.records(function, records, mapping)
        self.flow.settle()  # what the function may have passed on

    def put(self, *sales: Any) -> None:
        self.deliver(self.records(*sales))


def sale(name: str, *lines: tuple[str, int]) -> dict[str, Any]:
    return {"sale_id": name, "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]}


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[tuple[Till, Callable[[], dict[str, int]]]]:
    """The stream, and what the shelf says of mugs and pens, of which there are a hundred each."""
    with Flow(System(answer, aws, OnCallTopicArn=ON_CALL)) as flow:
        table = flow.system.id("Stock")
        for sku in ("mug", "pen"):
            aws.client("dynamodb").put_item(TableName=table, Item={"sku": {"S": sku}, "on_hand": {"N": "100"}})

        def shelf() -> dict[str, int]:
            left = {}
            for sku in ("mug", "pen"):
                event = request("GET", f"/stock/{sku}", pathParameters={"sku": sku})
                left[sku] = json.loads(flow.system.call("Shelf", event)["body"])["on_hand"]
            return left

        yield Till(flow), shelf


@CHECKS(Severity.ASKED)
def what_was_sold_is_gone(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (till, shelf):
        till.put(sale("s-1", ("mug", 2), ("pen", 1)), sale("s-2", ("pen", 3)))
        till.put(sale("s-3", ("pen", 1)))
        if shelf() != {"mug": 98, "pen": 95}:
            yield f"after three sales there are {shelf()}, not 98 mugs and 95 pens"


@CHECKS(Severity.LOSES)
def an_article_may_stand_in_several_lines(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (till, shelf):
        till.put(sale("s-4", ("pen", 1), ("mug", 1), ("pen", 2)))
        if shelf() != {"mug": 99, "pen": 97}:
            yield f"after a sale with two lines of pens, one and two, there are {shelf()}"


@CHECKS(Severity.DOUBLES)
def a_batch_that_comes_again_is_counted_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (till, shelf):
        records = till.records(sale("s-5", ("mug", 1), ("pen", 1)), sale("s-6", ("pen", 1)))
        for _ in range(2):
            till.deliver(records)
        if shelf() != {"mug": 99, "pen": 98} or till.flow.given_up:
            yield f"a batch that comes twice leaves {shelf()}, not 99 mugs and 98 pens: {till.flow.given_up}"


@CHECKS(Severity.DOUBLES)
def a_sale_that_a_till_puts_again_is_counted_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (till, shelf):
        till.put(sale("s-7", ("pen", 1)), sale("s-7", ("pen", 1)))
        till.put(sale("s-7", ("pen", 1)))
        if shelf() != {"mug": 100, "pen": 99}:
            yield f"a sale of one pen that is put three times leaves {shelf()}"


@CHECKS(Severity.LOSES)
def two_shards_count_the_same_article(answer: Path, aws: LocalAws) -> Iterator[str]:
    for place in (1, 2, 3):
        seen, came = [0], list[int]()

        def between(operation: str, parameters: dict[str, Any], really: Really, place: int = place) -> Any:
            if operation in (*WRITES, "GetItem", "BatchGetItem", "Query"):
                seen[0] += 1  # noqa: B023
                if seen[0] == place and operation in WRITES:  # noqa: B023
                    came.append(place)  # noqa: B023
                    till.put(sale("s-9", ("pen", 1)))
            return really()

        with deployed(answer, aws) as (till, shelf):
            with intercepted(between):
                till.put(sale("s-8", ("pen", 1)))
            if shelf()["pen"] != 99 - len(came):
                yield f"of two sales at one time, {100 - shelf()['pen']} are counted"


@CHECKS(Severity.DOUBLES)
def a_write_whose_answer_was_lost_counts_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    for place, done in ((1, True), (2, True), (3, True), (1, False), (2, False)):
        with deployed(answer, aws) as (till, shelf):
            with one_write_fails(place, done):
                till.put(sale("s-10", ("mug", 1), ("pen", 1)), sale("s-11", ("pen", 1)))
            if shelf() != {"mug": 99, "pen": 98}:
                what = "whose answer was lost" if done else "that was throttled"
                yield f"with write {place}, {what}, there are {shelf()}, not 99 mugs and 98 pens"


@CHECKS(Severity.LOSES)
def a_transaction_that_met_another_is_counted(answer: Path, aws: LocalAws) -> Iterator[str]:
    met: list[str] = []

    def refused(operation: str, parameters: dict[str, Any], really: Really) -> Any:
        if operation != "TransactWriteItems" or met:
            return really()
        met.append(operation)
        aws.refuse_transactions()
        try:
            return really()
        finally:
            aws.clear_faults()

    with deployed(answer, aws) as (till, shelf):
        with intercepted(refused):
            till.put(sale("s-16", ("pen", 1)), sale("s-17", ("pen", 1)))
        if shelf() != {"mug": 100, "pen": 98}:
            yield f"two sales, of which one met another transaction, leave {shelf()}, not 98 pens"


@CHECKS(Severity.BLOCKS)
def a_line_of_a_debug_log_holds_up_nobody(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (till, shelf):
        odd = ("[debug] printer: paper low", '{"level": "debug"}', "[]", '{"sale_id": "s-15", "lines": 3}')
        till.put(sale("s-12", ("pen", 1)), odd[0], sale("s-13", ("pen", 1)), *odd[1:], sale("s-14", ("pen", 1)))
        given_up = [record for _, records in till.flow.given_up for record in records]
        if shelf() != {"mug": 100, "pen": 97} or len(given_up) > len(odd):
            yield f"beside lines of a log, three sales of a pen leave {shelf()}; {len(given_up)} records are given up"


@CHECKS(Severity.LOSES)
def what_fails_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E", "SAM", "W9204")


@CHECKS(Severity.BLOCKS)
def a_shard_goes_on_after_a_bad_record(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "W9203", "W9205", "E9201")


@CHECKS(Severity.HIDES)
def somebody_is_called_for_sales_that_are_not_counted(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (till, _):
        system = till.flow.system
        alarms = [alarm for kind in ("SQS", "Lambda", "Kinesis") for alarm in system.alarms(f"AWS/{kind}")]
        if not [each for each in alarms if each.get("AlarmActions")]:
            yield "nobody is called when sales are given up or wait"


@CHECKS(Severity.COSTS)
def what_is_remembered_is_forgotten_again(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (till, _):
        till.put(*(sale(f"s-{number}", ("pen", 1)) for number in range(20, 26)))
        system = till.flow.system
        for name, table in system.of_kind("AWS::DynamoDB::Table").items():
            items = system.items(name)
            expires = table.get("TimeToLiveSpecification", {}).get("AttributeName")
            lasting = [each for each in items if "s-2" in str(each) and (not expires or expires not in each)]
            if len(lasting) > 1 or any(len(str(each)) > 800 for each in lasting):
                yield f"{name} keeps an item of each sale for ever"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (till, shelf):
        till.put(sale("s-1", ("pen", 1)))
        shelf()
        yield from till.flow.system.denied()
