"""The policy lets the handler make its calls, refuses their neighbours, and names actions that exist."""

import json
from collections.abc import Iterator
from pathlib import Path

from evals.harness import graded, text
from evals.iam import allows, statements
from support.policies import unknown_actions
from trials.local_aws import LocalAws

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:refunds-api-key-a1B2c3"
NEEDED = [
    ("dynamodb:Query", f"{TABLE}/index/by-customer"),
    ("dynamodb:UpdateItem", TABLE),
    ("s3:PutObject", "arn:aws:s3:::shop-documents/credit-notes/o-1.json"),
    ("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:mails"),
    ("secretsmanager:GetSecretValue", SECRET),
]
TOO_MUCH = [
    ("dynamodb:DeleteItem", TABLE),
    ("dynamodb:DeleteTable", TABLE),
    ("dynamodb:Scan", TABLE),
    ("dynamodb:UpdateItem", TABLE.replace("orders", "orders-archive")),
    ("dynamodb:UpdateItem", TABLE.replace("orders", "customers")),
    ("s3:GetObject", "arn:aws:s3:::shop-documents/credit-notes/o-1.json"),
    ("s3:DeleteObject", "arn:aws:s3:::shop-documents/credit-notes/o-1.json"),
    ("s3:PutObject", "arn:aws:s3:::shop-documents/contracts/o-1.json"),
    ("sqs:ReceiveMessage", "arn:aws:sqs:us-east-1:123456789012:mails"),
    ("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:payments"),
    ("secretsmanager:PutSecretValue", SECRET),
    ("secretsmanager:GetSecretValue", SECRET.replace("refunds-api-key", "database")),
    ("secretsmanager:GetSecretValue", SECRET.replace("refunds", "other")),
    ("iam:PassRole", "arn:aws:iam::123456789012:role/admin"),
]


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    policy = json.loads(text(answer, "policy.json"))
    yield from (f"{action} is no action" for action in unknown_actions(policy))
    given = statements(policy)
    for action, resource in NEEDED:
        if not allows(given, action, resource):
            yield f"may not {action} on {resource.rsplit(':', 1)[-1]}"
    for action, resource in TOO_MUCH:
        if allows(given, action, resource):
            yield f"may {action} on {resource.rsplit(':', 1)[-1]}"
    if any("NotAction" in each or "NotResource" in each for each in given if each["Effect"] == "Allow"):
        yield "allows everything but something"
