"""What a stack's state looks like at one moment."""

import json
import re
import ssl
import urllib.request
from collections.abc import Iterator
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from trials.local_aws import ACCOUNT, LocalAws, Stack
from trials.world.compare import World

LARGEST = 65_536  # bytes of an object that are compared; of a larger one, its ETag
PLACES = {
    "AWS::DynamoDB::Table": "table",
    "AWS::DynamoDB::GlobalTable": "table",
    "AWS::Serverless::SimpleTable": "table",
    "AWS::SQS::Queue": "queue",
    "AWS::S3::Bucket": "bucket",
    "AWS::SNS::Topic": "topic",
    "AWS::Events::EventBus": "bus",
    "AWS::Kinesis::Stream": "stream",
    "AWS::StepFunctions::StateMachine": "machine",
}


class Probes:
    """Queues that hear what is published to the topics and buses of a stack."""

    def __init__(self, local: LocalAws, stack: Stack) -> None:
        self.queues: dict[str, str] = {}
        self._local = local
        for name, kind in stack.types.items():
            if PLACES.get(kind) == "topic":
                _, arn = self._queue(f"topic {name}")
                subscription = {"TopicArn": stack.resources[name], "Protocol": "sqs", "Endpoint": arn}
                local.client("sns").subscribe(**subscription, Attributes={"RawMessageDelivery": "true"})
        buses = {name: stack.resources[name] for name, kind in stack.types.items() if PLACES.get(kind) == "bus"}
        known = {*buses.values(), "default"}
        for listed_bus in local.client("events").list_event_buses()["EventBuses"]:  # also those that a parameter names
            buses |= {} if listed_bus["Name"] in known else {listed_bus["Name"]: listed_bus["Name"]}
        # What AWS itself tells on a bus, of executions or objects, comes when it likes and is no effect of its own.
        for name, bus in {**buses, "default": "default"}.items():
            _, arn = self._queue(f"bus {name}")
            rule = f"probe-{name}"
            pattern = json.dumps({"account": [ACCOUNT], "source": [{"anything-but": {"prefix": "aws."}}]})
            local.client("events").put_rule(Name=rule, EventBusName=bus, EventPattern=pattern)
            local.client("events").put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "probe", "Arn": arn}])

    def stand_in(self, name: str) -> str:
        """The ARN of a queue that hears what is sent to an end that is not here."""
        return self._queue(f"stand-in for {name}")[1]

    def _queue(self, place: str) -> tuple[str, str]:
        name = "probe-" + re.sub(r"[^A-Za-z0-9-]", "-", place)[:70]
        arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
        anybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})  # heeded where IAM is enforced
        url = self._local.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
        self.queues[name] = place
        return url, arn


def snapshot(local: LocalAws, stack: Stack, probes: Probes | None = None) -> World:
    """Everything in the stack's tables, queues, buckets, streams and state machines, and what was published."""
    world: World = {}
    messages = queued(local)
    for name, kind in stack.types.items():
        place, physical = PLACES.get(kind), stack.resources[name]
        if place == "queue":
            bodies = messages.get(physical.rsplit("/", 1)[1], [])
            world[f"queue {name}"] = [without_envelope(parsed(body)) for body in bodies]
        elif place in READERS:
            world[f"{place} {name}"] = list(READERS[place](local, physical))
    for queue, place in (probes.queues if probes else {}).items():
        world[place] = [without_envelope(parsed(body)) for body in messages.get(queue, [])]
    return named(world, stack)


def inspected(local: LocalAws, service: str) -> dict[str, Any]:
    """The messages that the local AWS holds of a service, by account, without a call to the service."""
    context: ssl.SSLContext = local.tls
    url = f"{local.endpoint}/_ministack/{service}/messages"
    with urllib.request.urlopen(url, timeout=10, context=context) as answer:
        by_account: dict[str, Any] = json.load(answer)["messages"]
    return by_account


def in_queues(local: LocalAws) -> dict[str, list[dict[str, Any]]]:
    """The messages in every queue, without receiving them."""
    regions = (region for regions in inspected(local, "sqs").values() for region in regions.values())
    queues = (queue for region in regions for queue in region.items())
    return {url.rsplit("/", 1)[1]: messages for url, messages in queues}


def queued(local: LocalAws) -> dict[str, list[str]]:
    """The bodies in every queue."""
    return {queue: [each["Body"] for each in messages] for queue, messages in in_queues(local).items()}


def mailed(local: LocalAws, stack: Stack) -> list[Any]:
    """The mails that SES sent since the local AWS was reset, for they belong to the account and to no stack.

    Without what each has anew: its number and its time.
    """
    mails = [mail for mails in inspected(local, "ses").values() for mail in mails]
    told_apart = ("MessageId", "Timestamp")
    records = [{name: parsed(value) for name, value in mail.items() if name not in told_apart} for mail in mails]
    return named({"mails": records}, stack)["mails"]


def items(local: LocalAws, table: str) -> Iterator[Any]:
    plain = TypeDeserializer()
    for page in local.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            yield parsed(json.loads(json.dumps({k: plain.deserialize(v) for k, v in item.items()}, default=told)))


def told(value: Any) -> Any:
    """JSON for what DynamoDB has beyond it: numbers as written, sets in order, bytes as they print."""
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)


def objects(local: LocalAws, bucket: str) -> Iterator[Any]:
    s3 = local.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for summary in page.get("Contents", []):
            body = summary["ETag"]
            if summary["Size"] <= LARGEST:
                body = s3.get_object(Bucket=bucket, Key=summary["Key"])["Body"].read().decode(errors="replace")
            yield {"key": summary["Key"], "body": parsed(body)}


def executions(local: LocalAws, machine: str) -> Iterator[Any]:
    states = local.client("stepfunctions")
    for execution in states.list_executions(stateMachineArn=machine)["executions"]:
        described = states.describe_execution(executionArn=execution["executionArn"])
        yield {"name": described["name"], "input": parsed(described.get("input", "{}"))}


def stream_records(local: LocalAws, stream: str) -> Iterator[Any]:
    kinesis = local.client("kinesis")
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        start = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(StreamName=stream, **start)["ShardIterator"]
        for record in kinesis.get_records(ShardIterator=iterator)["Records"]:
            yield {"key": record["PartitionKey"], "data": parsed(record["Data"].decode(errors="replace"))}


READERS = {"table": items, "bucket": objects, "machine": executions, "stream": stream_records}


def parsed(value: Any) -> Any:
    """JSON within texts made readable."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return parsed(json.loads(value))
        except (ValueError, RecursionError):  # no JSON, or too deep to read
            return value
    if isinstance(value, dict):
        return {key: parsed(inner) for key, inner in value.items()}
    return [parsed(inner) for inner in value] if isinstance(value, list) else value


def without_envelope(event: Any) -> Any:
    """An event or a notification without what the bus or topic makes anew each time: the same sent again is equal."""
    if isinstance(event, dict) and "detail-type" in event:
        return {key: event.get(key) for key in ("source", "detail-type", "detail")}
    if isinstance(event, dict) and event.get("Type") == "Notification" and "TopicArn" in event:
        return {key: event[key] for key in ("TopicArn", "Subject", "Message", "MessageAttributes") if key in event}
    return event


def named(world: World, stack: Stack) -> World:
    """Physical names replaced by logical ones, for they differ from run to run."""
    names = {value: f"<{name}>" for name, value in stack.resources.items() if len(value) > 5}
    renamed: World = {}
    for place, records in world.items():
        text = json.dumps(records)
        for physical in sorted(names, key=len, reverse=True):
            text = text.replace(json.dumps(physical)[1:-1], names[physical])
        renamed[place] = json.loads(text.replace(stack.name, "<stack>"))
    return renamed
