"""What one tenant's statement leaves behind in an environment is in no other tenant's, also after a failure.

canary-c5f29140-aws-serverless-eda: not for training
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.harness import intercepted, reported
from evals.scoring import Checks, Severity
from evals.system import System, said
from support.handlers import sqs_event
from trials.local_aws import LocalAws

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
ARCHIVE = "archive@example.com"
SENDS = ("SendMessage", "SendMessageBatch")


def deployed(answer: Path, aws: LocalAws) -> System:
    system = System(answer, aws, OnCallTopicArn=ON_CALL)
    for tenant, copies in (("adler", ["books@adler.example"]), ("rossi", []), ("kline", ["cfo@kline.example"])):
        item: dict[str, Any] = {"tenant": {"S": tenant}, "mail": {"S": f"{tenant}@example.com"}}
        item |= {"copies": {"L": [{"S": address} for address in copies]}} if copies else {}
        aws.client("dynamodb").put_item(TableName=system.id("Tenants"), Item=item)
    return system


def order(tenant: str) -> str:
    """Of one line, which only this tenant has."""
    lines = [{"text": f"Work for {tenant}", "cents": 100 * len(tenant)}]
    return json.dumps({"statement_id": f"st-{tenant}", "tenant": tenant, "lines": lines})


def wanted(tenant: str) -> str:
    return f"Work for {tenant}: {len(tenant):.2f}\nTotal: {len(tenant):.2f}"


def mails(system: System) -> dict[str, dict[str, Any]]:
    return {mail["to"].split("@")[0]: mail for mail in map(json.loads, system.messages("Mails"))}


def in_one_environment(system: System, *batches: list[str], refused: str = "") -> list[list[str]]:
    """What of each batch is reported; SQS refuses the first mail whose text has `refused`."""
    refusals: list[str] = []

    def once(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation in SENDS and refused and refused in str(parameters) and not refusals:
            refusals.append(operation)
            raise ClientError({"Error": {"Code": "RequestThrottled", "Message": "slower"}}, operation)
        return really()

    kept = []
    with intercepted(once), system.running(system.consumed_queue()[1]) as run:
        for batch in batches:
            try:
                kept.append(reported(run(sqs_event(*batch))))
            except Exception:
                kept.append([f"m-{number}" for number in range(len(batch))])
    return kept


@CHECKS(Severity.ASKED)
def statements_are_handed_over(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    kept = in_one_environment(system, [order("adler"), order("rossi")])
    texts = {tenant: mail["text"] for tenant, mail in mails(system).items()}
    if kept != [[]] or texts != {"adler": wanted("adler"), "rossi": wanted("rossi")}:
        yield f"two statements: {texts}, reported: {kept}"


@CHECKS(Severity.EXPOSES)
def after_a_failure_a_statement_is_its_tenants_own(answer: Path, aws: LocalAws) -> Iterator[str]:
    for batches in ([[order("adler"), order("rossi")]], [[order("adler")], [order("rossi")]]):
        system = deployed(answer, aws)
        in_one_environment(system, *batches, refused="adler")
        text = mails(system).get("rossi", {}).get("text")
        if text not in (None, wanted("rossi")):
            yield f"after a failure of another tenant's, a statement is {text!r}"


@CHECKS(Severity.EXPOSES)
def copies_are_the_tenants_own(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    in_one_environment(system, [order("adler"), order("rossi")], [order("kline")])
    for tenant, mail in mails(system).items():
        strangers = [address for address in mail["copies"] if address != ARCHIVE and tenant not in address]
        if strangers:
            yield f"the statement of {tenant} goes to {strangers}"


@CHECKS(Severity.LOSES)
def copies_arrive(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    in_one_environment(system, [order("adler"), order("kline")])
    copies = {tenant: mail["copies"] for tenant, mail in mails(system).items()}
    for tenant, address in (("adler", "books@adler.example"), ("kline", "cfo@kline.example")):
        if not {ARCHIVE, address} <= set(copies.get(tenant, [])):
            yield f"copies of {tenant} go to {copies.get(tenant)}"


@CHECKS(Severity.DOUBLES)
def a_repeat_in_the_same_environment_is_whole(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    first = in_one_environment(system, [order("adler")], [order("adler")], refused="adler")[0]
    text = mails(system).get("adler", {}).get("text")
    if first != ["m-0"] or text != wanted("adler"):
        yield f"a statement that failed once is {text!r} afterwards, reported: {first}"


@CHECKS(Severity.DOUBLES)
def a_duplicate_is_one_mail(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    in_one_environment(system, [order("adler")], [order("adler")])
    ids = {json.loads(body)["mail_id"] for body in system.messages("Mails")}
    if len(ids) != 1:
        yield f"a statement that came twice is {len(ids)} mails to the mailer"


@CHECKS(Severity.BLOCKS)
def an_unknown_tenant_holds_up_nobody(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    kept = system.deliver(system.consumed_queue()[1], order("nobody"), order("kline"))
    if kept != ["m-0"] or list(mails(system)) != ["kline"]:
        yield f"behind an unknown tenant nothing goes out, or the tenant is not reported: {kept}"


@CHECKS(Severity.COSTS)
def the_run_is_as_fast(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws, OnCallTopicArn=ON_CALL)
    (mapping,) = [each for each in system.model.mappings if each.source and each.source.name == "Statements"]
    batch, most = mapping.numbers("BatchSize", default=10)[0], mapping.only("ScalingConfig", "MaximumConcurrency")
    if (batch or 10) * int(most or 1000) < 50:
        yield f"{batch} statements in each of {most} environments: the first of the month takes all morning again"


@CHECKS(Severity.HIDES)
def what_fails_is_kept_and_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E91", "E3", "E0", "SAM")
    system = System(answer, aws, OnCallTopicArn=ON_CALL)
    if not [alarm for alarm in system.alarms("AWS/SQS") if alarm.get("AlarmActions")]:
        yield "nobody is called any more when a statement is given up"


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    in_one_environment(system, [order("adler")])
    yield from system.denied()
