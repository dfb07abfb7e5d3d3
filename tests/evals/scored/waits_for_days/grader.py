"""A durable function that may wait for ten days: started by its alias, not waited for, once for an expense.

canary-42d431bf-aws-serverless-eda: not for training
"""

import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.harness import Missing, environment, intercepted
from evals.iam import allows, arn, resolved, statements
from evals.scoring import Checks, Severity
from evals.system import System, said
from support.templates import translated
from trials.local_aws import LocalAws
from trials.template import references

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
TEN_DAYS, A_YEAR = 864_000, 31_622_400  # seconds: what people have, and the most that Lambda allows


class Answer(System):
    """The durable function, and what starts it."""

    def __init__(self, answer: Path, aws: LocalAws) -> None:
        super().__init__(answer, aws, OnCallTopicArn=ON_CALL)
        self.made = whole(answer, aws)

    @property
    def durable(self) -> str:
        names = [name for name in self.functions if self.properties(name).get("Handler") == "workflow.handler"]
        if len(names) != 1:
            raise Missing(f"{len(names)} functions have the handler workflow.handler")
        return names[0]

    @property
    def starter(self) -> str:
        return self.consumed_queue()[1]

    def qualified(self, value: str) -> bool:
        """Whether a name of a function has a version or alias, as `resolved` writes it."""
        named = self.made["Resources"].get(value, {}).get("Type") in ("AWS::Lambda::Alias", "AWS::Lambda::Version")
        return named or bool(re.search(r"(?:^|:)[A-Za-z]\w*:[\w$-]+$", value.partition("function:")[2] or value))

    def start(self, *expenses: dict[str, Any], error: str = "") -> tuple[list[str], list[dict[str, Any]]]:
        """What is reported of a batch, and the invocations that it made; Lambda may refuse all with an `error`."""
        asked: list[dict[str, Any]] = []

        def invoked(operation: str, parameters: dict[str, Any], really: Any) -> Any:
            if operation != "Invoke":
                return really()
            asked.append(parameters)
            if error:
                raise ClientError({"Error": {"Code": error, "Message": ""}}, operation)
            return {"StatusCode": 202, "Payload": BytesIO(b"")}

        own = self.properties(self.starter).get("Environment", {}).get("Variables", {})
        known = self.variables[self.starter]
        for name, value in own.items():
            if known[name] == str(resolved(self.template, value)):  # not deployed; SAM may have made what it refers to
                known[name] = str(resolved(self.made, value))
        with intercepted(invoked):
            kept = self.deliver(self.starter, *map(json.dumps, expenses))
        return kept, asked


def whole(answer: Path, aws: LocalAws) -> dict[str, Any]:
    with environment(answer, aws):  # SAM asks for the region
        return translated(answer / "template.yaml")


def expense(name: str) -> dict[str, Any]:
    return {"expense_id": name, "cents": 1200, "approver": "kim"}


def started(answer: Answer) -> dict[str, Any]:
    """The one invocation for one expense. Raises `Missing`."""
    _, asked = answer.start(expense("x-1"))
    if len(asked) != 1:
        raise Missing(f"one expense makes {len(asked)} invocations")
    return asked[0]


@CHECKS(Severity.ASKED)
def the_workflow_is_durable(answer: Path, aws: LocalAws) -> Iterator[str]:
    given = Answer(answer, aws)
    if not given.properties(given.durable).get("DurableConfig"):
        yield "the function is an ordinary one: it has no DurableConfig"


@CHECKS(Severity.LOSES)
def the_wait_fits(answer: Path, aws: LocalAws) -> Iterator[str]:
    given = Answer(answer, aws)
    seconds = int(given.properties(given.durable).get("DurableConfig", {}).get("ExecutionTimeout", 0))
    if not TEN_DAYS < seconds <= A_YEAR:
        yield f"an execution has {seconds} s, and people have {TEN_DAYS}"


@CHECKS(Severity.LOSES)
def nothing_waits_for_the_whole_execution(answer: Path, aws: LocalAws) -> Iterator[str]:
    """Behind a mapping, or if somebody waits for its answer, an execution ends after 15 minutes."""
    given = Answer(answer, aws)
    fed = [each for each in given.model.mappings if each.function and each.function.name == given.durable]
    if fed:
        yield f"{given.durable} is fed by a mapping, and has 15 minutes"
    elif started(given).get("InvocationType", "RequestResponse") != "Event":
        yield f"an expense is started by {started(given).get('InvocationType')}, and has 15 minutes"


@CHECKS(Severity.BLOCKS)
def it_is_started_by_version_or_alias(answer: Path, aws: LocalAws) -> Iterator[str]:
    given = Answer(answer, aws)
    if given.starter == given.durable:
        return
    asked = started(given)
    if not asked.get("Qualifier") and not given.qualified(str(asked["FunctionName"])):
        yield f"{asked['FunctionName']} has no version and no alias: Lambda refuses to start it"


@CHECKS(Severity.DOUBLES)
def a_repeat_is_the_same_execution(answer: Path, aws: LocalAws) -> Iterator[str]:
    given = Answer(answer, aws)
    if given.starter == given.durable:
        yield "what a mapping starts has no name of its own: a repeat asks somebody again"
        return
    first, second = started(given), started(given)
    names = {first.get("DurableExecutionName"), second.get("DurableExecutionName")}
    if len(names) != 1 or None in names:
        yield f"an expense that came twice is the executions {names}: somebody is asked twice"
    elif first.get("Payload") != second.get("Payload"):
        yield "the payload of a repeat differs: Lambda refuses it, and it ends among the dead letters"


@CHECKS(Severity.LOSES)
def every_expense_is_started(answer: Path, aws: LocalAws) -> Iterator[str]:
    given = Answer(answer, aws)
    if given.starter == given.durable:
        return
    kept, asked = given.start(expense("x-2"), expense("x-3"))
    names = [each.get("DurableExecutionName") for each in asked]
    payloads = [json.loads(each["Payload"]).get("expense_id") for each in asked]
    if kept or payloads != ["x-2", "x-3"] or (None not in names and len(set(names)) != 2):
        yield f"two expenses start {payloads} as {names}, reported: {kept}"


@CHECKS(Severity.LOSES)
def what_cannot_be_started_stays(answer: Path, aws: LocalAws) -> Iterator[str]:
    given = Answer(answer, aws)
    if given.starter != given.durable and given.start(expense("x-4"), error="TooManyRequestsException")[0] != ["m-0"]:
        yield "an expense that Lambda did not take is deleted from the queue"
    yield from said(answer, "E91")


@CHECKS(Severity.HIDES)
def a_failed_execution_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    """And its queue, or topic, calls somebody."""
    given = Answer(answer, aws)
    (function,) = [each for each in given.model.functions if each.name == given.durable]
    ways = [function.only("DeadLetterQueue"), function.only("EventInvokeConfig"), function.only("DeadLetterConfig")]
    ways += [each.body for each in given.model.of("AWS::Lambda::EventInvokeConfig")]
    ends = {name for way in ways for name in references(way)} - {function.name}
    if given.consumed_queue()[1] == function.name:
        ends |= given.dead_letter_queues()
    alarms = [each for each in given.of_kind("AWS::CloudWatch::Alarm").values() if each.get("AlarmActions")]
    if not [each for each in alarms if references(each) & ends] and "OnCallTopicArn" not in ends:
        yield "nobody hears of an expense whose execution failed"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    given = Answer(answer, aws)
    if not allows(granted(given, given.durable), "sqs:SendMessage", arn(given.made, "Approvals")):
        yield f"{given.durable} may not ask for approvals"
    if given.starter == given.durable:
        return
    named = str(started(given)["FunctionName"])
    function = arn(given.made, given.durable)
    meant = [named, f"{function}:live", f"{function}:1", *([] if given.qualified(named) else [function])]
    if not any(allows(granted(given, given.starter), "lambda:InvokeFunction", each) for each in meant):
        yield f"{given.starter} may not invoke {named}"


def granted(given: Answer, function: str) -> list[dict[str, Any]]:
    """The statements of the policies in a function's role."""
    role = given.made["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"][0]
    documents = [each["PolicyDocument"] for each in given.made["Resources"][role]["Properties"].get("Policies", [])]
    return [one for document in resolved(given.made, documents) for one in statements(document)]


@CHECKS(Severity.BLOCKS)
def it_can_be_deployed(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E0", "E1", "E2", "E3", "SAM")
