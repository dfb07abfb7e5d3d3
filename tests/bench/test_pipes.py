"""A pipe into something else than a function is played: taken from its source, by its rules, to its target."""
# ruff: noqa: E501, a resource of a template is easier to read on one line

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from trials.pipes.records import wanted
from trials.pipes.transformed import NoJson, Untold, at, made, opened, value_of
from trials.project import Kind, sources
from trials.project.source import Source
from trials.template import Model, read_template
from trials.wiring import wiring

MESSAGE = {
    "messageId": "m-1",
    "body": '{"order": "o-1", "lines": [{"sku": "a\\"b"}], "cents": 5}',
    "eventSource": "aws:sqs",
}
TEMPLATE = """
Resources:
  Raw: { Type: AWS::SQS::Queue }
  Done: { Type: AWS::SQS::Queue }
  Cluster: { Type: AWS::MSK::Cluster }
  Group: { Type: AWS::Logs::LogGroup }
  Work: { Type: AWS::Serverless::Function, Properties: { Runtime: python3.13, Handler: a.b, InlineCode: "" } }
  Carries:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: { Statement: [{ Effect: Allow, Principal: { Service: %s }, Action: sts:AssumeRole }] }
      Policies:
        - PolicyName: carry
          PolicyDocument:
            Statement:
              - { Effect: Allow, Action: [sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes], Resource: !GetAtt Raw.Arn }
              - { Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt %s.Arn }
  Across: { Type: AWS::Pipes::Pipe, Properties: { RoleArn: !GetAtt Carries.Arn, Source: !GetAtt Raw.Arn, Target: !GetAtt Done.Arn } }
  Asks: { Type: AWS::Pipes::Pipe, Properties: { Source: !GetAtt Raw.Arn, Enrichment: !GetAtt Work.Arn, Target: !GetAtt Done.Arn } }
  OntoDefault: { Type: AWS::Pipes::Pipe, Properties: { Source: !GetAtt Raw.Arn, Target: !Sub "arn:aws:events:${AWS::Region}:${AWS::AccountId}:event-bus/default" } }
  Kafka: { Type: AWS::Pipes::Pipe, Properties: { Source: !GetAtt Cluster.Arn, Target: !GetAtt Done.Arn } }
  Logged: { Type: AWS::Pipes::Pipe, Properties: { Source: !GetAtt Raw.Arn, Target: !GetAtt Group.Arn } }
  Abroad: { Type: AWS::Pipes::Pipe, Properties: { Source: !GetAtt Raw.Arn, Enrichment: "arn:x", Target: !GetAtt Done.Arn } }
"""


def read(tmp_path: Path, trusted: str = "pipes.amazonaws.com", end: str = "Done") -> tuple[Model, list[Source]]:
    (tmp_path / "template.yaml").write_text(TEMPLATE % (trusted, end))
    body = read_template(tmp_path / "template.yaml")
    return Model(body, tmp_path / "template.yaml"), sources(body, tmp_path)


def test_a_pipe_between_two_ends_that_are_here_is_a_way_and_every_other_says_what_is_not(tmp_path: Path) -> None:
    _, listed = read(tmp_path)

    ways = {(each.name, each.origin, each.function) for each in listed if each.kind is Kind.ROUTE}
    assert ways == {("Across", "Raw", "Done"), ("Asks", "Raw", "Done"), ("OntoDefault", "Raw", "default")}
    assert {each.name for each in listed if each.kind is Kind.DIRECT} == {"Asks.Enrichment"}
    assert {each.name: each.why for each in listed if each.kind is Kind.OTHER} == {
        "Kafka": "a pipe without a function that takes from AWS::MSK::Cluster",
        "Logged": "a pipe without a function into AWS::Logs::LogGroup",
        "Abroad": "a pipe without a function whose enrichment is no function of this template",
    }


@pytest.mark.parametrize(
    ("trusted", "end", "said"),
    [
        ("pipes.amazonaws.com", "Done", ""),
        ("pipes.amazonaws.com", "Raw", "does not allow sqs:SendMessage on Done"),
        ("events.amazonaws.com", "Done", "does not trust pipes.amazonaws.com"),
    ],
)
def test_a_pipe_takes_and_sends_under_its_own_role(trusted: str, end: str, said: str, tmp_path: Path) -> None:
    model, listed = read(tmp_path, trusted, end)
    (across,) = [each for each in listed if each.name == "Across"]
    told = [judgement.happened for judgement in wiring(model, across)]

    assert bool(told) == bool(said)
    assert all(said in each for each in told)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('{"id": <$.body.order>}', '{"id": "o-1"}'),
        ('{"text": "order <$.body.order> costs <$.body.cents>"}', '{"text": "order o-1 costs 5"}'),
        ('{"sku": "<$.body.lines[0].sku>"}', '{"sku": "a\\"b"}'),
        ('{"all": <$.body>}', '{"all": {"order": "o-1", "lines": [{"sku": "a\\"b"}], "cents": 5}}'),
        ("<$.messageId>", '"m-1"'),
    ],
)
def test_a_template_makes_what_it_reads_of_the_record(template: str, text: str) -> None:
    assert made(template, MESSAGE) == text


def test_what_nothing_tells_is_not_made_up() -> None:
    with pytest.raises(Untold, match="lost"):
        made('{"id": <$.body.lost>}', MESSAGE)
    with pytest.raises(Untold, match="object between quotation marks"):
        made('{"all": "<$.body>"}', MESSAGE)
    with pytest.raises(NoJson):  # of which AWS's page says that it loses its quotation marks
        made("<$.body>", MESSAGE)
    with pytest.raises(Untold, match="the path"):
        at({}, "$.a[*]")


def test_content_is_read_where_it_is_json_and_stays_as_it_is_elsewhere() -> None:
    data = base64.b64encode(b'{"a": 1}').decode()
    assert opened({"eventSource": "aws:kinesis", "data": data})["data"] == {"a": 1}
    assert opened({"eventSource": "aws:sqs", "body": "hello"})["body"] == "hello"
    assert (value_of("$.body.order", MESSAGE), value_of("fixed", MESSAGE)) == ("o-1", "fixed")


def test_the_record_that_is_made_up_fits_the_filter_and_holds_what_is_read() -> None:
    settings: dict[str, Any] = {
        "filters": {"0": json.dumps({"body": {"kind": ["paid"], "cents": [{"numeric": [">", 5]}]}})},
        "target": {
            "InputTemplate": '{"o": <$.body.order>}',
            "SqsQueueParameters": {"MessageGroupId": "$.body.customer"},
        },
    }
    assert wanted(settings) == {"body": {"kind": "paid", "cents": 6, "order": "trial-1", "customer": "trial-1"}}

    typed = {"target": {"InputTemplate": '{"t": <$.dynamodb.NewImage.total.N>}'}}
    assert wanted(typed) == {"dynamodb": {"NewImage": {"total": {"N": "1"}}}}

    asked = {"enriched": True, "enrichment": {}, "target": {"InputTemplate": "<$.made>"}}
    assert wanted(asked) == {}  # what an enrichment returns is not read of the record
