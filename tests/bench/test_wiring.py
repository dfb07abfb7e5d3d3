"""What would keep every event from its function, read from the template: permissions, roles, switches."""
# ruff: noqa: E501, a resource of a template is easier to read on one line

from pathlib import Path

import pytest

from trials.project import sources
from trials.template import Model, read_template
from trials.verdicts import Judgement, Promise, Verdict
from trials.wiring import wiring

WORK = """
Resources:
  Work: { Type: AWS::Lambda::Function, Properties: { Runtime: python3.13, Role: !GetAtt Runs.Arn } }
  Live: { Type: AWS::Lambda::Alias, Properties: { FunctionName: !Ref Work, FunctionVersion: "1", Name: live } }
  Other: { Type: AWS::Events::Rule, Properties: { ScheduleExpression: rate(1 day), State: ENABLED } }
"""
RULE = "  Placed: { Type: AWS::Events::Rule, Properties: { EventPattern: { source: [shop] }, Targets: [{ Id: a, Arn: %s }] } }\n"
PERMISSION = "  May: { Type: AWS::Lambda::Permission, Properties: { Action: %s, FunctionName: %s, Principal: events.amazonaws.com%s } }\n"
INVOKE, FUNCTION, ALIAS = "lambda:InvokeFunction", "!GetAtt Work.Arn", "!Ref Live"


def found(tmp_path: Path, text: str, name: str) -> list[Judgement]:
    (tmp_path / "template.yaml").write_text(text)
    template = Model(read_template(tmp_path / "template.yaml"))
    (source,) = (each for each in sources(template.body, tmp_path) if each.name == name)
    return list(wiring(template, source))


@pytest.mark.parametrize(
    ("target", "action", "named", "more", "arrives"),
    [
        (FUNCTION, INVOKE, FUNCTION, "", True),
        (FUNCTION, INVOKE, "!Ref Work", ", SourceArn: !GetAtt Placed.Arn", True),
        (FUNCTION, "lambda:*", "!Ref Work", "", True),
        (FUNCTION, INVOKE, "!Ref Work", ", SourceArn: arn:aws:events:us-east-1:123456789012:rule/*", True),
        (FUNCTION, INVOKE, "!Ref Work", ", SourceArn: !GetAtt Other.Arn", False),  # another rule's
        (FUNCTION, "lambda:GetFunction", "!Ref Work", "", False),
        (ALIAS, INVOKE, ALIAS, "", True),
        (ALIAS, INVOKE, "!Ref Work", "", False),  # a permission on the function is none on its alias
        (FUNCTION, INVOKE, ALIAS, "", False),
    ],
)  # fmt: skip
def test_a_permission_counts_for_its_action_its_sender_and_its_alias(
    target: str, action: str, named: str, more: str, arrives: bool, tmp_path: Path
) -> None:
    judged = found(tmp_path, WORK + RULE % target + PERMISSION % (action, named, more), "Placed")

    assert [each.promise for each in judged] == ([] if arrives else [Promise.DENIED])


QUEUE = "  Jobs: { Type: AWS::SQS::Queue }\n"
TABLE = "  Jobs: { Type: AWS::DynamoDB::Table, Properties: { StreamSpecification: { StreamViewType: NEW_IMAGE } } }\n"
MAPPING = "  Feeds: { Type: AWS::Lambda::EventSourceMapping, Properties: { FunctionName: !Ref Work, EventSourceArn: !GetAtt Jobs.%s%s } }\n"
ROLE = "  Runs: { Type: AWS::IAM::Role, Properties: { Policies: [{ PolicyName: a, PolicyDocument: { Statement: [{ Effect: Allow, Action: %s, Resource: %s }] } }]%s } }\n"
MANAGED = ", ManagedPolicyArns: [arn:aws:iam::aws:policy/service-role/%s]"
BASIC = MANAGED % "AWSLambdaBasicExecutionRole"


@pytest.mark.parametrize(
    ("source", "arn", "role", "denied"),
    [
        (QUEUE, "Arn", ROLE % ('"sqs:*"', "!GetAtt Jobs.Arn", ""), ""),
        (QUEUE, "Arn", ROLE % ("logs:PutLogEvents", '"*"', MANAGED % "AWSLambdaSQSQueueExecutionRole"), ""),
        (QUEUE, "Arn", ROLE % ("logs:PutLogEvents", '"*"', MANAGED % "PowerUserAccess"), ""),  # not told here
        (QUEUE, "Arn", ROLE % ("logs:PutLogEvents", '"*"', BASIC), "sqs:ReceiveMessage"),
        (QUEUE, "Arn", ROLE % ("[sqs:ReceiveMessage, sqs:GetQueueAttributes]", "!GetAtt Jobs.Arn", BASIC), "sqs:DeleteMessage"),
        (TABLE, "StreamArn", ROLE % ('"dynamodb:*"', "!GetAtt Jobs.StreamArn", ""), ""),
        (TABLE, "StreamArn", ROLE % ("dynamodb:PutItem", "!GetAtt Jobs.Arn", BASIC), "dynamodb:GetRecords"),
    ],
)  # fmt: skip
def test_a_mapping_polls_under_the_role_of_its_function(
    source: str, arn: str, role: str, denied: str, tmp_path: Path
) -> None:
    judged = found(tmp_path, WORK + source + role + MAPPING % (arn, ""), "Feeds")

    assert [each.promise for each in judged] == ([Promise.DENIED] if denied else [])
    assert not denied or denied in judged[0].happened


RUNS = ROLE % ('"*"', '"*"', "")
SAM = """
  Jobs: { Type: AWS::SQS::Queue }
  Work:
    Type: AWS::Serverless::Function
    Properties: { Runtime: python3.13, Events: { Feeds: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn%s } } } }
"""


@pytest.mark.parametrize(
    ("text", "name", "off"),
    [
        (WORK + RUNS + QUEUE + MAPPING % ("Arn", ", Enabled: false"), "Feeds", True),
        (WORK + RUNS + QUEUE + MAPPING % ("Arn", ", Enabled: true"), "Feeds", False),
        (WORK + RUNS + QUEUE + MAPPING % ("Arn", ""), "Feeds", False),
        (f"Resources:{SAM % ', Enabled: false'}", "Work.Feeds", True),
        (f"Resources:{SAM % ''}", "Work.Feeds", False),
        (WORK + RUNS + PERMISSION % (INVOKE, FUNCTION, "") + (RULE % FUNCTION).replace("EventPattern", "State: DISABLED, EventPattern"), "Placed", True),
        (WORK + RUNS + "  At: { Type: AWS::Scheduler::Schedule, Properties: { State: DISABLED, ScheduleExpression: rate(1 day), Target: { Arn: !GetAtt Work.Arn } } }\n", "At", True),
    ],
)  # fmt: skip
def test_what_is_deployed_switched_off_is_said(text: str, name: str, off: bool, tmp_path: Path) -> None:
    judged = found(tmp_path, text, name)

    assert [each.verdict for each in judged] == ([Verdict.UNPROVED] if off else [])
    assert not off or "switched off" in judged[0].happened
