"""Functions whose variables a custom resource sets."""

import json
from pathlib import Path

import pytest
from bench.test_own import run

from trials.project import read

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Runtime: python3.13, Handler: app.handler, Timeout: 10 } }
Resources:
  Told: { Type: AWS::SQS::Queue }
  Tell: { Type: AWS::Serverless::Function, Properties: { CodeUri: tell } }
  Configure:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: configure
      Environment: { Variables: { OF: !Ref Tell, TOLD: !Ref Told, UNREAD: "1" } }
  Configured: { Type: Custom::Configured, Properties: { ServiceToken: !GetAtt Configure.Arn } }
"""
TELL = """
import os

import boto3

TOLD = os.environ["TOLD"]


def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=TOLD, MessageBody=event["id"])
"""
CONFIGURE = """
def handler(event, context):
    variables = {"TOLD": os.environ["TOLD"]}
    client.update_function_configuration(FunctionName=os.environ["OF"], Environment={"Variables": variables})
"""


def written(folder: Path, configure: str = CONFIGURE) -> Path:
    (folder / "template.yaml").write_text(TEMPLATE)
    for name, text in (("tell", TELL), ("configure", configure)):
        (folder / name).mkdir()
        (folder / name / "app.py").write_text(text)
    return folder


def test_what_a_custom_resource_sets_is_what_its_function_has_and_the_other_reads(tmp_path: Path) -> None:
    assert read(written(tmp_path), "").configured == [("Tell", "Configure", {"TOLD"})]


def test_a_custom_resource_that_sets_no_variables_is_none(tmp_path: Path) -> None:
    assert read(written(tmp_path, "def handler(event, context): ..."), "").configured == []


@pytest.mark.e2e
def test_a_function_starts_with_the_variables_that_a_custom_resource_sets(tmp_path: Path) -> None:
    outcome = json.loads(run(str(written(tmp_path)), "--json", "--only", "direct Tell").stdout)

    assert [row["status"] for row in outcome["sources"]] == ["delivered"]
    assert any("TOLD of Tell" in note for note in outcome["notes"])
