"""Samples are of the moment of the run, whenever that is: what code keeps or takes for a while is not over by then."""

import base64
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from trials import moment
from trials.deliveries.records import kinesis_record, notification
from trials.moment import AFTER, LATER, NOW, TEXT, read
from trials.project import Kind, Source
from trials.project.callers import ended, piped, polled, transforms
from trials.project.sources import Route
from trials.project.tokens import TOKEN
from trials.samples import samples
from trials.samples.code import of_code
from trials.samples.derive import guess
from trials.samples.made import bus_event, change, made, object_created
from trials.samples.written import whole

ROOT = Path(__file__).resolve().parents[2]
TRIALS = Path(moment.__file__).parent
RUN = [sys.executable, str(ROOT / "examples" / "run.py")]
DATE = re.compile(r"\b20[2-9]\d[-/]\d\d[-/]\d\d\b|\b1[6-9]\d{8}(?:\d{3})?\b")
NO_TIME = re.compile(r"stream/2026-11-23T08:00:00\.000|2027-01-31")  # a name of a stream, and what a reader may write


# ---- one place


def test_no_other_module_of_the_trials_holds_a_date() -> None:
    modules = [path for path in sorted(TRIALS.rglob("*.py")) if path.name != "moment.py"]
    dated = [path.name for path in modules if DATE.search(NO_TIME.sub("", path.read_text()))]

    assert len(modules) > 100
    assert dated == []


@pytest.mark.parametrize("text", ["2027-01-31T08:00:00Z", "2027-01-31T08:00", "2027-01-31T09:00:00.5+01:00"])
def test_the_moment_can_be_set(text: str) -> None:
    assert read(text) == datetime(2027, 1, 31, 8, tzinfo=UTC)


def test_a_moment_that_is_none_is_said_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        read("tomorrow")

    assert stopped.value.code == 2
    assert capsys.readouterr().err == "TRIALS_NOW is 'tomorrow', and not a time such as 2027-01-31T08:00Z\n"


def test_the_moment_is_now_where_it_is_not_set_and_is_taken_once() -> None:
    assert abs(read("") - datetime.now(UTC)) < timedelta(seconds=5)
    assert made({}, SCHEDULE) == made({}, SCHEDULE)
    assert moment.iso(NOW) == TEXT


# ---- every form

HTTP = {
    version: Source(Kind.HTTP, "F", "Api.post /a", route=Route("POST", "/a", version)) for version in ("1.0", "2.0")
}
SCHEDULE = Source(Kind.SCHEDULE, "F", "F.Daily")
WEBSOCKET = Source(Kind.HTTP, "F", "Api.say", route=Route("", "say", websocket=True))
TABLE = Source(Kind.TABLE, "F", "Orders → F", "Orders")
QUEUE = Source(Kind.QUEUE, "F", "Jobs → F", "Jobs")


def context(source: Source) -> dict[str, Any]:
    told: dict[str, Any] = made({}, source).payload["requestContext"]
    return told


def of_request(text: str) -> float:
    return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").timestamp()


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return told


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_every_service_writes_the_same_moment_in_its_own_form() -> None:
    one, two, socket = context(HTTP["1.0"]), context(HTTP["2.0"]), context(WEBSOCKET)
    received = whole(QUEUE, made({}, QUEUE))["Records"][0]["attributes"]
    told = {
        "API Gateway, REST": of_request(one["requestTime"]),
        "API Gateway, REST, as a number": one["requestTimeEpoch"] / 1000,
        "API Gateway, HTTP": of_request(two["time"]),
        "API Gateway, HTTP, as a number": two["timeEpoch"] / 1000,
        "API Gateway, WebSocket": of_request(socket["requestTime"]),
        "API Gateway, WebSocket, as a number": socket["connectedAt"] / 1000,
        "EventBridge": seconds(bus_event({})["time"]),
        "S3": seconds(object_created("Files", {})["Records"][0]["eventTime"]),
        "DynamoDB": change({}, TABLE)["dynamodb"]["ApproximateCreationDateTime"],
        "Kinesis": kinesis_record("{}", 1, "arn")["kinesis"]["approximateArrivalTimestamp"],
        "SNS": seconds(notification("{}", "arn")["Records"][0]["Sns"]["Timestamp"]),
        "SQS": int(received["SentTimestamp"]) / 1000,
        "SQS, received": int(received["ApproximateFirstReceiveTimestamp"]) / 1000,
        "Firehose": json.loads(transforms())["records"][0]["approximateArrivalTimestamp"] / 1000,
        "Kafka": json.loads(polled("MSK", ""))["records"]["trial-0"][0]["timestamp"] / 1000,
        "a destination": seconds(json.loads(ended("Success"))["timestamp"]),
        "a pipe of a stream": json.loads(piped("AWS::Kinesis::Stream", False))[0]["approximateArrivalTimestamp"],
        "a token": claims(TOKEN)["iat"],
    }

    assert {name: at for name, at in told.items() if not 0 <= at - NOW.timestamp() < 1} == {}


@pytest.mark.parametrize("name", ["createdAt", "order-date", "timestamp"])
def test_a_key_that_is_called_as_a_time_holds_the_moment(name: str) -> None:
    assert guess(name, None) == TEXT


@pytest.mark.parametrize(
    "name", ["endDate", "dueDate", "expiry", "expiresAt", "expiration_date", "deadline", "valid_until", "validTo"]
)
def test_what_ends_or_is_valid_does_so_after_any_time_that_a_trial_lets_pass(name: str) -> None:
    assert guess(name, None) == AFTER
    assert timedelta(days=2) <= LATER - NOW


PYTHON = """
import json
import time


def handler(event, context):
    for record in event["Records"]:
        job = json.loads(record["body"])
        if time.time() - job["timestamp"] > 3600 or job["asked_at_ms"] / 1000 < time.time() - 3600:
            continue
        if int(job["expires_at"]) > time.time():
            print(job["attempts"] * 2, job["processing_time"] * 2)
"""
NODE = """
export const handler = async (event) => {
  for (const record of event.Records) {
    const job = JSON.parse(record.body);
    if (Date.now() - job.timestamp > 3600000 || job.expiresAt - Date.now() < 0) continue;
  }
};
"""


def of_code_in(folder: Path, name: str, code: str, runtime: str) -> dict[str, Any]:
    (folder / name).write_text(code)
    (sample, *_) = samples({"Resources": {}}, [], QUEUE, {}, of_code(folder, "app.handler", runtime))
    told: dict[str, Any] = json.loads(sample.payload)
    return told


def test_a_number_that_is_called_as_a_time_is_the_moment_as_the_language_counts_it(tmp_path: Path) -> None:
    job = of_code_in(tmp_path, "app.py", PYTHON, "python3.12")
    other = of_code_in(tmp_path, "app.mjs", NODE, "nodejs22.x")
    now, later = int(NOW.timestamp()), int(LATER.timestamp())

    assert (job["timestamp"], job["asked_at_ms"], job["expires_at"]) == (now, now * 1000, later)
    assert (job["attempts"], job["processing_time"]) == (1, 1)
    assert (other["timestamp"], other["expiresAt"]) == (now * 1000, later * 1000)


# ---- a project whose functions keep and take things for a while

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Runtime: python3.12, CodeUri: src/, Timeout: 10 } }
Resources:
  Kept:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      TimeToLiveSpecification: { AttributeName: expires, Enabled: true }
  Recent:
    Type: AWS::Serverless::Function
    Properties:
      Handler: recent.handler
      Environment: { Variables: { KEPT: !Ref Kept } }
      Policies: [{ DynamoDBCrudPolicy: { TableName: !Ref Kept } }]
      Events: { Placed: { Type: EventBridgeRule, Properties: { Pattern: { source: [shop] } } } }
  ForADay:
    Type: AWS::Serverless::Function
    Properties:
      Handler: for_a_day.handler
      Environment: { Variables: { KEPT: !Ref Kept } }
      Policies: [{ DynamoDBCrudPolicy: { TableName: !Ref Kept } }]
      Events: { Paid: { Type: EventBridgeRule, Properties: { Pattern: { source: [till] } } } }
"""
RECENT = """
import os
from datetime import UTC, datetime, timedelta

import boto3

kept = boto3.resource("dynamodb").Table(os.environ["KEPT"])


def handler(event, context):
    if abs(datetime.now(UTC) - datetime.fromisoformat(event["time"])) > timedelta(days=2):
        raise ValueError("this event is older than two days, or not of today's clock")
    kept.put_item(Item={"id": event["id"]})
"""
FOR_A_DAY = """
import os
import time
from datetime import datetime

import boto3

kept = boto3.resource("dynamodb").Table(os.environ["KEPT"])


def handler(event, context):
    expires = int(datetime.fromisoformat(event["time"]).timestamp()) + 86_400
    kept.put_item(Item={"id": event["id"], "expires": expires})
    item = kept.get_item(Key={"id": event["id"]})["Item"]
    if not 0 < int(item["expires"]) - time.time() <= 86_400:
        raise LookupError("this item is kept no longer, or for ever")
"""


def run(folder: Path, *options: str, **variables: str) -> Any:
    command, environment = [*RUN, str(folder), "--json", *options], {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=environment)
    return json.loads(done.stdout)


@pytest.mark.e2e
@pytest.mark.parametrize("days", [0, 366])
def test_what_is_taken_or_kept_for_a_while_gets_its_delivery_now_and_in_a_year(days: int, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "src" / "recent.py").write_text(RECENT)
    (tmp_path / "src" / "for_a_day.py").write_text(FOR_A_DAY)
    later = {"TRIALS_NOW": (datetime.now(UTC) + timedelta(days)).isoformat()} if days else {}

    told = run(tmp_path, **later)

    assert {each["source"]: each["status"] for each in told["sources"]} == {
        "bus Recent.Placed → Recent": "delivered",
        "bus ForADay.Paid → ForADay": "delivered",
    }
    assert [each for each in told["findings"] if each["verdict"] == "broken"] == []


QUEUED = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Dead: { Type: AWS::SQS::Queue, Properties: { MessageRetentionPeriod: 1209600 } }
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5 }
  Kept:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
  ForADay:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      CodeUri: src/
      Handler: of_today.handler
      Timeout: 10
      Environment: { Variables: { KEPT: !Ref Kept } }
      Policies: [{ DynamoDBCrudPolicy: { TableName: !Ref Kept } }]
      Events:
        Jobs:
          Type: SQS
          Properties: { Queue: !GetAtt Jobs.Arn, BatchSize: 1 }
"""
OF_TODAY = """
import json
import os
from datetime import UTC, datetime, timedelta

import boto3

kept = boto3.resource("dynamodb").Table(os.environ["KEPT"])


def handler(event, context):
    for record in event["Records"]:
        job = json.loads(record["body"])
        if datetime.now(UTC) - datetime.fromisoformat(job["asked_at"]) < timedelta(hours=24):
            kept.put_item(Item={"id": job["id"]})
"""


@pytest.mark.e2e
def test_a_redrive_says_nothing_of_a_function_that_skips_what_is_a_day_old(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "template.yaml").write_text(QUEUED)
    (tmp_path / "src" / "of_today.py").write_text(OF_TODAY)
    told = run(tmp_path, "--thorough")
    redrive = [each for each in told["findings"] if each["trial"] == "outage and redrive"]

    assert [each["verdict"] for each in redrive][:1] == ["unproved"]
    assert "if it comes a day late for the first time" in redrive[0]["happened"]
