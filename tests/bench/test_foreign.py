"""Queues and buckets of other stacks: a queue stands in for one, and what the Serverless Framework tells is read."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trials import faults
from trials.deliveries.parcels import placed
from trials.project import Kind, Project, Source, read
from trials.samples.made import made as made_for

FUNCTION = {"Runtime": "python3.12", "Handler": "index.handler", "Code": {"ZipFile": "def handler(e, c): pass"}}
ARN = "arn:aws:sqs:eu-west-1:123456789012:orders"


def project(folder: Path, resources: dict[str, Any], **sections: Any) -> Project:
    work = {"Type": "AWS::Lambda::Function", "Properties": FUNCTION}
    body = {**sections, "Resources": {"Work": work, **resources}}
    (folder / "template.json").write_text(json.dumps(body))
    return read(folder, "http://outside.example.test")


def mapping(arn: Any) -> dict[str, Any]:
    properties = {"EventSourceArn": arn, "FunctionName": {"Ref": "Work"}}
    return {"Map": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}}


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (ARN, "orders"),
        (f"{ARN}.fifo", "orders.fifo"),
        ({"Fn::ImportValue": "shop-orders-queue-arn"}, None),
        ({"Ref": "OrdersQueueArn"}, None),
        ({"Fn::Sub": "arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:orders"}, "orders"),
    ],
)
def test_a_queue_stands_in_for_one_that_another_stack_makes(tmp_path: Path, arn: Any, name: str | None) -> None:
    made = project(tmp_path, mapping(arn), Parameters={"OrdersQueueArn": {"Type": "String"}})
    ((kind, origin),) = [(source.kind, source.origin) for source in made.sources]

    assert kind is Kind.QUEUE
    queue = made.body["Resources"][origin]["Properties"]
    assert queue.get("QueueName") == name
    assert made.body["Resources"]["Map"]["Properties"]["EventSourceArn"] == {"Fn::GetAtt": [origin, "Arn"]}
    assert "Map" in made.model.resources
    assert origin not in made.model.resources  # the author's template is left as it is
    assert any("stands in for" in note for note in made.notes)


def test_what_depends_on_its_redrive_policy_is_not_tried(tmp_path: Path) -> None:
    (source,) = project(tmp_path, mapping(ARN)).sources
    names = {trial.name for trial in faults.ALL if trial.applies(source)}

    assert "twice" in names
    assert not names & {"malformed", "at its limit"}


@pytest.mark.parametrize("arn", ["arn:aws:kafka:eu-west-1:123456789012:cluster/x", {"Fn::ImportValue": "cluster"}])
def test_what_is_no_queue_gets_none(tmp_path: Path, arn: Any) -> None:
    made = project(tmp_path, mapping(arn))

    assert set(made.body["Resources"]) == {"Work", "Map"}


def test_a_stream_of_another_stack_is_read_without_it(tmp_path: Path) -> None:
    stream = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-11-23T08:00:00.000"

    assert [source.kind for source in project(tmp_path, mapping(stream)).sources] == [Kind.TABLE]


def test_what_the_serverless_framework_tells_a_bucket_of_another_stack_is_a_source(tmp_path: Path) -> None:
    rules = [{"Prefix": "in/"}, {"Suffix": ".csv"}]
    told = {
        "ServiceToken": {"Fn::GetAtt": ["Teller", "Arn"]},
        "FunctionName": "shop-work",
        "BucketName": "uploads",
        "BucketConfigs": [{"Event": "s3:ObjectCreated:*", "Rules": rules}],
    }
    named = {"Type": "AWS::Lambda::Function", "Properties": {**FUNCTION, "FunctionName": "shop-work"}}
    teller = {"Type": "AWS::Lambda::Function", "Properties": FUNCTION}
    made = project(tmp_path, {"Work": named, "Teller": teller, "Told": {"Type": "Custom::S3", "Properties": told}})

    ((kind, function, pattern),) = [(source.kind, source.function, source.pattern) for source in made.sources]
    assert (kind, function, pattern) == (Kind.BUCKET, "Work", {"prefix": "in/", "suffix": ".csv"})


@pytest.mark.parametrize("written", [True, False])
def test_of_packed_code_the_source_is_read_where_its_author_wrote_it(tmp_path: Path, written: bool) -> None:
    (built := tmp_path / ".serverless" / "code").mkdir(parents=True)
    if written:
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "orders.ts").write_text("")
    properties = {**FUNCTION, "Runtime": "nodejs22.x", "Handler": "src/orders.place"}
    work = {"Type": "AWS::Lambda::Function", "Properties": properties, "Metadata": {"aws:asset:path": "code"}}
    template = tmp_path / ".serverless" / "cloudformation-template-update-stack.json"
    template.write_text(json.dumps({"Resources": {"Work": work}}))
    made = read(tmp_path, "http://outside.example.test")

    assert made.code("Work")[0] == built
    assert made.written("Work")[0] == (tmp_path if written else built)


def test_a_file_that_an_api_includes_may_name_a_nested_stack_s_functions(tmp_path: Path) -> None:
    inner = {"Resources": {"Place": {"Type": "AWS::Lambda::Function", "Properties": FUNCTION}}}
    inner["Outputs"] = {"PlaceArn": {"Value": {"Fn::GetAtt": ["Place", "Arn"]}}}
    (tmp_path / "orders.json").write_text(json.dumps(inner))
    invoked = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Orders.Outputs.PlaceArn}/invocations"
    arn = {"Fn::Sub": invoked}
    way = {"type": "aws_proxy", "httpMethod": "POST", "uri": arn}
    paths = {"/orders": {"post": {"x-amazon-apigateway-integration": way}}}
    (tmp_path / "api.json").write_text(json.dumps({"openapi": "3.0.1", "paths": paths}))
    include = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "api.json"}}}
    nested = {"Type": "AWS::Serverless::Application", "Properties": {"Location": "orders.json"}}
    api = {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "v1", "DefinitionBody": include}}
    body = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Orders": nested, "Shop": api}}
    (tmp_path / "template.json").write_text(json.dumps(body))
    made = read(tmp_path, "http://outside.example.test")

    assert [(source.kind, source.function) for source in made.sources] == [(Kind.HTTP, "OrdersPlace")]


@pytest.mark.parametrize("there", [True, False])
def test_the_object_of_another_stack_s_bucket_lies_where_its_event_says(there: bool) -> None:
    source = Source(Kind.BUCKET, "Work", "Told.s3:ObjectCreated:*")
    done: list[tuple[str, str]] = []
    s3 = SimpleNamespace(
        list_buckets=lambda: {"Buckets": [{"Name": "trial"}] if there else []},
        create_bucket=lambda **asked: done.append(("made", asked["Bucket"])),
        list_objects_v2=lambda **_: {},
        put_object=lambda **asked: done.append((asked["Bucket"], asked["Key"])),
    )
    local, stack = SimpleNamespace(client=lambda _: s3), SimpleNamespace(resources={})
    stage: Any = SimpleNamespace(local=local, stack=stack, ending="")
    event = placed(stage, source, made_for({"Resources": {}}, source).payload)

    assert event["Records"][0]["s3"]["bucket"]["name"] == "trial"
    assert done == [("made", "trial")] * (not there) + [("trial", "trial/a b+ü.csv")]
