"""A report of ten minutes is started, looked up and fetched by whom it is for, and made once, whatever its size.

canary-602fa9bd-aws-serverless-eda: not for training
"""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from evals.flow import Flow
from evals.happenings import behind, one_write_fails
from evals.harness import beside, intercepted
from evals.scoring import Checks, Severity
from evals.system import System, said
from trials.local_aws import LocalAws
from trials.template import as_dict

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
TEN_MINUTES, MOST = 600, 900  # seconds
LARGE = 7_000_000  # bytes: more than an answer, a message or an item can hold
SENDS = ("SendMessage", "SendMessageBatch", "Invoke", "PutEvents", "Publish")


class Warehouse:
    """Stands for crunch.py: counts the runs, which fail as often as it is told."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, str]] = []
        self.failing = 0
        self.size = 20

    def report(self, company: str, month: str) -> str:
        self.runs.append((company, month))
        if self.failing:
            self.failing -= 1
            raise RuntimeError("the warehouse is down")
        return f"{company};{month};".ljust(self.size, "1")


class Customer:
    """Asks the API as one company."""

    def __init__(self, flow: Flow, company: str) -> None:
        self.flow = flow
        self.authorizer = {"jwt": {"claims": {"custom:company": company}, "scopes": None}}

    def start(self, month: str = "2026-10") -> tuple[int, str]:
        """The status and the id of the report."""
        answer = self.flow.system.ask("POST", "/reports", {"month": month}, authorizer=self.authorizer)
        told = json.loads(answer.get("body") or "{}") if answer["statusCode"] == 202 else {}
        return int(answer["statusCode"]), str(told.get("id", ""))

    def look_up(self, report: str) -> dict[str, Any]:
        answer = self.flow.system.ask("GET", f"/reports/{report}", authorizer=self.authorizer)
        told: dict[str, Any] = json.loads(answer.get("body") or "{}") if answer["statusCode"] == 200 else {}
        return told | {"code": answer["statusCode"]}

    def fetch(self, report: str) -> str:
        with urllib.request.urlopen(self.look_up(report)["url"], timeout=10) as answer:
            return str(answer.read().decode())


@contextmanager
def deployed(answer: Path, aws: LocalAws, twice: bool = False) -> Iterator[tuple[Customer, Warehouse]]:
    warehouse = Warehouse()
    with beside("crunch", report=warehouse.report):
        system = System(answer, aws, WarehouseUrl="http://127.0.0.1", OnCallTopicArn=ON_CALL)
        with Flow(system, twice) as flow:
            yield Customer(flow, "acme"), warehouse


@CHECKS(Severity.ASKED)
def a_report_is_started_and_fetched(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (customer, warehouse):
        status, report = customer.start()
        if status != 202 or not report:
            yield f"starting a report is answered with {status} and the id {report!r}"
        if warehouse.runs:
            yield "the caller waits for the report as before"
        if (told := customer.look_up(report)).get("status") != "running":
            yield f"a report that was just started is told as {told}"
        customer.flow.settle()
        if (told := customer.look_up(report)).get("status") != "done":
            yield f"a report that is made is told as {told}"
        elif not customer.fetch(report).startswith("acme;2026-10;"):
            yield "the report that is fetched is another"


@CHECKS(Severity.LOSES)
def a_large_report_is_fetched_whole(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (customer, warehouse):
        warehouse.size = LARGE
        _, report = customer.start()
        customer.flow.settle()
        if len(customer.fetch(report)) != LARGE:
            yield f"a report of {LARGE} bytes does not arrive whole"
        if len(json.dumps(customer.look_up(report))) > 10_000:
            yield "the report stands in the answer, where 6 MB fit"


@CHECKS(Severity.EXPOSES)
def a_report_is_for_those_who_asked_for_it(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (customer, _):
        _, report = customer.start()
        customer.flow.settle()
        other = Customer(customer.flow, "zeta")
        if (told := other.look_up(report))["code"] not in (403, 404):
            yield f"another company is told {told}"
        for name, bucket in customer.flow.system.of_kind("AWS::S3::Bucket").items():
            block = as_dict(bucket.get("PublicAccessBlockConfiguration"))
            if block and not all(block.values()):
                yield f"{name}, which holds reports, can be opened to everybody"


@CHECKS(Severity.BLOCKS)
def what_nobody_asked_for_is_not_found(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (customer, _):
        if (code := customer.look_up("5f0c9d1e-0000-4000-8000-000000000000")["code"]) != 404:
            yield f"a report that nobody asked for is answered with {code}"
        if not 400 <= (status := customer.start("October")[0]) < 500:
            yield f"a month that is none is answered with {status}"


@CHECKS(Severity.COSTS)
def a_report_is_made_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws, twice=True) as (customer, warehouse):
        _, report = customer.start()
        customer.flow.settle()
        if len(warehouse.runs) != 1:
            yield f"a report that the queue delivers twice is made {len(warehouse.runs)} times"
        if (told := customer.look_up(report)).get("status") != "done":
            yield f"a report that is made twice is told as {told}"


@CHECKS(Severity.BLOCKS)
def what_was_asked_for_a_moment_ago_is_made(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (customer, warehouse):
        with behind(customer.flow.system):
            _, report = customer.start()
            customer.flow.settle(rounds=2)
        if len(warehouse.runs) != 1 or customer.look_up(report).get("status") != "done":
            yield "a report whose maker comes a moment after it was asked for waits for the next try"


@CHECKS(Severity.LOSES)
def a_failure_of_the_moment_costs_no_report(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (customer, warehouse):
        warehouse.failing = 1
        _, report = customer.start()
        customer.flow.settle(rounds=1)
        if (told := customer.look_up(report)).get("status") == "failed":
            yield "a report that is tried again is told as failed"
        customer.flow.settle()
        if (told := customer.look_up(report)).get("status") != "done":
            yield f"after one failure a report is told as {told}"


@CHECKS(Severity.HIDES)
def a_report_that_fails_each_time_is_told_as_failed(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (customer, warehouse):
        warehouse.failing = 1000
        _, report = customer.start()
        customer.flow.settle(rounds=30, to_the_end=True)
        if (told := customer.look_up(report)).get("status") != "failed":
            yield f"a report that fails each time is told as {told}, and people wait for it"
        if len(warehouse.runs) > 10:
            yield f"a report that fails is tried {len(warehouse.runs)} times, at two dollars each"


@CHECKS(Severity.LOSES)
def what_could_not_be_started_is_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    def refused(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation in SENDS:
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "try again"}}, operation)
        return really()

    with deployed(answer, aws) as (customer, _):
        with intercepted(refused):
            status, report = customer.start()
        customer.flow.settle()
        if status < 300 and customer.look_up(report).get("status") != "done":
            yield f"a report that nobody will make is answered with {status}"


@CHECKS(Severity.LOSES)
def what_is_known_of_a_report_is_kept_first(answer: Path, aws: LocalAws) -> Iterator[str]:
    for place in (1, 2, 3):
        with deployed(answer, aws) as (customer, _):
            with one_write_fails(place, done=False):
                status, report = customer.start()
                customer.flow.settle()
            if status < 300 and customer.look_up(report).get("status") != "done":
                yield f"a report whose write {place} was throttled is told as {customer.look_up(report)}"
            elif status < 300 and not customer.fetch(report).startswith("acme;"):
                yield f"a report whose write {place} was throttled is another when it is fetched"


@CHECKS(Severity.LOSES)
def it_may_take_ten_minutes(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (customer, warehouse):
        system = customer.flow.system
        makers: set[str] = set()
        original = system.call

        def watched(function: str, event: Any, **variables: str) -> Any:
            before = len(warehouse.runs)
            try:
                return original(function, event, **variables)
            finally:
                makers.update([function] * (len(warehouse.runs) > before))

        system.call = watched  # type: ignore[method-assign]
        customer.start()
        customer.flow.settle()
        for name in makers:
            timeout = int(system.properties(name).get("Timeout", 3))
            if timeout <= TEN_MINUTES:
                yield f"{name}, which makes the report, has {timeout} s for ten minutes"
            feeding = [body for _, function, body in system.consumers("SQS") if function == name]
            sizes = [int(body.get("BatchSize", 10)) for body in feeding]
            if sizes and max(sizes) * TEN_MINUTES > max(timeout, MOST):
                yield f"{name} gets up to {max(sizes)} reports at once, of ten minutes each"


@CHECKS(Severity.LOSES)
def what_fails_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E", "SAM")


@CHECKS(Severity.HIDES)
def somebody_is_called_for_reports_that_fail(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (customer, _):
        alarms = [alarm for kind in ("SQS", "Lambda") for alarm in customer.flow.system.alarms(f"AWS/{kind}")]
        if not [each for each in alarms if each.get("AlarmActions")]:
            yield "nobody is called when reports fail"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (customer, _):
        system = customer.flow.system
        _, report = customer.start()
        customer.flow.settle()
        link = urlsplit(customer.look_up(report)["url"])
        bucket, _, key = unquote(link.path).lstrip("/").partition("/")
        names = {physical: name for name, physical in system.stack.resources.items()}
        signer = system.route("GET", f"/reports/{report}")[0]
        system.asked.add((signer, "s3:GetObject", names[bucket], f"/{key}"))  # whoever signs a link must be allowed
        yield from system.denied()
