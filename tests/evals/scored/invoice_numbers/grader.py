"""Invoice numbers follow one another, whatever is delivered twice, meets, is refused or loses its answer.

canary-8e41b0a9-aws-serverless-eda: not for training
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

from evals.flow import Flow
from evals.happenings import WRITES, behind, one_write_fails
from evals.harness import intercepted
from evals.scoring import Checks, Severity
from evals.system import System, said
from trials.local_aws import LocalAws
from trials.template import references

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
READS = ("GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems")
MOST_CALLS = 6  # of one invocation, that others get in between of
Really = Callable[[], Any]


@contextmanager
def deployed(answer: Path, aws: LocalAws, twice: bool = False) -> Iterator[Flow]:
    with Flow(System(answer, aws, OnCallTopicArn=ON_CALL), twice) as flow:
        yield flow


def delivered(flow: Flow, *orders: str, day: str = "2026-11-28") -> None:
    """Orders as the carrier's adapter sends them; text that begins with ! is sent as it is."""
    queue = flow.system.id("Delivered")
    for order in orders:
        told = json.dumps({"order_id": order, "delivered": day, "cents": 1200})
        body = order.removeprefix("!") if order.startswith("!") else told
        flow.system.aws.client("sqs").send_message(QueueUrl=queue, MessageBody=body)


def number(flow: Flow, order: str) -> str | None:
    answer = flow.system.ask("GET", f"/invoices/{order}")
    return str(json.loads(answer["body"])["number"]) if answer["statusCode"] == 200 else None


def gaps(flow: Flow, *orders: str, year: str = "2026") -> Iterator[str]:
    """What is wrong with the numbers of these orders, which are all that there are."""
    numbers = [number(flow, order) for order in orders]
    expected = [f"{year}-{place:06}" for place in range(1, len(orders) + 1)]
    if sorted(map(str, numbers)) != expected:
        yield f"{', '.join(orders)} got the numbers {numbers}"


@CHECKS(Severity.ASKED)
def numbers_follow_one_another(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        delivered(flow, "o-1", "o-2", "o-3")
        flow.settle()
        yield from gaps(flow, "o-1", "o-2", "o-3")


@CHECKS(Severity.LOSES)
def each_year_begins_anew(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        for order, day in (("o-1", "2026-12-31"), ("o-2", "2027-01-02"), ("o-3", "2026-12-30"), ("o-4", "2027-01-03")):
            delivered(flow, order, day=day)
            flow.settle()
        yield from gaps(flow, "o-1", "o-3")
        yield from gaps(flow, "o-2", "o-4", year="2027")


@CHECKS(Severity.DOUBLES)
def an_order_that_comes_twice_has_one_number(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws, twice=True) as flow:
        delivered(flow, "o-1")
        flow.settle()
        first = number(flow, "o-1")
        delivered(flow, "o-1", "o-2", "o-2")
        flow.settle()
        if number(flow, "o-1") != first:
            yield f"the invoice {first} becomes {number(flow, 'o-1')}"
        yield from gaps(flow, "o-1", "o-2")


@CHECKS(Severity.LOSES)
def an_old_invoice_keeps_its_number(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        old = {"order_id": "o-0", "number": "5F0C9D1E", "delivered": "2026-03-01"}
        item = {name: {"S": value} for name, value in old.items()} | {"cents": {"N": "900"}}
        aws.client("dynamodb").put_item(TableName=flow.system.id("Invoices"), Item=item)
        delivered(flow, "o-0", "o-1")
        flow.settle()
        if number(flow, "o-0") != "5F0C9D1E":
            yield f"an invoice that was sent as 5F0C9D1E is now {number(flow, 'o-0')}"
        yield from gaps(flow, "o-1")


@CHECKS(Severity.DOUBLES)
def two_at_one_time_have_two_numbers(answer: Path, aws: LocalAws) -> Iterator[str]:
    for place, other in product(range(2, MOST_CALLS + 1), ("o-2", "o-1")):
        seen, came = [0], list[int]()

        def between(
            operation: str, parameters: dict[str, Any], really: Really, place: int = place, other: str = other
        ) -> Any:
            seen[0] += operation in (*WRITES, *READS)  # noqa: B023
            if seen[0] == place and not came:  # noqa: B023
                came.append(place)  # noqa: B023
                delivered(flow, other)
                flow.settle()
            return really()

        with deployed(answer, aws) as flow:
            if flow.system.properties("Invoice").get("ReservedConcurrentExecutions") == 1:
                return  # there are no two
            delivered(flow, "o-1")
            with intercepted(between):
                flow.settle()
            flow.settle()
            yield from gaps(flow, *sorted({"o-1", other} if came else {"o-1"}))
        if not came:
            return


@CHECKS(Severity.LOSES)
def a_failure_leaves_no_gap(answer: Path, aws: LocalAws) -> Iterator[str]:
    for place in range(1, MOST_CALLS):
        for done in (True, False):
            with deployed(answer, aws) as flow:
                delivered(flow, "o-1", "o-2")
                with one_write_fails(place, done) as writes:
                    flow.settle()
                delivered(flow, "o-3")
                flow.settle()
                yield from gaps(flow, "o-1", "o-2", "o-3")
        if len(writes) < place:
            return


@CHECKS(Severity.LOSES)
def a_transaction_that_met_another_leaves_no_gap(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        delivered(flow, "o-1", "o-2")
        aws.refuse_transactions()
        flow.settle(rounds=1)
        aws.clear_faults()
        flow.settle()
        yield from gaps(flow, "o-1", "o-2")


@CHECKS(Severity.BLOCKS)
def a_bad_message_takes_no_number(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        delivered(flow, "!not JSON", "o-1", '!{"order_id": "o-9", "delivered": "2026-11-28"}', "o-2", '!{"cents": 3}')
        flow.settle()
        yield from gaps(flow, "o-1", "o-2")
        if len(flow.given_up) != 3:
            yield f"of three bad messages {len(flow.given_up)} are given up"


@CHECKS(Severity.BLOCKS)
def orders_of_one_moment_wait_for_nothing(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws, twice=True) as flow:
        delivered(flow, "o-1", "o-2")
        with behind(flow.system):
            flow.settle(rounds=1)
        numbers = [number(flow, order) for order in ("o-1", "o-2")]
        if None in numbers or flow.system.messages("Delivered"):
            yield f"of two orders a moment apart, which come twice, one waits for its next delivery: {numbers}"


@CHECKS(Severity.LOSES)
def what_fails_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E", "SAM")


@CHECKS(Severity.HIDES)
def the_alarm_still_rings(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        alarms = [each for each in flow.system.alarms("AWS/SQS") if each.get("AlarmActions")]
        if not flow.system.dead_letter_queues() & references([each.get("Dimensions") for each in alarms]):
            yield "nobody is called any more for an order without an invoice"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        delivered(flow, "o-1")
        flow.settle()
        number(flow, "o-1")
        yield from flow.system.denied()
