"""A cache and a list, neither of which shows a customer what is another's, whatever is cached, asked for or made up.

canary-3cd8107a-aws-serverless-eda: not for training
"""

import base64
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from evals.happenings import Answer, ask, asking, at
from evals.harness import intercepted
from evals.scoring import Checks, Severity
from evals.system import System
from support.templates import findings
from trials.local_aws import LocalAws

CHECKS = Checks()
ADA, BOB = {"sub": "u-1", "custom:tenant": "ada"}, {"sub": "u-2", "custom:tenant": "bob"}
MANY = 70
REPORTS, STEP = 6000, 100


def put(system: System, claims: dict[str, str], name: str, title: str, **more: Any) -> tuple[int, Any]:
    return ask(system, "PUT", f"/reports/{name}", {"title": title, "cents": 1} | more, claims)


@contextmanager
def filled(answer: Path, aws: LocalAws) -> Iterator[tuple[System, Answer]]:
    """Both customers have a report of the same id; reads of one environment, which keeps what it keeps."""
    system = System(answer, aws)
    with at():
        put(system, ADA, "2026-10", "of ada")
        put(system, BOB, "2026-10", "of bob")
        with asking(system, "GET", "/reports/2026-10") as read:
            yield system, read


def listed(system: System, claims: dict[str, str], **query: str) -> tuple[int, list[dict[str, Any]], dict[str, str]]:
    """Status, reports, and what the answer says beside them, which a caller sends back for the next page."""
    more = {"queryStringParameters": query, "rawQueryString": "&".join(query)} if query else {}
    status, body = ask(system, "GET", "/reports", None, claims, **more)
    if isinstance(body, list):
        return status, body, {}
    lists = [value for value in body.values() if isinstance(value, list)] if isinstance(body, dict) else []
    marks = {name: value for name, value in body.items() if isinstance(value, str)} if isinstance(body, dict) else {}
    return status, lists[0] if lists else [], marks


def whole(system: System, claims: dict[str, str]) -> list[str]:
    """The ids of all pages."""
    ids: list[str] = []
    query: dict[str, str] = {}
    for _ in range(MANY):
        _, reports, marks = listed(system, claims, **query)
        ids += [report["id"] for report in reports]
        if not marks:
            break
        ((name, mark),) = list(marks.items())[:1]
        query = {name: mark, "next": mark, "cursor": mark, "token": mark, "start": mark, "nextToken": mark}
    return ids


@CHECKS(Severity.ASKED)
def a_customer_sees_its_reports(answer: Path, aws: LocalAws) -> Iterator[str]:
    with filled(answer, aws) as (system, read):
        status, report = read("/reports/2026-10", None, ADA)
        if status != 200 or report.get("title") != "of ada" or int(report.get("cents", 0)) != 1:
            yield f"ada's report is answered with {status}: {report}"
        put(system, ADA, "2026-11", "of ada, too")
        if sorted(whole(system, ADA)) != ["2026-10", "2026-11"]:
            yield f"ada's two reports are listed as {whole(system, ADA)}"
        if read("/reports/2026-12", None, ADA)[0] != 404:
            yield "a report that nobody has is not answered with 404"


@CHECKS(Severity.ASKED)
def a_report_is_read_once_a_minute(answer: Path, aws: LocalAws) -> Iterator[str]:
    reads: list[str] = []

    def counted(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        reads.append(operation)
        return really()

    with filled(answer, aws) as (_, read), intercepted(counted):
        for _ in range(5):
            read("/reports/2026-10", None, ADA)
        if len(reads) > 1:
            yield f"five requests for one report read the table {len(reads)} times"
        for _ in range(3):
            read("/reports/2026-10", None, ADA)
            read("/reports/2026-10", None, BOB)
        if len(reads) > 2:
            yield f"requests for two reports in turn read the table {len(reads)} times"


@CHECKS(Severity.EXPOSES)
def what_is_cached_is_shown_to_its_customer_alone(answer: Path, aws: LocalAws) -> Iterator[str]:
    with filled(answer, aws) as (system, read):
        put(system, ADA, "2026-09", "of ada alone")
        titles = [read("/reports/2026-10", None, claims)[1].get("title") for claims in (ADA, BOB, ADA, BOB)]
        if titles != ["of ada", "of bob", "of ada", "of bob"]:
            yield f"ada and bob, in turn, get the reports {titles}"
        read("/reports/2026-09", None, ADA)
        if read("/reports/2026-09", None, BOB)[0] == 200:
            yield "what ada has read is shown to bob, who has no such report"


@CHECKS(Severity.EXPOSES)
def a_list_is_of_one_customer(answer: Path, aws: LocalAws) -> Iterator[str]:
    with filled(answer, aws) as (system, _):
        for query in ({}, {"tenant": "ada"}, {"filter": "ada"}):
            said = json.dumps(listed(system, BOB, **query)[:2])
            if "of ada" in said or "of bob" not in said:
                yield f"bob's list, asked for with {query}: {said}"


@CHECKS(Severity.EXPOSES)
def no_mark_leads_to_another_customer(answer: Path, aws: LocalAws) -> Iterator[str]:
    with filled(answer, aws) as (system, _):
        item = {"title": {"S": "of ada"}, "cents": {"N": "1"}, "tenant": {"S": "ada"}}
        requests = [{"PutRequest": {"Item": item | {"id": {"S": f"r-{number:03}"}}}} for number in range(MANY)]
        client, table = aws.client("dynamodb"), system.id("Reports")
        for start in range(0, MANY, 25):
            client.batch_write_item(RequestItems={table: requests[start : start + 25]})
        marks = [mark for _, _, given in [listed(system, ADA)] for mark in given.values()]
        keys = [{"tenant": "ada", "id": "r-000"}, {"tenant": {"S": "ada"}, "id": {"S": "r-000"}}]
        marks += [base64.urlsafe_b64encode(json.dumps(key).encode()).decode() for key in keys]
        marks += [json.dumps(key) for key in keys]
        for mark in marks:
            names = ("next", "cursor", "token", "start", "nextToken", "next_token", "after", "startKey")
            if "of ada" in json.dumps(listed(system, BOB, **dict.fromkeys(names, mark))[:2]):
                yield f"bob gets ada's reports with the mark {mark}"


@CHECKS(Severity.LOSES)
def every_report_is_on_some_page(answer: Path, aws: LocalAws) -> Iterator[str]:
    def paged(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation in ("Query", "Scan"):
            parameters["Limit"] = min(3, parameters.get("Limit", 3))  # as 1 MB would
        return really()

    with filled(answer, aws) as (system, _), intercepted(paged):
        for number in range(4):
            put(system, BOB, f"r-{number}", "of bob")
        ids = whole(system, BOB)
        if sorted(ids) != ["2026-10", "r-0", "r-1", "r-2", "r-3"]:
            yield f"of five reports, three to a page, these are listed: {ids}"


@CHECKS(Severity.COSTS)
def a_list_reads_what_it_shows(answer: Path, aws: LocalAws) -> Iterator[str]:
    operations: list[str] = []

    def seen(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        operations.append(operation)
        return really()

    with filled(answer, aws) as (system, _), intercepted(seen):
        listed(system, BOB)
    if "Scan" in operations:
        yield "a list of one customer reads the reports of all"


@CHECKS(Severity.EXPOSES)
def the_tenant_is_whom_the_token_names(answer: Path, aws: LocalAws) -> Iterator[str]:
    with filled(answer, aws) as (system, read):
        put(system, BOB, "2026-10", "of mallory", tenant="ada", id="2026-10")
        if read("/reports/2026-10", None, ADA)[1].get("title") != "of ada":
            yield "bob writes ada's report by naming her in what he sends"
        nobody = {"sub": "u-3"}
        answers = [read("/reports/2026-10", None, nobody), put(system, nobody, "2026-10", "of nobody")]
        answers.append(listed(system, nobody)[:2])
        if [status for status, _ in answers if status < 400]:
            yield f"a token without a tenant is answered with {[status for status, _ in answers]}"


@CHECKS(Severity.BLOCKS)
def a_change_is_seen_within_a_minute(answer: Path, aws: LocalAws) -> Iterator[str]:
    with filled(answer, aws) as (system, read):
        read("/reports/2026-10", None, ADA)
        put(system, ADA, "2026-10", "of ada, corrected")
        with at(seconds=90):
            if read("/reports/2026-10", None, ADA)[1].get("title") != "of ada, corrected":
                yield "after a minute and a half a report is still shown as it was"


@CHECKS(Severity.BLOCKS)
def what_is_not_there_yet_is_not_cached(answer: Path, aws: LocalAws) -> Iterator[str]:
    with filled(answer, aws) as (system, read):
        read("/reports/2026-11", None, ADA)
        put(system, ADA, "2026-11", "of ada, new")
        if read("/reports/2026-11", None, ADA)[0] != 200:
            yield "a customer that looked too early does not find the report that it has just written"


@CHECKS(Severity.BLOCKS)
def a_cache_has_an_end(answer: Path, aws: LocalAws) -> Iterator[str]:
    """What is kept after twice as many reports, 50 a second, of which the table is asked for the first alone."""
    known: list[Any] = []

    def told(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation != "GetItem":
            return really()
        known.extend([] if known else [really()])
        return deepcopy(known[0])

    with filled(answer, aws) as (_, read), intercepted(told):
        read("/reports/2026-10", None, ADA)
        most, begun = [0, 0], sys.getallocatedblocks()
        for number in range(2 * REPORTS // STEP):
            with at(seconds=number * STEP / 50):
                for place in range(STEP):
                    read(f"/reports/r-{number}-{place}", None, ADA)
            half = number * STEP // REPORTS
            most[half] = max(most[half], sys.getallocatedblocks() - begun)
        if most[1] > max(1.5 * most[0], REPORTS):
            yield f"{REPORTS} reports leave {most[0]} blocks of memory, twice as many {most[1]}, and so on to the end"


@CHECKS(Severity.EXPOSES)
def each_route_asks_who_calls(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    for event in system.model.events:
        if event.kind in ("HttpApi", "Api"):
            api = event.refers("ApiId") or event.refers("RestApiId")
            asks = event.only("Auth", "Authorizer") or (api and api.only("Auth", "DefaultAuthorizer"))
            if asks in (None, "NONE"):
                yield f"anybody may {event.only('Method')} {event.only('Path')}"
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(("E", "SAM", "W9701")))


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with filled(answer, aws) as (system, read):
        read("/reports/2026-10", None, ADA)
        listed(system, ADA)
        yield from system.denied()
