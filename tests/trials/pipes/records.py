"""Put what fits a pipe where it takes from, and take it again as the pipe gets it."""

import base64
import json
from typing import Any

from trials.deliveries.records import message_record
from trials.local_aws import ACCOUNT, REGION
from trials.moment import SECONDS
from trials.pipes.transformed import paths
from trials.project import Source
from trials.samples.derive import put_all
from trials.samples.made import ID
from trials.samples.pattern import fill
from trials.samples.reads import Steps
from trials.stage import Stage
from trials.template import as_dict
from trials.world import PLACES

TYPED: dict[str, Any] = {"N": "1", "BOOL": True, "NULL": True}  # values of DynamoDB that are no text


def wanted(settings: dict[str, Any]) -> dict[str, Any]:
    """The least record that the first filter lets through and that holds what is read of it."""
    filters = as_dict(settings.get("filters"))
    record = fill(json.loads(filters["0"])) if filters else {}
    read = sorted(paths(settings))
    known: dict[Steps, Any] = {steps: TYPED[steps[-1]] for steps in read if steps[-1] in TYPED}
    return as_dict(put_all(record, read, known))


def of_queue(stage: Stage, source: Source, record: dict[str, Any]) -> dict[str, Any]:
    sqs, url = stage.local.client("sqs"), stage.stack.resources[source.origin]
    attributes = {
        name: {"DataType": "String", "StringValue": str(as_dict(value).get("stringValue", ID))}
        for name, value in as_dict(record.get("messageAttributes")).items()
    }
    fifo = {"MessageGroupId": "trial", "MessageDeduplicationId": "trial"} if url.endswith(".fifo") else {}
    sqs.send_message(QueueUrl=url, MessageBody=content(record, "body"), MessageAttributes=attributes, **fifo)
    received = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], MessageAttributeNames=["All"])
    (message,) = received["Messages"]
    return message_record(message, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', 1)[-1]}")


def of_stream(stage: Stage, source: Source, record: dict[str, Any]) -> dict[str, Any]:
    kinesis, name = stage.local.client("kinesis"), stage.stack.resources[source.origin]
    key = str(record.get("partitionKey", ID))
    put = kinesis.put_record(StreamName=name, Data=content(record, "data").encode(), PartitionKey=key)
    start = {"ShardId": put["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = kinesis.get_shard_iterator(StreamName=name, **start)["ShardIterator"]
    *_, taken = kinesis.get_records(ShardIterator=iterator)["Records"]
    return {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": taken["PartitionKey"],
        "sequenceNumber": taken["SequenceNumber"],
        "data": base64.b64encode(taken["Data"]).decode(),
        "approximateArrivalTimestamp": SECONDS + 0.123,
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{put['ShardId']}:{taken['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/trial",
        "awsRegion": REGION,
        "eventSourceARN": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}",
    }


def content(record: dict[str, Any], field: str) -> str:
    """The body of a message, or the data of a record."""
    value = record.get(field, {"id": ID})
    return value if isinstance(value, str) else json.dumps(value)


def of_table(stage: Stage, source: Source, record: dict[str, Any]) -> dict[str, Any]:
    """The change of an item that a record tells of, done, and as the table's stream then tells of it."""
    name, told = stage.stack.resources[source.origin], as_dict(record.get("dynamodb"))
    keys = {key: {kind: "1" if kind == "N" else ID} for key, kind in stage.keys()[source.origin].items()}
    keys |= {key: each for key, each in as_dict(told.get("Keys")).items() if key in keys}
    before, after = as_dict(told.get("OldImage")), as_dict(told.get("NewImage"))
    own = {key: each for key, each in {**before, **after}.items() if key in keys}
    dynamodb, change = stage.local.client("dynamodb"), str(record.get("eventName", "INSERT"))
    if change in ("MODIFY", "REMOVE") or before:
        dynamodb.put_item(TableName=name, Item={**before, **keys, **own})
    if change == "REMOVE":
        dynamodb.delete_item(TableName=name, Key={**keys, **{key: own[key] for key in own}})
    else:
        more = {"changed": {"S": ID}} if change == "MODIFY" or before else {}
        dynamodb.put_item(TableName=name, Item={**more, **after, **keys, **own})
    return last_change(stage, name)


def last_change(stage: Stage, table: str) -> dict[str, Any]:
    streams = stage.local.client("dynamodbstreams")
    arn = stage.local.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
    (shard, *_) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    start = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(StreamArn=arn, **start)["ShardIterator"]
    *_, taken = streams.get_records(ShardIterator=iterator)["Records"]
    whole: dict[str, Any] = json.loads(json.dumps(taken, default=str))
    return {**whole, "eventSourceARN": arn}


TAKERS = {"queue": of_queue, "stream": of_stream, "table": of_table}


def taken(stage: Stage, source: Source, settings: dict[str, Any]) -> dict[str, Any]:
    """A record that fits, as the pipe gets it from its source."""
    place = PLACES[stage.stack.types[source.origin]]
    return TAKERS[place](stage, source, wanted(settings))
