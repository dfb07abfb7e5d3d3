"""Calls under a role: which refusal is the template's fault, how the missing statement reads, and the least policy."""

from typing import Any

import pytest

from trials.verdicts import Promise, Verdict
from trials.verdicts.permissions import Call, by_reference, denied, least, unused, written

OUT, LEDGER = "arn:aws:sqs:us-east-1:1:stage-1-Out-ab", "arn:aws:dynamodb:us-east-1:1:table/stage-1-Ledger-cd"
KNOWN = {"stage-1-Out-ab": "Out", "stage-1-Ledger-cd": "Ledger", "stage-1-files": "Files", "stage-1-T": "Topic"}
PUT = Call("dynamodb:PutItem", LEDGER)
SEND = Call("sqs:SendMessage", OUT, "ImplicitDeny")
HELD, UNPROVED, DENIED = (Verdict.HELD, None), (Verdict.UNPROVED, None), (Verdict.BROKEN, Promise.DENIED)
SCHEDULE = Call("scheduler:CreateSchedule", "arn:aws:scheduler:us-east-1:1:schedule/default/x", "ImplicitDeny")
PARTIQL = Call("dynamodb:ExecuteStatement", LEDGER, "ImplicitDeny")
GROUP = "arn:aws:scheduler:us-east-1:1:schedule/stage-1-Group/*"


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("calls", "statements", "otherwise", "verdict"),
    [
        ([PUT], [allow("dynamodb:PutItem", LEDGER)], "", HELD),
        ([], [], "", HELD),
        ([PUT], [allow("dynamodb:PutItem", LEDGER)], "queue Out: 1 missing", UNPROVED),  # no refusal explains it
        ([PUT, SEND], [allow("dynamodb:PutItem", LEDGER)], "AccessDenied", DENIED),
        ([PUT, SEND], [allow("dynamodb:PutItem", LEDGER)], "", UNPROVED),  # it does all the same without
        ([SEND], [allow("sqs:SendMessage", LEDGER)], "AccessDenied", DENIED),  # granted on another resource
        ([SEND], [allow("sqs:SendMessage", OUT)], "AccessDenied", UNPROVED),  # a gap of the local IAM
        ([SEND], [allow("SQS:Send*")], "AccessDenied", UNPROVED),
        ([SEND], [allow("sqs:SendMessage", OUT, Condition={"Bool": {"x": "y"}})], "AccessDenied", UNPROVED),
        ([SEND], [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "AccessDenied", UNPROVED),
        ([SEND], None, "AccessDenied", UNPROVED),  # a managed policy that is not here
        ([Call("sqs:SendMessage", OUT, "Deny", True)], [], "AccessDenied", UNPROVED),  # the queue's own policy
        ([SCHEDULE], [allow("scheduler:CreateSchedule", GROUP)], "AccessDenied", UNPROVED),  # the wrong group is ours
        ([SCHEDULE], [allow("sqs:SendMessage")], "AccessDenied", DENIED),  # granted on nothing
        ([PARTIQL], [allow("dynamodb:PartiQLInsert", LEDGER)], "AccessDenied", UNPROVED),  # its name is no action
    ],
)
def test_a_call_is_denied_only_where_no_statement_grants_it(
    calls: list[Call], statements: list[dict[str, Any]] | None, otherwise: str, verdict: tuple[Verdict, Promise | None]
) -> None:
    judgement = denied(calls, statements, KNOWN, otherwise)

    assert (judgement.verdict, judgement.promise) == verdict


def test_the_statement_to_add_is_told() -> None:
    again = Call("sqs:SendMessage", OUT, "ImplicitDeny")

    judgement = denied([SEND, again], [], KNOWN, "AccessDenied")
    assert judgement.happened == (
        "its role does not allow sqs:SendMessage on !GetAtt Out.Arn. "
        "Add: { Effect: Allow, Action: [sqs:SendMessage], Resource: !GetAtt Out.Arn }"
    )


@pytest.mark.parametrize(
    ("arn", "reference"),
    [
        (LEDGER, "!GetAtt Ledger.Arn"),
        (f"{LEDGER}/index/byDay", "!Sub ${Ledger.Arn}/index/byDay"),
        ("arn:aws:s3:::stage-1-files", "!GetAtt Files.Arn"),
        ("arn:aws:s3:::stage-1-files/a/b.csv", "!Sub ${Files.Arn}/*"),
        ("arn:aws:sns:us-east-1:1:stage-1-T", "!Ref Topic"),
        ("arn:aws:events:us-east-1:1:event-bus/default", "arn:aws:events:us-east-1:1:event-bus/default"),
        ("*", "*"),
    ],
)
def test_a_resource_is_named_as_a_template_does(arn: str, reference: str) -> None:
    assert by_reference(arn, KNOWN) == reference


def test_the_least_policy_allows_what_was_seen_and_no_more() -> None:
    calls = [PUT, Call("dynamodb:GetItem", LEDGER), PUT, Call("ssm:GetParameter", "*")]

    assert least(calls, KNOWN) == [
        allow(["dynamodb:GetItem", "dynamodb:PutItem"], "!GetAtt Ledger.Arn"),
        allow(["ssm:GetParameter"], "*"),
    ]
    assert written(least(calls, KNOWN)[1]) == '{ Effect: Allow, Action: [ssm:GetParameter], Resource: "*" }'


def test_what_is_granted_by_name_and_never_asked_for_is_told() -> None:
    statements = [
        allow(["dynamodb:PutItem", "dynamodb:GetItem", "logs:PutLogEvents", "s3:Get*"]),
        {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"},
    ]

    assert unused([PUT], statements) == ["dynamodb:GetItem"]
    assert unused([PUT, SEND], statements) == []  # a refusal cut the work short


def test_what_pollers_and_lambda_itself_use_is_not_called_unused() -> None:
    statements = [allow(["sqs:ReceiveMessage", "sqs:DeleteMessage"], OUT), allow("sqs:SendMessage", f"{OUT}-dlq")]

    assert unused([PUT], statements, ["stage-1-Out-ab-dlq"]) == []
    assert unused([PUT], statements) == ["sqs:SendMessage"]
