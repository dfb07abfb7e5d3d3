"""A gather is told once it is whole, whatever is repeated, reordered or dies; a counter is not."""

import importlib
import itertools
import json
from types import ModuleType
from typing import Any

import pytest

from support.handlers import Context, Died, failed
from trials.local_aws import LocalAws

PARTS = ["a", "b", "c"]


class Gathers:
    """The table with its stream, and the queue that is told."""

    def __init__(self, aws: LocalAws) -> None:
        table = {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        }
        resources: dict[str, Any] = {"Gathers": {"Type": "AWS::DynamoDB::Table", "Properties": table}}
        self.stack = aws.create("gather", {"Resources": resources | {"Gathered": {"Type": "AWS::SQS::Queue"}}})
        self.table, self.queue = self.stack.resources["Gathers"], self.stack.resources["Gathered"]
        self.aws = aws

    def stream(self) -> dict[str, Any]:
        """All that the table's stream holds, as the mapping delivers it."""
        streams, dynamodb = self.aws.client("dynamodbstreams"), self.aws.client("dynamodb")
        arn = dynamodb.describe_table(TableName=self.table)["Table"]["LatestStreamArn"]
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        return {"Records": streams.get_records(ShardIterator=start["ShardIterator"])["Records"]}

    def told(self) -> list[str]:
        sqs, found = self.aws.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"])["gather"] for message in messages]
        return sorted(found)


@pytest.fixture
def gathers(aws: LocalAws) -> Gathers:
    return Gathers(aws)


@pytest.fixture
def code(gathers: Gathers, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("GATHERS_TABLE", gathers.table)
    monkeypatch.setenv("GATHERED_URL", gathers.queue)
    monkeypatch.setenv("AWS_ENDPOINT_URL", gathers.aws.function_endpoint)
    return importlib.reload(importlib.import_module("references.gather"))


def test_a_repeated_part_is_not_another_one(code: ModuleType, gathers: Gathers) -> None:
    code.scatter("g", PARTS)
    for part in ("a", "a", "b", "b", "a"):
        code.arrived("g", part)
    code.publish(gathers.stream(), Context())
    assert gathers.told() == []

    code.arrived("g", "c")
    code.publish(gathers.stream(), Context())
    assert gathers.told() == ["g"]


@pytest.mark.e2e
def test_in_every_order_and_with_repeats_it_is_told_once(code: ModuleType, gathers: Gathers) -> None:
    names = []
    for n, order in enumerate(itertools.permutations([*PARTS, None])):  # None is the scatter, late
        names.append(f"g-{n}")
        for part in (*order, *order):
            if part is None:
                code.scatter(names[-1], PARTS)
            else:
                code.arrived(names[-1], part)
    code.publish(gathers.stream(), Context())

    assert gathers.told() == sorted(names)


def test_a_part_that_nobody_wants_changes_nothing(code: ModuleType, gathers: Gathers) -> None:
    code.scatter("g", PARTS)
    for part in ("a", "b", "z"):
        code.arrived("g", part)
    code.publish(gathers.stream(), Context())
    assert gathers.told() == []

    for part in ("c", "y"):  # the last changes what is whole already
        code.arrived("g", part)
    code.publish(gathers.stream(), Context())
    assert gathers.told() == ["g"]


def test_what_cannot_be_told_comes_again_and_a_death_after_telling_repeats_it(
    code: ModuleType, gathers: Gathers, monkeypatch: pytest.MonkeyPatch
) -> None:
    code.scatter("g", PARTS)
    for part in PARTS:
        code.arrived("g", part)
    stream, send = gathers.stream(), code.sqs.send_message

    def send_then_die(**named: Any) -> None:
        send(**named)
        raise Died

    with monkeypatch.context() as broken:
        broken.setattr(code.sqs, "send_message", lambda **_: (_ for _ in ()).throw(ConnectionError()))
        last = stream["Records"][-1]["dynamodb"]["SequenceNumber"]
        assert failed(code.publish(stream, Context())) == [last]
        assert gathers.told() == []
    with monkeypatch.context() as broken:
        broken.setattr(code.sqs, "send_message", send_then_die)
        with pytest.raises(Died):
            code.publish(stream, Context())
    assert failed(code.publish(stream, Context())) == []

    assert gathers.told() == ["g", "g"]  # its reader dedupes by the gather's id
