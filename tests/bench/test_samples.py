"""Sample events: those that a project brings, what of them is for whom, and those made from what a template says."""

import base64
import gzip
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from trials.bench import passed_over
from trials.deliveries.history import Answer, Reference
from trials.faults.once import Attempt
from trials.faults.order import successor
from trials.moment import NOW
from trials.own import write_samples
from trials.project import Kind, Source, read, sources
from trials.project.sources import Batching, Route
from trials.report.events import SourceEnded
from trials.report.result import Result
from trials.samples import Sample, samples
from trials.samples.made import made
from trials.samples.pattern import fill
from trials.samples.reads import Reads
from trials.samples.sample_files import SampleFile, fits, route_of, sample_files, sent_attributes, served
from trials.samples.written import whole, write
from trials.stage import PASSED
from trials.template import read_template
from trials.verdicts import Status, Verdict, held

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

    assert [each.payload for each in samples(EMPTY, brought, QUEUE, {})][:2] == ["0", "1"]


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
    sample, *_ = samples(EMPTY, files(tmp_path, sqs={"Records": [record]}), QUEUE, {})

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

    assert [each.payload for each in samples(EMPTY, brought, QUEUE, {})] == ["b", '{"id": "trial-1"}']


def test_only_a_file_that_is_called_after_its_source_does_not_give_way_to_what_is_made(tmp_path: Path) -> None:
    named = files(tmp_path, **{QUEUE.name: SQS})

    assert [each.payload for each in samples(EMPTY, named, QUEUE, {})] == ["b"]


def test_nor_does_one_that_is_called_after_its_function_and_has_the_shape_of_its_source(tmp_path: Path) -> None:
    named = files(tmp_path, **{QUEUE.function: SQS})

    assert [each.payload for each in samples(EMPTY, named, QUEUE, {})] == ["b"]
    assert fits(Source(Kind.SCHEDULE, "F", "n"), SQS, "events/F.json") is None


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        ((), True),
        (('{"messageAttributes": {"kind": {"stringValue": ["json"]}}}',), True),
        (('{"messageAttributes": {"kind": {"stringValue": ["xml"]}}}',), False),
        (('{"body": {"paid": [true]}}', '{"body": {"id": [{"prefix": "o"}]}}'), True),
        (('{"body": {"paid": [true]}}',), False),
        (({"Fn::Sub": '{"body": {"paid": [true]}}'},), True),  # what it says is not known before it is deployed
    ],
)
def test_what_another_function_sent_is_taken_where_a_filter_lets_it_through(
    filters: tuple[Any, ...], taken: bool
) -> None:
    source = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs", Batching(filters=filters))
    passed = Sample('{"id": "o-1"}', PASSED, {"kind": {"DataType": "String", "StringValue": "json"}})

    first = samples(EMPTY, [], source, {"Jobs": passed})[0]
    assert (first is passed) is taken


@pytest.mark.parametrize("names_it", [True, False])
def test_an_event_of_the_project_that_came_to_nothing_is_a_row_if_it_names_its_source(
    tmp_path: Path, names_it: bool
) -> None:
    arn = {"eventSourceARN": f"arn:aws:sqs:us-east-1:1:{QUEUE.origin if names_it else 'Others'}"}
    brought = files(tmp_path, mine={"Records": [{**SQS["Records"][0], **arn}]})
    tried = [file.path for file in brought]
    world: Any = {}
    reference = Reference(Sample({}, "made up"), world, set(), (), (), Answer(), world)
    attempt = Attempt(held("x"), reference, tried, sample=reference.sample)

    assert [each.verdict for each in passed_over(QUEUE, attempt, brought)] == [Verdict.UNPROVED] * names_it


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
    assert datetime.fromisoformat(sample.payload["at"]) == NOW


def test_what_stands_behind_an_api_is_given_what_was_asked_of_it(tmp_path: Path) -> None:
    """The function that takes the request may refuse it here, for a signature or a token that has expired."""
    request = {"requestContext": {"http": {"method": "POST", "path": "/hooks"}}, "body": '{"id": "e-1"}'}
    brought = files(tmp_path, event=request)

    body, whole, made_up = (each.payload for each in samples(EMPTY, brought, QUEUE, {}))
    assert (json.loads(body), json.loads(whole), json.loads(made_up)) == ({"id": "e-1"}, request, {"id": "trial-1"})


def test_a_task_that_takes_nothing_made_up_gets_what_its_machine_hands_it() -> None:
    task = Source(Kind.TASK, "Work", "Flow.Work", "Flow")
    handed = Sample({"order": {"id": 1}}, "as the machine hands it over")

    assert [each.payload for each in samples(EMPTY, [], task, {"Flow.Work": handed})] == [
        {"id": "trial-1"},
        {"order": {"id": 1}},
    ]


def test_what_another_function_passed_on_is_better_than_what_is_made() -> None:
    passed = Sample("passed on", "passed on by another function")

    assert [each.payload for each in samples(EMPTY, [], QUEUE, {"Jobs": passed})] == ["passed on", '{"id": "trial-1"}']


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


# ---- what tests and `sam local generate-event` bring


def test_events_among_the_tests_are_known_by_their_shape(tmp_path: Path) -> None:
    for path, content in {
        "tests/unit/fixtures/sqs.json": SQS,
        "src/__tests__/post.json": POST,
        "tests/settings.json": WHOLE,
        "tests/tsconfig.json": {"compilerOptions": {}},
        "node_modules/a/tests/sqs.json": SQS,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(json.dumps(content))

    assert {file.path for file in sample_files(tmp_path)} == {"tests/unit/fixtures/sqs.json", "src/__tests__/post.json"}


@pytest.mark.parametrize(("payload", "v1"), [("2.0", False), ("1.0", True)])
def test_a_generated_request_is_sent_to_the_route(payload: str, v1: bool) -> None:
    source = Source(Kind.HTTP, "F", "F.Post", route=Route("POST", "/orders/{id}", payload))
    if v1:
        event = {"httpMethod": "GET", "path": "/path/to/resource", "requestContext": {"stage": "prod"}, "body": "b"}
    else:
        http = {"method": "GET", "path": "/path/to/resource"}
        event = {"rawPath": "/path/to/resource", "requestContext": {"http": http, "stage": "prod"}, "body": "b"}
    found = fits(source, event, "events/event.json")

    assert found is not None
    sample, exact = found
    assert served(source, *(route_of(sample.payload) or ("", "")))
    assert (exact, sample.payload["body"], sample.payload["pathParameters"]) == (False, "b", {"id": "1"})
    assert sample.payload["requestContext"]["stage"] == "prod"
    other = "2.0" if v1 else "1.0"
    assert fits(Source(Kind.HTTP, "F", "n", route=Route("POST", "/a", other)), event, "x.json") is None


@pytest.mark.parametrize("body", ['{"message": "hello world"}', "eyJ0ZXN0IjoiYm9keSJ9"])
def test_a_generated_request_that_nobody_has_edited_tells_nothing(body: str) -> None:
    source = Source(Kind.HTTP, "F", "F.Post", route=Route("POST", "/orders", "1.0"))
    event = {"httpMethod": "POST", "path": "/path/to/resource", "requestContext": {"stage": "prod"}, "body": body}

    assert fits(source, event, "events/event.json") is None


def test_what_is_only_of_the_source_s_kind_is_followed_by_what_is_made(tmp_path: Path) -> None:
    other = {"Records": [{**SQS["Records"][0], "body": "Hello", "eventSourceARN": "arn:aws:sqs:us-east-1:1:MyQueue"}]}

    both = [each.payload for each in samples(EMPTY, files(tmp_path, a=other), QUEUE, {})]
    assert both == ["Hello", '{"id": "trial-1"}']


def test_a_request_in_the_other_version_is_followed_by_one_in_the_route_s(tmp_path: Path) -> None:
    source = Source(Kind.HTTP, "F", "F.Post", route=Route("POST", "/orders", "2.0"))
    older = files(tmp_path, a={**V1, "body": "{}"})

    assert [each.file for each in samples(EMPTY, older, source, {})] == ["events/a.json", ""]


def test_who_is_asked_in_a_known_form_is_given_no_event_of_another(tmp_path: Path) -> None:
    asked = Source(Kind.DIRECT, "Authorizer", "Authorizer", given='{"type": "TOKEN", "methodArn": "a"}')
    brought = files(tmp_path, a=POST, b=SQS)

    assert [each.payload for each in samples(EMPTY, brought, asked, {})] == [{"type": "TOKEN", "methodArn": "a"}]
    anybody = Source(Kind.DIRECT, "Work", "Work")
    assert samples(EMPTY, brought, anybody, {})[0].payload == POST


@pytest.mark.parametrize(
    ("reads", "methods"),
    [
        (None, ["POST", "GET"]),
        (Reads(values={("httpMethod",): "GET"}), ["GET", "POST"]),
        (Reads(values={("httpMethod",): "DELETE"}), ["DELETE", "POST", "GET"]),
        (Reads(values={("requestContext", "http", "method"): "options"}), ["POST", "GET"]),
    ],
)
def test_a_route_for_any_method_is_tried_with_more_than_one(reads: Reads | None, methods: list[str]) -> None:
    source = Source(Kind.HTTP, "F", "F.Any", route=Route("ANY", "/{proxy+}", "1.0"))

    assert [each.payload["httpMethod"] for each in samples(EMPTY, [], source, {}, reads)] == methods
    only = Source(Kind.HTTP, "F", "F.Post", route=Route("POST", "/orders", "1.0"))
    assert [each.payload["httpMethod"] for each in samples(EMPTY, [], only, {}, reads)] == ["POST"]


@pytest.mark.parametrize(
    ("reads", "asked"),
    [
        (Reads(values={("path",): "/orders"}), [("POST", "/orders"), ("GET", "/orders")]),
        (
            Reads(values={("httpMethod",): "PUT", ("path",): "/a/b"}),
            [("PUT", "/a/b"), ("POST", "/a/b"), ("GET", "/a/b")],
        ),
        (
            Reads(routes=[("GET", "/orders/:id"), ("POST", "/orders"), ("DELETE", "/orders/<id>")]),
            [("POST", "/orders"), ("GET", "/orders/1"), ("DELETE", "/orders/1")],
        ),
        (Reads(routes=[("GET", "/orders/{id}")]), [("GET", "/orders/1")]),
        (Reads(values={("pathParameters", "proxy"): "orders/all"}), [("POST", "/orders/all"), ("GET", "/orders/all")]),
        (Reads(values={("pathParameters", "proxy"): "a b?"}), [("POST", "/1"), ("GET", "/1")]),
    ],
)
@pytest.mark.parametrize("payload", ["1.0", "2.0"])
def test_a_route_for_every_path_is_tried_with_those_that_the_code_knows(
    reads: Reads, asked: list[tuple[str, str]], payload: str
) -> None:
    source = Source(Kind.HTTP, "F", "F.Any", route=Route("ANY", "/{proxy+}", payload))

    sent = [route_of(each.payload) for each in samples(EMPTY, [], source, {}, reads)]
    assert sent == asked
    only = Source(Kind.HTTP, "F", "F.Post", route=Route("POST", "/orders", payload))
    assert [route_of(each.payload) for each in samples(EMPTY, [], only, {}, reads)] == [("POST", "/orders")]


def test_a_request_of_the_project_gets_the_claims_that_its_authorizer_would_add(tmp_path: Path) -> None:
    source = Source(Kind.HTTP, "F", "F.Post", route=Route("POST", "/orders", "2.0", authorizer="jwt"))
    context: Any = POST["requestContext"]
    with_own = {**POST, "requestContext": {**context, "authorizer": {"jwt": {"claims": {"sub": "me"}}}}}

    def first(event: dict[str, Any]) -> Sample:
        return samples(EMPTY, files(tmp_path, a=event), source, {}, None, {"tenant": "t-1"})[0]

    bare, own = first(POST), first(with_own)
    assert bare.payload["requestContext"]["authorizer"]["jwt"]["claims"]["tenant"] == "t-1"
    assert bare.payload["requestContext"]["http"] == context["http"]
    assert own.payload == with_own
    assert (bare.file, "authorizer" in bare.origin) == ("events/a.json", True)


# ---- samples that are written


def test_a_written_sample_is_this_source_s_when_it_is_read_again(tmp_path: Path) -> None:
    for kind in set(Kind) - {Kind.OTHER, Kind.ROUTE}:  # no function takes a route's event
        for websocket in {False, kind is Kind.HTTP}:
            route = Route("" if websocket else "POST", "/a/{id}", websocket=websocket) if kind is Kind.HTTP else None
            source = Source(kind, "F", f"F.{kind}{websocket}", "Origin", route=route)
            sample = made(EMPTY, source)
            path = write(tmp_path, source, whole(source, sample))
            found = fits(source, json.loads((tmp_path / path).read_text()), path)

            assert found is not None, source
            assert found[1], source
            if kind in (Kind.QUEUE, Kind.STREAM, Kind.TABLE, Kind.BUCKET):
                renamed = fits(source, json.loads((tmp_path / path).read_text()), "any/name.json")
                assert renamed, "what names its origin needs no name of the file"
                assert renamed[1], source
            again = whole(source, found[0])
            assert again == json.loads((tmp_path / path).read_text())


def test_a_message_s_attributes_come_back_from_a_written_sample(tmp_path: Path) -> None:
    sample = Sample("{}", "made up", {"kind": {"DataType": "String", "StringValue": "order"}})
    path = write(tmp_path, QUEUE, whole(QUEUE, sample))
    found = fits(QUEUE, json.loads((tmp_path / path).read_text()), path)

    assert found is not None
    assert found[0].attributes == sample.attributes


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    assert write(tmp_path, QUEUE, {"a": 1}) == "events/Work.Jobs.json"
    assert write(tmp_path, QUEUE, {"a": 2}) == ""
    assert json.loads((tmp_path / "events/Work.Jobs.json").read_text()) == {"a": 1}


def test_a_file_that_is_called_after_a_source_is_for_no_other(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events/Work.Jobs.json").write_text(json.dumps(SQS))
    (tmp_path / "events/any.json").write_text(json.dumps({"Records": [{**SQS["Records"][0], "body": "any"}]}))
    (tmp_path / "template.yaml").write_text("""
Resources:
  Jobs: { Type: AWS::SQS::Queue }
  Other: { Type: AWS::SQS::Queue }
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Events: { Jobs: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn } } }
  Else:
    Type: AWS::Serverless::Function
    Properties:
      Events: { Other: { Type: SQS, Properties: { Queue: !GetAtt Other.Arn } } }
""")
    project = read(tmp_path, "http://outside.example.test")
    taken = {source.name: samples(EMPTY, project.files, source, {})[0].payload for source in project.sources}

    assert taken == {"Work.Jobs": "b", "Else.Other": "any"}


def test_only_unproved_sources_are_written_with_the_reason(tmp_path: Path) -> None:
    result = Result(template=str(tmp_path / "template.yaml"), folder=str(tmp_path))
    result.sources = [
        SourceEnded(QUEUE, Status.UNPROVED, "it wants more", event={"a": 1}),
        SourceEnded(replace(QUEUE, name="Work.Done"), Status.DELIVERED, event={"a": 1}),
        SourceEnded(replace(QUEUE, name="Work.Stopped"), Status.UNPROVED, "the trials stopped"),
    ]
    write_samples(result)

    assert result.as_json()["written"] == [{"file": "events/Work.Jobs.json", "why": "it wants more"}]
    assert [path.name for path in (tmp_path / "events").iterdir()] == ["Work.Jobs.json"]


def test_an_object_s_key_is_tried_to_decode_then_plain_then_in_no_folder() -> None:
    source = Source(Kind.BUCKET, "F", "B.s3:ObjectCreated:*", "B", pattern={"suffix": ".jpg"})
    drawn = samples({"Resources": {}}, [], source, {})
    keys = [each.payload["Records"][0]["s3"]["object"]["key"] for each in drawn]
    odd = [each.unusual and each.unusual["Records"][0]["s3"]["object"]["key"] for each in drawn]

    assert keys == ["trial/a+b%2B%C3%BC.jpg", "trial/a.jpg", "a.jpg"]
    assert odd == [None, "trial/a+b%2B%C3%BC.jpg", "a+b%2B%C3%BC.jpg"]


@pytest.mark.parametrize(
    ("event", "name", "keys"),
    [
        ("s3:ObjectRemoved:*", "ObjectRemoved:Delete", {"key", "sequencer"}),
        ("s3:ObjectCreated:*", "ObjectCreated:Put", {"key", "size", "eTag", "sequencer"}),
    ],
)
def test_a_bucket_tells_what_its_notification_is_about(event: str, name: str, keys: set[str]) -> None:
    told = {"LambdaConfigurations": [{"Event": event, "Function": {"Fn::GetAtt": ["F", "Arn"]}}]}
    body = {
        "Resources": {
            "F": {"Type": "AWS::Lambda::Function", "Properties": {}},
            "B": {"Type": "AWS::S3::Bucket", "Properties": {"NotificationConfiguration": told}},
        }
    }
    source = next(each for each in sources(body) if each.kind is Kind.BUCKET)
    (record,) = made(body, source).payload["Records"]

    assert record["eventName"] == name
    assert set(record["s3"]["object"]) == keys
