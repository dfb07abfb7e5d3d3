"""Durable functions behind each kind of source: their executions are played to the end, or as far as they go alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = [sys.executable, str(ROOT / "examples" / "run.py")]
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: { Runtime: python3.14, CodeUri: src, Timeout: 10, Environment: { Variables: { NOTES: !Ref Notes } } }
Resources:
  Notes:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: note, AttributeType: S }]
      KeySchema: [{ AttributeName: note, KeyType: HASH }]
  Orders: { Type: AWS::SQS::Queue, Properties: { VisibilityTimeout: 60 } }
  Loans: { Type: AWS::SQS::Queue, Properties: { VisibilityTimeout: 60 } }
  Failed: { Type: AWS::SQS::Queue }
  Refunds: { Type: AWS::SNS::Topic }
  Child: { Type: AWS::Serverless::Function, Properties: { Handler: app.child } }
  Decides:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.decides
      Events: { Put: { Type: HttpApi, Properties: { Method: PUT, Path: "/decisions/{note}" } } }
  Answers:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.answers
      DurableConfig: { ExecutionTimeout: 60 }
      AutoPublishAlias: live
      Events: { Post: { Type: HttpApi, Properties: { Method: POST, Path: /orders } } }
  Calls:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.calls
      DurableConfig: { ExecutionTimeout: 60 }
      AutoPublishAlias: live
      Environment: { Variables: { CHILD: !GetAtt Child.Arn } }
      Policies: [{ LambdaInvokePolicy: { FunctionName: !Ref Child } }]
      Events: { Orders: { Type: SQS, Properties: { Queue: !GetAtt Orders.Arn, BatchSize: 1 } } }
  Asks:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.asks
      DurableConfig: { ExecutionTimeout: 60 }
      AutoPublishAlias: live
      Events: { Loans: { Type: SQS, Properties: { Queue: !GetAtt Loans.Arn, BatchSize: 1 } } }
  Refuses:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.refuses
      DurableConfig: { ExecutionTimeout: 604800 }
      AutoPublishAlias: live
      DeadLetterQueue: { Type: SQS, TargetArn: !GetAtt Failed.Arn }
      Events: { Refunds: { Type: SNS, Properties: { Topic: !Ref Refunds } } }
"""
CODE = """
import json
import os

import boto3
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import Duration

functions = boto3.client("lambda")
notes = boto3.resource("dynamodb").Table(os.environ["NOTES"])


def note(text):
    notes.put_item(Item={"note": text})
    return text


def child(event, context):
    return note(event["order"])


def decides(event, context):
    item = notes.get_item(Key={"note": event["pathParameters"]["note"]})["Item"]
    functions.send_durable_execution_callback_success(CallbackId=item["callback_id"], Result=b"approved")
    return {"statusCode": 204}


@durable_execution
def answers(event, context):
    order = json.loads(event["body"])["order"]
    context.wait(Duration.from_hours(1))
    kept = context.step(lambda _: note(order), "keep")
    return {"statusCode": 201, "body": json.dumps({"kept": kept})}


@durable_execution
def calls(event, context):
    for record in event["Records"]:
        context.invoke(os.environ["CHILD"], {"order": json.loads(record["body"])["order"]}, name="child")


@durable_execution
def asks(event, context):
    order = json.loads(event["Records"][0]["body"])["order"]
    context.wait_for_callback(lambda callback, _: note(order), "approval")


@durable_execution
def refuses(event, context):
    context.step(lambda _: note("asked"), "ask")
    context.wait(Duration.from_days(1))
    raise ValueError(json.loads(event["Records"][0]["Sns"]["Message"])["refund"])
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    project = tmp_path_factory.mktemp("durable")
    (project / "src").mkdir()
    (project / "template.yaml").write_text(TEMPLATE)
    (project / "src" / "app.py").write_text(CODE)
    done = subprocess.run([*RUN, str(project), "--json"], capture_output=True, text=True, timeout=600, check=False)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def of(told: dict[str, Any], function: str) -> dict[str, Any]:
    (source,) = (each for each in told["sources"] if each["function"] == function)
    return dict(source)


@pytest.mark.e2e
@pytest.mark.parametrize("function", ["Answers", "Calls"])
def test_who_waits_gets_what_the_execution_ends_with_after_its_waits_and_calls(
    told: dict[str, Any], function: str
) -> None:
    assert of(told, function)["status"] == "delivered"
    (once,) = (each for each in told["findings"] if each["trial"] == "once" and function in each["source"])
    assert "table Notes" in once["happened"]


@pytest.mark.e2e
def test_a_callback_that_an_item_names_is_one_that_an_execution_waits_for(told: dict[str, Any]) -> None:
    assert of(told, "Decides")["status"] == "delivered"
    (once,) = (each for each in told["findings"] if each["trial"] == "once" and "Decides" in each["source"])
    assert "approved" in once["happened"]


@pytest.mark.e2e
def test_who_waits_for_an_execution_that_waits_for_a_callback_is_told_so(told: dict[str, Any]) -> None:
    asks = of(told, "Asks")

    assert asks["status"] == "unproved"
    assert "its execution waits for somebody else" in asks["why"]


@pytest.mark.e2e
def test_an_execution_that_fails_after_an_asynchronous_start_is_a_dead_letter_and_does_not_come_again(
    told: dict[str, Any],
) -> None:
    refuses = of(told, "Refuses")

    assert refuses["status"] == "unproved"
    assert "ValueError" in refuses["why"]
