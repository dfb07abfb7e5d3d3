"""What a function's role allows of its calls: what is denied, what is never used, and the least policy."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

from trials.template import listed
from trials.verdicts.words import Judgement, Promise, broken, held, unproved

Statement = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One call under a role, and what IAM decided: Allow, Deny by a statement that says so, or ImplicitDeny."""

    action: str
    resource: str
    decision: str = "Allow"
    by_resource: bool = False  # the policy of the resource decided


@dataclass(frozen=True)
class Used:
    """The calls of a function, the statements of its role, and the stack's resources by the last part of their ARNs."""

    calls: list[Call]
    statements: list[Statement] | None
    known: dict[str, str]
    reserved: tuple[str, ...] = ()  # physical names of what failed events are kept in

    def and_by(self, other: "Used") -> "Used":
        """What two sources of the same function have shown."""
        return Used([*self.calls, *other.calls], other.statements, {**self.known, **other.known}, other.reserved)

    @property
    def least(self) -> list[str]:
        return [written(statement) for statement in least(self.calls, self.known)]

    @property
    def unused(self) -> list[str]:
        return unused(self.calls, self.statements or [], self.reserved)


POLLERS = (
    *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    *("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream", "kinesis:DescribeStreamSummary"),
    *("kinesis:ListShards", "kinesis:ListStreams", "kinesis:SubscribeToShard", "dynamodb:DescribeStream"),
    *("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
)

IN_AN_ACCOUNT = "a trial in an account of yours, whose IAM has no gaps"


def denied(
    calls: Iterable[Call], statements: list[Statement] | None, known: dict[str, str], otherwise: str
) -> Judgement:
    """What a delivery under the role tells.

    `statements` are the role's, None if they cannot all be read; `known` names the stack's resources by the last part
    of their ARNs; `otherwise` is what the delivery did that it does not do without IAM, empty if it did the same.
    The local IAM has gaps, so a refusal counts only where the statements themselves grant nothing of the kind.
    """
    calls = list(dict.fromkeys(calls))
    refused = [call for call in calls if call.decision != "Allow"]
    details = [f"{call.action} on {by_reference(call.resource, known)}" for call in refused]
    if not refused:
        if otherwise:
            text = f"every call is allowed, but under its role it did something else: {otherwise}"
            return unproved(text, supply=IN_AN_ACCOUNT)
        return held(f"its role allows the {len(calls)} calls that were seen" if calls else "no call was seen")
    call = refused[0]
    where = by_reference(call.resource, known)
    if statements is None:
        text = f"{call.action} on {where} was denied; the role has a policy that is not here"
        return unproved(text, *details, supply="the policy, in the template")
    real = [each for each in refused if each.decision == "ImplicitDeny" and missing(each, statements, known)]
    if not real:
        text = f"{call.action} on {where} was denied here, though a statement may grant it"
        return unproved(text, *details, supply=IN_AN_ACCOUNT)
    call = real[0]
    where = by_reference(call.resource, known)
    if not otherwise:
        text = f"{call.action} on {where} is denied, and all was done without it"
        return unproved(text, *details, supply="nothing, if the call may fail; else the action in its role")
    add = "; ".join(dict.fromkeys(written(statement) for statement in least(real, known)))
    return broken(Promise.DENIED, f"its role does not allow {call.action} on {where}. Add: {add}", *details)


@cache
def actions_of_iam() -> dict[str, frozenset[str]]:
    """The prefix of a service and its actions in lower case, from the data that cfn-lint ships."""
    try:
        data = json.loads(resources.files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text())
    except ModuleNotFoundError:  # the reader's environment has no cfn-lint
        return {}
    return {prefix: frozenset(service["Actions"]) for prefix, service in data.items()}


def is_action(action: str) -> bool:
    """Whether IAM has this action; the local AWS asks for some operations that IAM knows by another name."""
    prefix, _, name = action.lower().partition(":")
    known = actions_of_iam().get(prefix)
    return known is None or name in known


def missing(call: Call, statements: list[Statement], known: dict[str, str]) -> bool:
    """Whether no statement grants a call; on what the stack does not own, whether none grants its action at all.

    No statement can grant what is no action of IAM's.
    """
    if not is_action(call.action):
        return False
    granting = [each for each in statements if grants_action(each, call.action)]
    if not owner(call.resource, known):
        return not granting
    return not any(reaches(each, call.resource) for each in granting)


def grants_action(statement: Statement, action: str) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    if "NotAction" in statement:
        return True
    return any(fnmatchcase(action.lower(), str(each).lower()) for each in listed(statement.get("Action")))


def reaches(statement: Statement, resource: str) -> bool:
    if "NotResource" in statement:
        return True
    return any(fnmatchcase(resource, re.sub(r"\$\{[^}]*\}", "*", str(each))) for each in listed(statement["Resource"]))


def unused(calls: Iterable[Call], statements: list[Statement], reserved: Iterable[str] = ()) -> list[str]:
    """The actions that are granted by name and were never asked for; nothing where a refusal cut the work short.

    Pollers, and Lambda itself on what is `reserved` for failed events, use a function's role too.
    """
    calls = list(calls)
    if any(call.decision != "Allow" for call in calls):
        return []
    asked = {call.action.lower() for call in calls} | {action.lower() for action in POLLERS}
    statements = [each for each in statements if not any(name in str(each.get("Resource")) for name in reserved)]
    granted = [str(each) for statement in statements for each in listed(statement.get("Action")) if allows(statement)]
    plain = [each for each in granted if "*" not in each and not each.startswith(("logs:", "xray:", "kms:"))]
    return sorted({each for each in plain if each.lower() not in asked})


def allows(statement: Statement) -> bool:
    return statement.get("Effect") == "Allow"


def least(calls: Iterable[Call], known: dict[str, str]) -> list[Statement]:
    """The statements that allow these calls and no other, resources by reference where the template has them."""
    actions: dict[str, list[str]] = {}
    for call in calls:
        actions.setdefault(by_reference(call.resource, known), []).append(call.action)
    return [
        {"Effect": "Allow", "Action": sorted(set(named)), "Resource": resource}
        for resource, named in sorted(actions.items())
    ]


def written(statement: Statement) -> str:
    """A statement as a line of YAML."""
    resource = statement["Resource"]
    shown = resource if resource.startswith("!") else f'"{resource}"'
    return f"{{ Effect: Allow, Action: [{', '.join(statement['Action'])}], Resource: {shown} }}"


def owner(resource: str, known: dict[str, str]) -> str:
    """The logical id of the stack's resource that an ARN is of, or part of."""
    parts = re.split(r"[:/]", resource)
    return next((known[part] for part in parts[5:] if part in known), "")


def by_reference(resource: str, known: dict[str, str]) -> str:
    """An ARN as a template refers to it."""
    name = owner(resource, known)
    if not name:
        return resource
    physical = next(part for part in re.split(r"[:/]", resource)[5:] if part in known)
    rest = resource.split(physical, 1)[1]
    if ":sns:" in resource or ":states:" in resource:
        return f"!Ref {name}" if not rest else f"!Sub ${{{name}}}{rest}"
    if ":s3:" in resource and rest:
        rest = "/*"  # a statement for one key is rarely meant
    return f"!GetAtt {name}.Arn" if not rest else f"!Sub ${{{name}.Arn}}{rest}"
