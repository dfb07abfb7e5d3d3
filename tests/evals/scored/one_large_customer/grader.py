"""The queue is fair: each message carries its tenant as its group, on a queue that stays standard and is one.

canary-e87c1d55-aws-serverless-eda: not for training
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.harness import intercepted, reported
from evals.scoring import Checks, Severity
from evals.system import System, request
from support.handlers import sqs_event
from support.templates import findings
from trials.local_aws import LocalAws

CHECKS = Checks()


def asked(tenant: str, rows: int, **headers: str) -> dict[str, Any]:
    event = request("POST", "/imports", {"tenant": "small", "rows": [{"id": n, "value": 1} for n in range(rows)]})
    event["headers"] |= headers
    event["requestContext"]["authorizer"] = {"jwt": {"claims": {"custom:tenant": tenant}, "scopes": None}}
    return event


def sent(system: System, event: dict[str, Any]) -> list[dict[str, Any]]:
    """Every message that one request sends, as it is handed to SQS."""
    found: list[dict[str, Any]] = []

    def seen(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation == "SendMessage":
            found.append(parameters)
        if operation == "SendMessageBatch":
            found.extend(parameters["Entries"])
        return really()

    with intercepted(seen):
        system.call("Import", event)
    return found


@CHECKS(Severity.ASKED)
def each_message_carries_its_tenant(answer: Path, aws: LocalAws) -> Iterator[str]:
    messages = sent(System(answer, aws), asked("large", 12))
    groups = {message.get("MessageGroupId") for message in messages}
    if len(messages) != 12 or None in groups or len(groups) != 1:
        yield f"{len(messages)} of 12 rows are sent, in the groups {groups}"


@CHECKS(Severity.BLOCKS)
def small_tenants_share_no_group_with_large_ones(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    large, small = (sent(system, asked(tenant, 1))[0].get("MessageGroupId") for tenant in ("large", "small"))
    if large == small:
        yield f"both tenants are the group {large}"


@CHECKS(Severity.BLOCKS)
def rows_of_one_tenant_run_side_by_side(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    queue, _ = system.consumed_queue()
    if system.properties(queue).get("FifoQueue"):
        yield "the queue is FIFO now: a bad row holds up its tenant, whose batches come one at a time"


@CHECKS(Severity.LOSES)
def every_row_is_checked(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    queue, worker = system.consumed_queue()
    system.call("Import", asked("large", 3))
    failures = reported(system.call(worker, sqs_event("not JSON", *system.messages(queue))))
    if failures != ["m-0"] or len(system.items("Checked")) != 3:
        yield f"of three rows {len(system.items('Checked'))} are checked, reported: {failures}"


@CHECKS(Severity.LOSES)
def a_refused_row_is_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    def refused(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation == "SendMessageBatch":
            failed = [{"Id": parameters["Entries"][0]["Id"], "Code": "InternalError", "SenderFault": False}]
            return {"Successful": [], "Failed": failed}
        if operation == "SendMessage":
            raise ClientError({"Error": {"Code": "InternalError", "Message": ""}}, operation)
        return really()

    system = System(answer, aws)
    with intercepted(refused):
        try:
            status = system.call("Import", asked("large", 2)).get("statusCode", 200)
        except Exception:
            status = 500
    if status < 400:
        yield f"a row that SQS refused is answered with {status}"


@CHECKS(Severity.LOSES)
def the_queue_keeps_what_fails(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(("E", "SAM")))


@CHECKS(Severity.EXPOSES)
def the_tenant_is_whom_the_token_names(answer: Path, aws: LocalAws) -> Iterator[str]:
    (message,) = sent(System(answer, aws), asked("large", 1))
    if "large" not in str(message.get("MessageGroupId")) or json.loads(message["MessageBody"])["tenant"] != "large":
        yield "the tenant is taken from what the caller writes"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    queue, worker = system.consumed_queue()
    system.call("Import", asked("large", 1))
    system.call(worker, sqs_event(*system.messages(queue)))
    yield from system.denied()
