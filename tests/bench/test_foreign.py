"""Queues and buckets of other stacks: a queue stands in for one, and what the Serverless Framework tells is read."""

import json
from pathlib import Path
from typing import Any

import pytest

from trials import faults
from trials.project import Kind, Project, read

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
