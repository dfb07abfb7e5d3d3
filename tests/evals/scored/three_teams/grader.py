"""Three teams hear of an order once each, none waits for another, and the shop for none of them.

canary-a1d7390e-aws-serverless-eda: not for training
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.flow import Flow
from evals.harness import intercepted
from evals.scoring import Checks, Severity
from evals.system import System, request, said
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside
from trials.template import references

CHECKS = Checks()
WAREHOUSE, BILLING, CUSTOMS = "warehouse@example.com", "billing@example.com", "customs@example.com"
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
SENDS = ("Publish", "PublishBatch", "PutEvents", "SendMessage", "SendMessageBatch")


class Mails(Outside):
    """Mails each time, but for a key that it knows; `refused` are the addresses for which it is down."""

    def __init__(self) -> None:
        self.sent: Counter[tuple[str, str]] = Counter()  # by address and order
        self.known: set[str] = set()
        self.refused: set[str] = set()
        self.lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, Any]:
        with self.lock:
            to, subject = asked.body["to"], asked.body["subject"]
            if to in self.refused:
                return 503, {}
            if not asked.key or asked.key not in self.known:
                self.known.add(asked.key)
                self.sent[to, subject.split()[-1]] += 1
            return 202, {}

    def told(self, order: str) -> dict[str, int]:
        return {to: times for (to, name), times in self.sent.items() if name == order}


@contextmanager
def deployed(answer: Path, aws: LocalAws, twice: bool = False) -> Iterator[tuple[Flow, Mails]]:
    with Mails() as mails, Flow(System(answer, aws, MailUrl=mails.url, OnCallTopicArn=ON_CALL), twice) as flow:
        yield flow, mails


def place(flow: Flow, order: str, country: str) -> int:
    path = f"/orders/{order}"
    body = {"country": country, "items": ["mug"]}
    event = request("PUT", path, body, pathParameters={"order_id": order})
    event["routeKey"] = "PUT /orders/{order_id}"
    try:
        return int(flow.system.call("PlaceOrder", event).get("statusCode", 200))
    except Exception:  # the answer's own: API Gateway makes a 500 of it
        return 500


@CHECKS(Severity.ASKED)
def each_team_hears_of_what_it_has_to_do(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, mails):
        if place(flow, "o-1", "US") >= 300 or place(flow, "o-2", "FR") >= 300:
            yield "an order is refused"
        if mails.sent:
            yield "an order waits for its mails as before"
        flow.settle()
        if mails.told("o-1") != {WAREHOUSE: 1, BILLING: 1, CUSTOMS: 1}:
            yield f"an order to the US leads to {mails.told('o-1')}"
        if mails.told("o-2") != {WAREHOUSE: 1, BILLING: 1}:
            yield f"an order to France leads to {mails.told('o-2')}"
        if sorted(each["order_id"] for each in flow.system.items("Orders")) != ["o-1", "o-2"]:
            yield "the table Orders does not hold both orders"


@CHECKS(Severity.BLOCKS)
def an_order_is_taken_while_nobody_can_be_mailed(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, mails):
        mails.refused = {WAREHOUSE, BILLING, CUSTOMS}
        if place(flow, "o-3", "US") >= 300:
            yield "an order is refused while the mail provider is down"


@CHECKS(Severity.LOSES)
def a_team_out_of_reach_is_told_later_and_holds_up_no_other(answer: Path, aws: LocalAws) -> Iterator[str]:
    for out in (WAREHOUSE, BILLING, CUSTOMS):
        with deployed(answer, aws) as (flow, mails):
            mails.refused = {out}
            place(flow, "o-4", "US")
            flow.settle(rounds=2)
            others = {WAREHOUSE: 1, BILLING: 1, CUSTOMS: 1}
            del others[out]
            if mails.told("o-4") != others:
                yield f"while {out} is out of reach these are told: {mails.told('o-4')}"
            mails.refused = set()
            flow.settle()
            if mails.told("o-4") != others | {out: 1}:
                yield f"once {out} is back these were told: {mails.told('o-4')}"


@CHECKS(Severity.DOUBLES)
def what_comes_twice_is_one_mail(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws, twice=True) as (flow, mails):
        place(flow, "o-5", "US")
        flow.settle()
        if mails.told("o-5") != {WAREHOUSE: 1, BILLING: 1, CUSTOMS: 1}:
            yield f"delivered twice, an order leads to {mails.told('o-5')}"


@CHECKS(Severity.DOUBLES)
def an_order_put_again_is_one_mail(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, mails):
        for _ in range(2):
            place(flow, "o-6", "US")
            flow.settle()
        if max(mails.told("o-6").values(), default=1) > 1:
            yield f"an order that the shop puts twice leads to {mails.told('o-6')}"


@CHECKS(Severity.LOSES)
def an_order_that_could_not_be_sent_on_is_told_after_all(answer: Path, aws: LocalAws) -> Iterator[str]:
    def refused(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation in SENDS:
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "try again"}}, operation)
        return really()

    with deployed(answer, aws) as (flow, mails):
        with intercepted(refused):
            status = place(flow, "o-7", "US")
        if status >= 500:  # then the shop asks again
            place(flow, "o-7", "US")
        flow.settle()
        if set(mails.told("o-7")) != {WAREHOUSE, BILLING, CUSTOMS}:
            yield f"an order that could not be sent on is answered with {status} and told to {mails.told('o-7')}"


@CHECKS(Severity.LOSES)
def of_an_order_that_is_not_kept_nobody_is_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    def refused(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation in ("PutItem", "UpdateItem", "TransactWriteItems") and flow.system.id("Orders") in str(parameters):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slower"}}, operation)
        return really()

    with deployed(answer, aws) as (flow, mails):
        with intercepted(refused):
            status = place(flow, "o-10", "US")
        flow.settle()
        if mails.told("o-10") or status < 500:
            yield f"an order that is not kept is answered with {status}, and {sorted(mails.told('o-10'))} are told"


@CHECKS(Severity.BLOCKS)
def a_bad_message_holds_up_nobody(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, mails):
        sqs, system = aws.client("sqs"), flow.system
        consumed = [queue for queue, _, _ in system.consumers("SQS")]
        for name in consumed:
            group = {"MessageGroupId": "bad", "MessageDeduplicationId": "bad"}
            fifo = group if system.properties(name).get("FifoQueue") else {}
            sqs.send_message(QueueUrl=system.id(name), MessageBody="not JSON", **fifo)
        for order in ("o-8", "o-9"):
            place(flow, order, "US")
        flow.settle(rounds=20)
        missing = [order for order in ("o-8", "o-9") if len(mails.told(order)) != 3]
        if missing or len(flow.given_up) > len(consumed):
            yield f"with a bad message in each queue, {missing} are not told, and {len(flow.given_up)} are given up"


@CHECKS(Severity.LOSES)
def what_fails_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E", "SAM", "W9406")


@CHECKS(Severity.HIDES)
def somebody_hears_of_teams_that_were_not_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws, MailUrl="http://127.0.0.1", OnCallTopicArn=ON_CALL)
    alarms = [each for each in system.alarms("AWS/SQS") if each.get("AlarmActions")]
    watched = {name for each in alarms for name in references([each.get("Dimensions"), each.get("Metrics")])}
    if unwatched := system.dead_letter_queues() - watched or not alarms:
        yield f"nobody is called for {unwatched}"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, _):
        place(flow, "o-1", "US")
        flow.settle()
        yield from flow.system.denied()
