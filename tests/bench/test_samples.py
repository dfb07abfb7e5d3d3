"""Sample events: those that a project brings, what of them is for whom, and those made from what a template says."""

import base64
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from trials.faults.order import successor
from trials.project import Kind, Source, sources
from trials.project.sources import Batching, Route
from trials.samples import Sample, samples
from trials.samples.found import SampleFile, fits, sample_files, sent_attributes, served
from trials.samples.made import made
from trials.samples.pattern import fill
from trials.template import read_template

QUEUE = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
EMPTY: dict[str, Any] = {"Resources": {}}


def files(folder: Path, **named: Any) -> list[SampleFile]:
    (folder / "events").mkdir(exist_ok=True)
    for name, event in named.items():
        text = event if isinstance(event, str) else json.dumps(event)
        (folder / "events" / f"{name}.json").write_text(text)
    return sample_files(folder)


# ---- files of the project


def test_each_record_of_a_sample_batch_is_a_sample(tmp_path: Path) -> None:
    brought = files(tmp_path, sqs={"Records": [{"eventSource": "aws:sqs", "body": str(n)} for n in range(2)]})

    assert [each.payload for each in samples(EMPTY, brought, QUEUE, {})] == ["0", "1"]


def test_a_file_that_is_no_event_says_why(tmp_path: Path) -> None:
    brought = files(tmp_path, bad="{not JSON", listed=[1], good={"a": 1})

    assert {each.path: bool(each.why) for each in brought} == {
        "events/bad.json": True,
        "events/listed.json": True,
        "events/good.json": False,
    }
    assert "no JSON" in next(each.why for each in brought if "bad" in each.path)


def test_what_others_put_into_a_project_s_folder_is_no_sample(tmp_path: Path) -> None:
    for place in ("node_modules/events", ".aws-sam/events", "cdk.out/events"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "event.json").write_text("{}")

    assert sample_files(tmp_path) == []


def test_a_message_of_a_sample_keeps_its_attributes(tmp_path: Path) -> None:
    attributes = {"order": {"stringValue": "o-1", "dataType": "String", "binaryListValues": []}}
    record = {"eventSource": "aws:sqs", "body": "{}", "messageAttributes": attributes}
    (sample,) = samples(EMPTY, files(tmp_path, sqs={"Records": [record]}), QUEUE, {})

    assert sample.attributes == {"order": {"DataType": "String", "StringValue": "o-1"}}
    assert sample.file == "events/sqs.json"


def test_attributes_that_have_no_type_are_none() -> None:
    assert sent_attributes({"a": {"stringValue": "x"}, "b": "x"}) == {}
    assert sent_attributes(None) == {}


SQS = {"Records": [{"eventSource": "aws:sqs", "body": "b", "eventSourceARN": "arn:aws:sqs:us-east-1:1:Jobs"}]}
SNS = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "m", "MessageAttributes": {"a": {"Type": "String"}}}}]}
KINESIS = {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": "e30="}}]}
TABLE = {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {}, "eventSourceARN": "arn:x:table/Orders/stream/1"}]}
S3 = {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "Uploads"}}}]}
PLACED = {"source": "shop", "detail-type": "Placed", "detail": {}}
POST = {"requestContext": {"http": {"method": "POST", "path": "/orders"}}, "body": "{}"}
V1 = {"httpMethod": "POST", "path": "/orders"}
LOGS = {"awslogs": {"data": ""}}
WHOLE = {"id": "a"}
ALL: dict[str, dict[str, Any]] = {
    "sqs": SQS,
    "sns": SNS,
    "kinesis": KINESIS,
    "table": TABLE,
    "s3": S3,
    "bus": PLACED,
    "post": POST,
    "v1": V1,
}
ALL |= {"logs": LOGS, "whole": WHOLE}


@pytest.mark.parametrize(
    ("source", "taken"),
    [
        (QUEUE, {"sqs"}),
        (Source(Kind.TOPIC, "F", "n", "T"), {"sns"}),
        (Source(Kind.STREAM, "F", "n", "S"), {"kinesis"}),
        (Source(Kind.TABLE, "F", "n", "Orders"), {"table"}),
        (Source(Kind.BUCKET, "F", "n", "Uploads"), {"s3"}),
        (Source(Kind.BUS, "F", "n", pattern={"source": ["shop"]}), {"bus"}),
        (Source(Kind.BUS, "F", "n", pattern={"source": ["another"]}), set()),
        (Source(Kind.HTTP, "F", "n", route=Route("POST", "/orders")), {"post", "v1"}),
        (Source(Kind.HTTP, "F", "n", route=Route("GET", "/orders")), set()),
        (Source(Kind.HTTP, "F", "n", route=Route("", "$connect", websocket=True)), set()),
        (Source(Kind.LOGS, "F", "n"), {"logs"}),
        (Source(Kind.TASK, "F", "n"), {"whole", "logs"}),
    ],
)
def test_an_event_is_for_the_sources_of_its_shape(source: Source, taken: set[str]) -> None:
    assert {name for name, event in ALL.items() if fits(source, event, "events/x.json")} == taken


def test_an_event_that_names_its_source_is_preferred_to_those_of_its_kind(tmp_path: Path) -> None:
    other = {"Records": [{**SQS["Records"][0], "body": "o", "eventSourceARN": "arn:aws:sqs:us-east-1:1:Others"}]}
    brought = files(tmp_path, a=other, b=SQS)

    assert [each.payload for each in samples(EMPTY, brought, QUEUE, {})] == ["b"]


@pytest.mark.parametrize(
    ("path", "asked", "fits_"),
    [
        ("/orders/{id}", "/orders/7", True),
        ("/orders/{id}", "/orders/7/lines", False),
        ("/{proxy+}", "/orders/7/lines", True),
        ("/orders", "/", False),
    ],
)
def test_a_sample_is_matched_to_its_route(path: str, asked: str, fits_: bool) -> None:
    source = Source(Kind.HTTP, "F", "F.Get", route=Route("GET", path))

    assert served(source, "GET", asked) is fits_
    assert served(source, "POST", asked) is False


NIGHTLY = Source(Kind.SCHEDULE, "Work", "Work.Nightly", given='{"id": "a", "at": "<aws.scheduler.scheduled-time>"}')


def test_a_schedule_s_own_input_is_its_sample_with_its_time_filled_in(tmp_path: Path) -> None:
    (sample,) = samples(EMPTY, files(tmp_path, other={"action": "of another function"}), NIGHTLY, {})

    assert (sample.origin, sample.payload["id"]) == ("the schedule's input", "a")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(sample.payload["at"])).total_seconds()) < 60


def test_what_stands_behind_an_api_is_given_what_was_asked_of_it(tmp_path: Path) -> None:
    """The function that takes the request may refuse it here, for a signature or a token that has expired."""
    request = {"requestContext": {"http": {"method": "POST", "path": "/hooks"}}, "body": '{"id": "e-1"}'}
    brought = files(tmp_path, event=request)

    body, whole, made_up = (each.payload for each in samples(EMPTY, brought, QUEUE, {}))
    assert (json.loads(body), json.loads(whole), json.loads(made_up)) == ({"id": "e-1"}, request, {"id": "trial-1"})


def test_what_another_function_passed_on_is_better_than_what_is_made() -> None:
    passed = Sample("passed on", "passed on by another function")

    assert samples(EMPTY, [], QUEUE, {"Jobs": passed}) == [passed]


# ---- samples made from the template


@pytest.mark.parametrize(
    ("pattern", "event"),
    [
        ({"source": ["shop"]}, {"source": "shop"}),
        ({"detail": {"total": [{"numeric": [">", 5, "<=", 6]}]}}, {"detail": {"total": 5.5}}),
        ({"detail": {"total": [{"numeric": [">=", 1000]}]}}, {"detail": {"total": 1000}}),
        ({"detail": {"total": [{"numeric": ["=", 7]}]}}, {"detail": {"total": 7}}),
        ({"detail": {"total": [{"numeric": ["<", 7]}]}}, {"detail": {"total": 6}}),
        ({"detail": {"held": [{"exists": False}], "id": [{"exists": True}]}}, {"detail": {"id": "trial"}}),
        ({"detail": {"country": [{"anything-but": ["XX"]}]}}, {"detail": {"country": "trial"}}),
        ({"detail": {"n": [{"anything-but": [1, 2]}]}}, {"detail": {"n": 3}}),
        ({"detail": {"key": [{"prefix": "in/"}]}}, {"detail": {"key": "in/trial"}}),
        ({"detail": {"key": [{"suffix": ".csv"}]}}, {"detail": {"key": "trial.csv"}}),
        ({"detail": {"key": [{"wildcard": "in/*.csv"}]}}, {"detail": {"key": "in/trial.csv"}}),
        ({"detail": {"key": [{"prefix": {"equals-ignore-case": "IN"}}]}}, {"detail": {"key": "IN"}}),
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, {"ip": "10.0.0.1"}),
        ({"a": ["b"], "$or": [{"c": [1]}, {"d": [2]}]}, {"a": "b", "c": 1}),
        ("no pattern", {}),
    ],
)
def test_an_event_made_from_a_pattern_is_let_through(pattern: Any, event: dict[str, Any]) -> None:
    assert fill(pattern) == event


def test_a_message_is_made_from_the_filter_of_its_mapping() -> None:
    source = Source(Kind.QUEUE, "Work", "W.J", "Jobs", Batching(filters=('{"body": {"kind": ["order"]}}',)))

    assert json.loads(made(EMPTY, source).payload) == {"kind": "order"}


def test_a_notification_is_made_from_its_filter_policy() -> None:
    policy = {"kind": ["order"]}
    by_body = made(EMPTY, Source(Kind.TOPIC, "F", "n", "T", pattern=policy, by_body=True))
    by_attributes = made(EMPTY, Source(Kind.TOPIC, "F", "n", "T", pattern=policy))

    assert json.loads(by_body.payload) == {"kind": "order"}
    assert by_attributes.attributes == {"kind": {"Type": "String", "Value": "order"}}


def test_an_object_s_key_is_encoded_as_s3_does() -> None:
    key = made(EMPTY, Source(Kind.BUCKET, "F", "n", "Uploads")).payload["Records"][0]["s3"]["object"]["key"]

    assert unquote_plus(key) == "trial/a b+ü.csv"
    assert unquote_plus(key) != key


def test_log_lines_are_packed_as_cloudwatch_does() -> None:
    data = made(EMPTY, Source(Kind.LOGS, "F", "n")).payload["awslogs"]["data"]

    assert len(json.loads(gzip.decompress(base64.b64decode(data)))["logEvents"]) == 2


def test_a_table_s_record_has_its_key_and_what_the_filter_wants(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("""
Resources:
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }, { AttributeName: n, AttributeType: N }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }, { AttributeName: n, KeyType: RANGE }]
""")
    wanted = '{"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"status": {"S": ["PAID"]}}}}'
    record = made(read_template(path), Source(Kind.TABLE, "F", "n", "T", Batching(filters=(wanted,)))).payload

    assert record["eventName"] == "MODIFY"
    assert record["dynamodb"]["Keys"] == {"pk": {"S": "trial-1"}, "n": {"N": "1"}}
    assert record["dynamodb"]["NewImage"]["status"] == {"S": "PAID"}
    assert "OldImage" in record["dynamodb"]


@pytest.mark.parametrize(
    ("authorizer", "version", "place"),
    [
        ("jwt", "2.0", ["jwt", "claims", "sub"]),
        ("cognito", "1.0", ["claims", "sub"]),
        ("lambda", "2.0", ["lambda", "principalId"]),
        ("lambda", "1.0", ["principalId"]),
        ("iam", "2.0", ["iam", "userArn"]),
    ],
)
def test_a_request_carries_what_its_authorizer_would_add(authorizer: str, version: str, place: list[str]) -> None:
    value = made(EMPTY, Source(Kind.HTTP, "F", "n", route=Route("POST", "/a", version, authorizer))).payload
    value = value["requestContext"]["authorizer"]
    for key in place:
        value = value[key]

    assert value


def test_a_route_without_authorizer_has_nobody_s_claims() -> None:
    event = made(EMPTY, Source(Kind.HTTP, "F", "n", route=Route("GET", "/a/{id}"))).payload

    assert "authorizer" not in event["requestContext"]
    assert (event["pathParameters"], event["body"], event["rawPath"]) == ({"id": "1"}, None, "/a/1")


@pytest.mark.parametrize(("key", "kind"), [("$connect", "CONNECT"), ("$disconnect", "DISCONNECT"), ("say", "MESSAGE")])
def test_a_websocket_s_event_is_none_of_http(key: str, kind: str) -> None:
    event = made(EMPTY, Source(Kind.HTTP, "F", "n", route=Route("", key, websocket=True))).payload

    assert (event["requestContext"]["routeKey"], event["requestContext"]["eventType"]) == (key, kind)
    assert ("body" in event) is (kind == "MESSAGE")
    assert "version" not in event


def test_a_queue_behind_a_topic_is_given_the_topic_s_envelope(tmp_path: Path) -> None:
    text = """
Resources:
  Heard:
    Type: AWS::SNS::Subscription
    Properties: { TopicArn: x, Protocol: sqs, Endpoint: !GetAtt Jobs.Arn, RawMessageDelivery: %s }
  Jobs: { Type: AWS::SQS::Queue }
"""
    path = tmp_path / "template.yaml"
    for raw, type_ in (("true", None), ("false", "Notification")):
        path.write_text(text % raw)
        assert json.loads(made(read_template(path), QUEUE).payload).get("Type") == type_


def test_every_source_of_a_template_gets_a_sample() -> None:
    for kind in set(Kind) - {Kind.ROUTE, Kind.OTHER}:
        route = Route("POST", "/") if kind is Kind.HTTP else None
        assert made(EMPTY, Source(kind, "F", "n", "O", route=route)).payload is not None
    assert sources(EMPTY) == []


# ---- a successor


@pytest.mark.parametrize(
    ("payload", "newer"),
    [
        ('{"sku": "a", "cents": 9, "version": 3}', '{"sku": "a", "cents": 10, "version": 4}'),
        ('{"sku": "a", "cents": 9}', None),
        ('{"version": true}', None),
        ('{"version": "3"}', None),
        ("[1]", None),
        ("no JSON", None),
        ({"detail": {"seq": 1}}, {"detail": {"seq": 2}}),
        (
            {"data_text": '{"version": 1}', "partitionKey": "k"},
            {"data_text": '{"version": 2}', "partitionKey": "k"},
        ),
    ],
)
def test_a_successor_is_made_only_of_what_has_a_version(payload: Any, newer: Any) -> None:
    assert successor(payload) == newer
