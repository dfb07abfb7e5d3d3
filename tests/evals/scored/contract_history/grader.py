"""Each change of a contract is in its history once, whoever made it, for the eyes of its company only.

canary-f6c4d827-aws-serverless-eda: not for training
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evals.flow import Flow
from evals.happenings import one_write_fails
from evals.scoring import Checks, Severity
from evals.system import System, said
from trials.local_aws import LocalAws

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"


@contextmanager
def deployed(answer: Path, aws: LocalAws, twice: bool = False) -> Iterator[Flow]:
    with Flow(System(answer, aws, OnCallTopicArn=ON_CALL), twice) as flow:
        yield flow


def ask(flow: Flow, method: str, path: str, body: Any = None, company: str = "acme") -> dict[str, Any]:
    authorizer = {"jwt": {"claims": {"custom:company": company}, "scopes": None}}
    return flow.system.ask(method, path, body, authorizer=authorizer)


def change(flow: Flow, contract: str, tariff: str, seats: int, company: str = "acme") -> None:
    answer = ask(flow, "PUT", f"/contracts/{contract}", {"tariff": tariff, "seats": seats}, company)
    assert answer["statusCode"] < 300, f"a contract can no longer be changed: {answer}"


def script(flow: Flow, contract: str, **attributes: dict[str, Any]) -> None:
    """What the pricing team's scripts do."""
    item = {"company": {"S": "acme"}, "contract": {"S": contract}} | attributes
    flow.system.aws.client("dynamodb").put_item(TableName=flow.system.id("Contracts"), Item=item)


def history(flow: Flow, contract: str, company: str = "acme") -> list[dict[str, Any]]:
    answer = ask(flow, "GET", f"/contracts/{contract}/history", company=company)
    if answer["statusCode"] == 404:
        return []
    assert answer["statusCode"] == 200, f"the history is answered with {answer['statusCode']}"
    changes: list[dict[str, Any]] = json.loads(answer["body"])["changes"]
    return changes


def seats(flow: Flow, contract: str) -> list[tuple[Any, Any]]:
    """Seats before and after each change; None where there was no contract."""

    def of_one(image: Any) -> Any:
        return int(image["seats"]) if image else None

    return [(of_one(each["before"]), of_one(each["after"])) for each in history(flow, contract)]


@CHECKS(Severity.ASKED)
def every_change_is_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        change(flow, "c-1", "basic", 5)
        change(flow, "c-2", "basic", 1)
        change(flow, "c-1", "basic", 8)
        script(flow, "c-1", tariff={"S": "pro"}, seats={"N": "8"})
        ask(flow, "DELETE", "/contracts/c-1")
        flow.settle()
        told = seats(flow, "c-1")
        if told != [(None, 5), (5, 8), (8, 8), (8, None)]:
            yield f"two changes, one of a script and an end are told as {told}"
        elif not all(each.get("at") for each in history(flow, "c-1")):
            yield "a change does not say when it was made"
        if seats(flow, "c-2") != [(None, 1)]:
            yield "the history of another contract is not its own"


@CHECKS(Severity.DOUBLES)
def a_change_that_comes_again_is_told_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws, twice=True) as flow:
        for number in (5, 8, 5, 8):  # four, since two may fall into two seconds
            change(flow, "c-1", "basic", number)
        flow.settle()
        if seats(flow, "c-1") != [(None, 5), (5, 8), (8, 5), (5, 8)]:
            yield f"delivered twice, four changes are told as {seats(flow, 'c-1')}"


@CHECKS(Severity.LOSES)
def changes_of_one_second_are_all_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        for number in (1, 2, 1, 2):
            change(flow, "c-1", "basic", number)
        flow.settle()
        change(flow, "c-1", "basic", 3)
        flow.settle()
        if seats(flow, "c-1") != [(None, 1), (1, 2), (2, 1), (1, 2), (2, 3)]:
            yield f"five changes within a second are told as {seats(flow, 'c-1')}"


@CHECKS(Severity.LOSES)
def a_failure_of_the_moment_costs_no_change(answer: Path, aws: LocalAws) -> Iterator[str]:
    for place, done in ((1, False), (2, False), (1, True), (2, True)):
        with deployed(answer, aws) as flow:
            for number in (1, 2, 3):
                change(flow, "c-1", "basic", number)
            with one_write_fails(place, done):
                flow.settle()
            if seats(flow, "c-1") != [(None, 1), (1, 2), (2, 3)]:
                what = "whose answer was lost" if done else "that was throttled"
                yield f"with write {place}, {what}, three changes are told as {seats(flow, 'c-1')}"


@CHECKS(Severity.BLOCKS)
def whatever_a_contract_holds_is_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        script(flow, "c-1", seats={"N": "2"}, tags={"SS": ["a", "b"]}, key={"B": b"\x00\xff"}, price={"N": "12.5"})
        script(flow, "c-1", seats={"N": "3"}, terms={"M": {"list": {"L": [{"NULL": True}, {"BOOL": True}]}}})
        change(flow, "c-1", "basic", 4)
        flow.settle()
        if seats(flow, "c-1") != [(None, 2), (2, 3), (3, 4)]:
            yield f"a contract with sets, bytes and fractions is told as {seats(flow, 'c-1')}"
        elif float(history(flow, "c-1")[0]["after"].get("price", 0)) != 12.5:
            yield "a price of 12.5 is told as another"


@CHECKS(Severity.EXPOSES)
def a_company_reads_its_own_history(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        change(flow, "c-1", "basic", 5)
        change(flow, "c-1", "basic", 7, company="zeta")
        flow.settle()
        mine, theirs = history(flow, "c-1"), history(flow, "c-1", company="zeta")
        if len(mine) != 1 or len(theirs) != 1:
            yield f"where two companies have a contract c-1, one is told {len(mine)} changes"
        elif int(mine[0]["after"]["seats"]) != 5 or int(theirs[0]["after"]["seats"]) != 7:
            yield "a company is told of another's contract"
        for mark in ("/", "#", "|", ":", "-"):
            script(flow, f"x{mark}c-9", seats={"N": "1"})
            flow.settle()
            if history(flow, "c-9", company=f"acme{mark}x"):
                yield f"a company acme{mark}x is told of acme's contract x{mark}c-9"


@CHECKS(Severity.LOSES)
def a_long_history_is_told_whole(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        for number in range(4):
            change(flow, "c-1", "basic", number)
        flow.settle()
        aws.read_in_pages()
        told = len(history(flow, "c-1"))
        aws.clear_faults()
        if told != 4:
            yield f"of four changes that do not fit into one page {told} are told"


@CHECKS(Severity.LOSES)
def what_fails_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E", "SAM", "W9204")


@CHECKS(Severity.BLOCKS)
def the_stream_goes_on_after_a_bad_record(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "W9203", "W9205", "E9201")


@CHECKS(Severity.LOSES)
def the_trail_outlives_the_stack(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        before = {name: len(flow.system.items(name)) for name in flow.system.of_kind("AWS::DynamoDB::Table")}
        change(flow, "c-1", "basic", 5)
        flow.settle()
        for name, properties in flow.system.of_kind("AWS::DynamoDB::Table").items():
            kept = flow.system.template["Resources"][name].get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")
            grown = len(flow.system.items(name)) > before[name]
            if name != "Contracts" and grown and not kept and not properties.get("DeletionProtectionEnabled"):
                yield f"{name}, which holds the history, is deleted with the stack"


@CHECKS(Severity.HIDES)
def somebody_is_called_for_changes_that_are_missing(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        alarms = [*flow.system.alarms("AWS/SQS"), *flow.system.alarms("AWS/Lambda")]
        if not [each for each in alarms if each.get("AlarmActions")]:
            yield "nobody is called for a change that could not be written down"
        for name, alarm in flow.system.of_kind("AWS::CloudWatch::Alarm").items():
            if not alarm.get("AlarmActions"):
                yield f"{name} calls nobody"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        change(flow, "c-1", "basic", 5)
        ask(flow, "DELETE", "/contracts/c-1")
        flow.settle()
        history(flow, "c-1")
        yield from flow.system.denied()
