"""What a function asks for in vain, and what is laid there so that it goes on."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bench.test_own import run

from trials import stage
from trials.local_aws import Stack
from trials.local_aws.sought import lookups, missing
from trials.samples.refused import Refusal
from trials.samples.refused.files import ending_of, widths
from trials.samples.sought import members, told, wanted
from trials.stage import Stage

SIGNED = "AWS4-HMAC-SHA256 Credential=test/20261123/eu-west-1/s3/aws4_request, SignedHeaders=host"


def asked(target: str, body: Any, status: int) -> list[tuple[str, str]]:
    return missing("POST", "/", "", {"X-Amz-Target": target}, json.dumps(body).encode(), status)


@pytest.mark.parametrize(
    ("target", "body", "status", "things"),
    [
        ("secretsmanager.GetSecretValue", {"SecretId": "bank"}, 400, [("secret", "bank")]),
        ("secretsmanager.GetSecretValue", {"SecretId": "bank"}, 200, []),
        ("AmazonSSM.GetParameter", {"Name": "/a/b"}, 400, [("parameter", "/a/b")]),
        ("AmazonSSM.GetParameters", {"Names": ["a", "b"]}, 200, [("parameter", "a"), ("parameter", "b")]),
        ("AmazonSSM.GetParametersByPath", {"Path": "/a"}, 200, [("parameters", "/a")]),
        ("DynamoDB_20120810.GetItem", {"TableName": "t", "Key": {"a": {"N": "1"}}}, 400, [("table", "t#a:N")]),
        ("DynamoDB_20120810.PutItem", {"TableName": "t", "Item": {"b": {"S": ""}, "b_id": {"S": "1"}}}, 400,
         [("table", "t#b_id:S")]),
        ("DynamoDB_20120810.PutItem", {"TableName": "t", "Item": {"sk": {"S": "1"}, "pk": {"S": "1"}}}, 400,
         [("table", "t#sk:S,pk:S")]),
        ("DynamoDB_20120810.PutItem", {"TableName": "t", "Item": {"tags": {"L": []}, "Album": {"S": "a"}}}, 400,
         [("table", "t#Album:S")]),
        ("DynamoDB_20120810.Scan", {"TableName": "arn:aws:dynamodb:x:1:table/t"}, 400, [("table", "t#id:S")]),
        ("DynamoDB_20120810.GetItem", {"TableName": "t"}, 200, []),
        ("AmazonSQS.GetQueueUrl", {"QueueName": "jobs"}, 400, [("queue", "jobs")]),
        ("AmazonSQS.SendMessage", {"QueueUrl": "http://x:1/123/jobs.fifo"}, 400, [("queue", "jobs.fifo")]),
        ("AmazonSQS.SendMessage", {"QueueUrl": "http://x:1/123/jobs"}, 200, []),
    ],
)  # fmt: skip
def test_a_secret_or_parameter_that_is_not_there_is_named(
    target: str, body: Any, status: int, things: list[tuple[str, str]]
) -> None:
    assert asked(target, body, status) == things


@pytest.mark.parametrize(
    ("method", "path", "status", "signed", "things"),
    [
        ("GET", "/bucket/a/b c%2B.json", 404, SIGNED, [("object", "bucket/a/b c%2B.json")]),
        ("HEAD", "/bucket/key", 404, SIGNED, [("object", "bucket/key")]),
        ("GET", "/bucket/key", 200, SIGNED, []),
        ("PUT", "/bucket/key", 404, SIGNED, [("bucket", "bucket")]),
        ("GET", "/bucket", 404, SIGNED, [("bucket", "bucket")]),
        ("GET", "/bucket/key", 404, SIGNED.replace("/s3/", "/mediaconvert/"), []),
    ],
)
def test_an_object_that_is_not_there_is_named(method: str, path: str, status: int, signed: str, things: Any) -> None:
    assert missing(method, path, "", {"Authorization": signed}, b"", status) == things


def test_a_query_tells_the_key_of_its_table_or_index() -> None:
    request = {
        "TableName": "places",
        "KeyConditionExpression": "#n0 = :v0 AND begins_with(#n1, :v1)",
        "ExpressionAttributeNames": {"#n0": "area", "#n1": "sort"},
        "ExpressionAttributeValues": {":v0": {"S": "x"}, ":v1": {"S": "Place#"}},
    }

    assert asked("DynamoDB_20120810.Query", request, 400) == [("table", "places#area:S,sort:S")]
    request |= {"KeyConditionExpression": "area = :v0", "IndexName": "by-area"}
    assert asked("DynamoDB_20120810.Query", request, 400) == [("table", "places#area:S@by-area")]


def test_a_topic_that_is_not_there_is_named() -> None:
    body = b"Action=Publish&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A123456789012%3Atold&Message=x"

    assert missing("POST", "/", "", {}, body, 404) == [("topic", "told")]
    assert missing("POST", "/", "", {}, body, 200) == []


def test_what_the_stack_makes_itself_is_not_laid(tmp_path: Path) -> None:
    resources = {"Orders": "stage-Orders-1", "Jobs": "http://x:1/123/jobs"}

    assert wanted([("table", "stage-Orders-1#id:S"), ("queue", "jobs")], tmp_path, resources, []) == []


def test_a_lookup_in_a_table_is_kept_with_its_request() -> None:
    assert lookups("DynamoDB_20120810.GetItem", b'{"Key": {}}') == [{"operation": "GetItem", "request": {"Key": {}}}]
    assert lookups("DynamoDB_20120810.PutItem", b"{}") == []


CODE = """
secret = json.loads(text)
connect(secret["username"], secret.get('api_key'))
"""


def test_a_secret_holds_what_the_code_reads(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(CODE)
    (tmp_path / "app.mjs").write_text("const { a } = JSON.parse(x); use(config.clientSecret)")

    assert {"username", "api_key", "clientSecret"} <= members(tmp_path).keys()


@pytest.mark.parametrize("key", ["trial/a+b%2B%C3%BC.csv", "a+b"])
def test_an_object_is_not_laid_under_a_key_that_should_have_been_decoded(tmp_path: Path, key: str) -> None:
    assert wanted([("object", f"uploads/{key}")], tmp_path, {}, []) == []
    assert wanted([("object", "uploads/a b.csv")], tmp_path, {}, []) == [("object", "uploads/a b.csv", "")]


def test_a_parameter_that_is_called_like_a_resource_holds_its_name(tmp_path: Path) -> None:
    resources = {"OrdersTable": "stage-Orders-1", "Dead": "x"}

    assert wanted([("parameter", "/shop/orders-table-name")], tmp_path, resources, []) == [
        ("parameter", "/shop/orders-table-name", "stage-Orders-1")
    ]


def test_a_parameter_that_does_not_do_comes_again_as_json(tmp_path: Path) -> None:
    first = wanted([("parameter", "/a")], tmp_path, {}, [])

    ((_, _, text),) = again = wanted([("parameter", "/a")], tmp_path, {}, first)
    assert json.loads(text) == {"id": "trial-1"}
    assert wanted([("parameter", "/a")], tmp_path, {}, again) == []


def test_what_was_laid_is_told() -> None:
    laid = [("secret", "bank", "{}"), ("parameters", "/a", "x")]

    assert told(laid) == "with the secret bank, the parameter /a that it looks for"
    assert told([]) == ""


def test_an_item_can_lie_in_another_stack_s_table(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Stage.__new__(Stage)
    put: list[dict[str, Any]] = []
    told = {
        "Table": {
            "AttributeDefinitions": [{"AttributeName": "by", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id"}],
        }
    }
    world.local = world.outside = SimpleNamespace(  # type: ignore[assignment]
        reset=lambda: None,
        forget=lambda: None,
        say=lambda _: None,
        left_running=Path("nowhere"),
        client=lambda _: SimpleNamespace(put_item=lambda **asked: put.append(asked), describe_table=lambda **_: told),
    )
    world.ending = world.spoken = ""
    item = {"id": {"S": "1"}, "by": {"NULL": True}}  # which is the key of an index, and no such item can be put
    world.seeds, world.laid, world.senders = [("places", item)], [("table", "places#id:S", "")], set()
    monkeypatch.setattr(stage, "lay", lambda *_: {"places": ("AWS::DynamoDB::Table", "places")})
    monkeypatch.setattr(stage, "Probes", lambda *_: None)
    monkeypatch.setattr(world, "deploy", lambda: Stack("on-stage", {}, {}, {}))
    monkeypatch.setattr(world, "_switch_off", lambda: None)
    monkeypatch.setattr(world, "_configure", lambda: None)
    monkeypatch.setattr(world, "empty_queues", lambda: None)
    world.fresh()

    assert put == [{"TableName": "places", "Item": {"id": {"S": "1"}}}]
    assert world.stack.types == {"places": "AWS::DynamoDB::Table"}


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Jobs: { Type: AWS::SQS::Queue, Properties: { VisibilityTimeout: 60 } }
  Done:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Timeout: 10
      Environment: { Variables: { TABLE: !Ref Done } }
      Events: { Job: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn, BatchSize: 1 } } }
      InlineCode: |
        import json, os
        import boto3

        def handler(event, context):
            secret = boto3.client("secretsmanager").get_secret_value(SecretId="bank")["SecretString"]
            rate = boto3.client("ssm").get_parameter(Name="/shop/rate")["Parameter"]["Value"]
            boto3.client("s3").download_file("shop-rules", "rules.json", "/tmp/rules.json")
            rules = open("/tmp/rules.json").read()
            told = boto3.client("sqs").get_queue_url(QueueName="told")["QueueUrl"]
            table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
            for record in event["Records"]:
                order = json.loads(record["body"])
                field = "".join(["to", "tal"])  # which reading the code does not tell
                if field not in order:
                    print(f"ERROR Missing field '{field}'")
                    return
                names = {"by": json.loads(secret)["username"], "rate": rate, "rules": rules}
                table.put_item(Item={"id": order["id"], "total": order[field], **names})
                boto3.client("sqs").send_message(QueueUrl=told, MessageBody=order["id"])
"""


@pytest.mark.e2e
def test_a_worker_goes_on_with_what_it_looks_for_and_what_it_only_logs(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    outcome = json.loads(run(str(tmp_path), "--json").stdout)

    ((source, status),) = [(row["source"], row["status"]) for row in outcome["sources"]]
    assert (source, status) == ("queue Jobs → Work", "delivered")
    first = next(row for row in outcome["findings"] if row["trial"] == "once")
    for thing in ("the secret bank", "the parameter /shop/rate", "the object shop-rules/rules.json", "the queue told"):
        assert thing in first["happened"]
    assert "total learned from a refusal" in first["happened"]
    assert "queue told" in " ".join(first["details"])


# ---- tasks that wait, and kinds of files

WAITING = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Decide:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Timeout: 10
      Events: { Post: { Type: HttpApi, Properties: { Path: /decisions, Method: POST } } }
      InlineCode: |
        import json
        import boto3

        def handler(event, context):
            order = json.loads(event["body"])
            token, output = order["taskToken"], json.dumps({"approved": True})
            boto3.client("stepfunctions").send_task_success(taskToken=token, output=output)
            return {"statusCode": 202}
  Pages:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Timeout: 10
      Environment: { Variables: { DONE: !Ref Done } }
      InlineCode: |
        import os
        import boto3

        def handler(event, context):
            text = boto3.client("s3").get_object(Bucket="papers", Key=event["key"])["Body"].read()
            if not text.startswith(b"%PDF"):
                raise ValueError("No /Root object! - Is this really a PDF?")
            boto3.client("sqs").send_message(QueueUrl=os.environ["DONE"], MessageBody=event["key"])
  Done: { Type: AWS::SQS::Queue }
"""


@pytest.mark.e2e
def test_a_task_waits_for_the_function_that_answers_it_and_a_file_is_of_the_kind_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(WAITING)
    outcome = json.loads(run(str(tmp_path), "--json").stdout)

    told = {row["source"]: row["happened"] for row in outcome["findings"] if row["trial"] == "once"}
    assert {row["status"] for row in outcome["sources"]} == {"delivered"}, told
    assert "the task token" in told["http POST /decisions → Decide"]
    assert "the object a .pdf" in told["direct Pages → Pages"]
    details = {row["source"]: " ".join(row["details"]) for row in outcome["findings"] if row["trial"] == "once"}
    assert '{"approved": true}' in details["http POST /decisions → Decide"]


ACTIVITY = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Approval: { Type: AWS::StepFunctions::Activity, Properties: { Name: approvals } }
  Decide:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Timeout: 20
      Environment: { Variables: { APPROVAL: !GetAtt Approval.Arn } }
      Events: { Post: { Type: HttpApi, Properties: { Path: /decisions, Method: POST } } }
      InlineCode: |
        import json, os
        import boto3

        def handler(event, context):
            states = boto3.client("stepfunctions")
            task = states.get_activity_task(activityArn=os.environ["APPROVAL"])
            order = json.loads(task["input"])
            output = json.dumps({"approved": True, "of": order["orderNumber"]})
            states.send_task_success(taskToken=task["taskToken"], output=output)
            return {"statusCode": 202}
  Orders: { Type: AWS::SQS::Queue }
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition:
        StartAt: Ask
        States:
          Ask: { Type: Task, Resource: !Ref Approval, Next: Tell }
          Tell:
            Type: Task
            Resource: arn:aws:states:::sqs:sendMessage
            Parameters: { QueueUrl: !Ref Orders, MessageBody.$: $ }
            End: true
"""


@pytest.mark.e2e
def test_a_function_that_works_for_an_activity_gets_a_task_and_its_machine_is_played(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(ACTIVITY)
    outcome = json.loads(run(str(tmp_path), "--json").stdout)

    told = {row["source"]: row["happened"] for row in outcome["findings"] if row["trial"] == "once"}
    assert {row["source"]: row["status"] for row in outcome["sources"]} == {
        "http POST /decisions → Decide": "delivered",
        "machine Flow": "delivered",
    }, told
    assert "the task of the activity" in told["http POST /decisions → Decide"]
    details = {row["source"]: " ".join(row["details"]) for row in outcome["findings"] if row["trial"] == "once"}
    assert '"approved": true' in details["http POST /decisions → Decide"]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("ValueError: not enough values to unpack (expected 5, got 2)", [5]),
        ("Content length 2 does not match expected length of keys", [3, 4, 5, 6, 7, 8]),
        ("IndexError: list index out of range", [3, 4, 5, 6, 7, 8]),
        ("Invalid number of columns", [3, 4, 5, 6, 7, 8]),
        ("The specified key does not exist.", []),
    ],
)
def test_a_refusal_tells_that_a_row_has_too_few_columns(said: str, wanted: list[int]) -> None:
    assert widths(Refusal((said,))) == wanted


@pytest.mark.parametrize(
    ("said", "ending"),
    [
        ("No /Root object! - Is this really a PDF?", ".pdf"),
        ("PdfReadError: EOF marker not found", ".pdf"),
        ("cannot identify image file <_io.BytesIO object>", ".png"),
        ("BadZipFile: File is not a zip file", ".zip"),
        ("Not a gzipped file (b'{\"')", ".gz"),
        ("KeyError: 'id'", ""),
    ],
)
def test_a_refusal_tells_what_kind_of_file_was_wanted(said: str, ending: str) -> None:
    assert ending_of(Refusal((said,))) == ending


@pytest.mark.parametrize("operation", ["Success", "Failure", "Heartbeat"])
def test_a_token_for_which_no_task_waits_is_named(operation: str) -> None:
    target = f"AWSStepFunctions.SendTask{operation}"

    assert asked(target, {"taskToken": "t"}, 400) == [("task token", "t")]
    assert asked(target, {"taskToken": "t"}, 200) == []


def test_an_activity_of_which_a_function_asks_for_a_task_is_named_for_an_empty_poll_is_no_error() -> None:
    arn = "arn:aws:states:us-east-1:123456789012:activity:approvals"

    assert asked("AWSStepFunctions.GetActivityTask", {"activityArn": arn}, 200) == [("activity", arn)]


def test_the_task_of_an_activity_is_laid_though_the_activity_is_here_and_holds_what_the_code_reads(
    tmp_path: Path,
) -> None:
    arn = "arn:aws:states:us-east-1:123456789012:activity:approvals"
    (tmp_path / "app.py").write_text('order = json.loads(task["input"])["orderNumber"]')

    ((kind, name, text),) = wanted([("activity", arn)], tmp_path, {"Approval": arn}, [])
    assert (kind, name) == ("activity", arn)
    assert "orderNumber" in json.loads(text)
    assert told([(kind, name, text)]) == "with the task of the activity approvals that it looks for"
