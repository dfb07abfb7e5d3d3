"""Parcels: events on their way to a function, delivered again until they are done or given up."""

import hashlib
import json
import math
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus
from uuid import uuid4

from trials.deliveries.history import Answer
from trials.deliveries.records import (
    content_of,
    kinesis_record,
    message_record,
    notification,
    sequence_number,
    table_record,
)
from trials.local_aws import ACCOUNT, REGION
from trials.local_aws.clock import now
from trials.project.sources import Kind, Source
from trials.samples.sample import Sample
from trials.samples.signing import sent
from trials.template import as_dict

if TYPE_CHECKING:
    from trials.stage import Stage

FOREIGN = "trial"  # the bucket that stands in for another stack's
PATIENCE = 12  # deliveries of one message whose retries have no end, or more of them than can be waited for
MOST_RECEIVES = 40  # of a redrive policy that is followed to its end


class Parcel:
    """One asynchronous event: delivered as a whole, `attempts` times at most. Nobody reads what is returned."""

    stuck = ""  # why something would never leave its source
    discarded = 0  # records that were given up

    def __init__(self, event: Any, attempts: int = 3) -> None:
        self._event, self._left, self._done = event, attempts, False

    def event(self) -> Any:
        """What is delivered next, or None when nothing is left."""
        return None if self._done or not self._left else self._event

    def failed(self, answer: Answer) -> list[str]:
        return ["all"] if answer.error else []

    def settle(self, failed: list[str], error: bool) -> None:  # noqa: ARG002
        """Take note of what a delivery left undone; `error` says that the function raised."""
        self._left -= 1
        self._done = not failed
        self.discarded = int(bool(failed) and not self._left)


class Request(Parcel):
    """One request: its client reads the status, and asks again after a 5xx."""

    def failed(self, answer: Answer) -> list[str]:
        return ["all"] if answer.error or answer.status >= 500 else []


class Unheard(Parcel):
    """A message to a WebSocket whose client gets no status: it learns of an error only, and nobody of its own end's."""

    def __init__(self, event: Any, path: str) -> None:
        super().__init__(event, 1 if path == "$disconnect" else 3)


class Messages(Parcel):
    """Messages in the real queue. Its visibility timeout is skipped, its redrive policy is not.

    A standard queue goes on with its other messages before one comes again that failed; a FIFO queue waits for that.
    What a function sends to its own queue anew, unchanged and with nothing that counts, it will send without end.
    """

    def __init__(self, stage: "Stage", source: Source, samples: list[Sample]) -> None:
        self._sqs, self._batching = stage.local.client("sqs"), source.batching
        self._url = stage.stack.resources[source.origin]
        names = {"AttributeNames": ["QueueArn", "RedrivePolicy"]}
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, **names)["Attributes"]
        self._arn = attributes["QueueArn"]
        redrive = json.loads(attributes.get("RedrivePolicy", "{}"))
        self._receives = int(redrive.get("maxReceiveCount", 0))  # 0 for a queue without a dead-letter queue
        self._fifo = self._url.endswith(".fifo")
        self._rounds, self._sent, self._seen = 0, list[str](), set[str]()
        self._messages: list[Any] = []
        self._failed: list[dict[str, str]] = []  # the receipts of those that come again when nothing else is there
        for sample in samples:
            self._send(sample)

    def _send(self, sample: Sample) -> None:
        text = sample.payload if isinstance(sample.payload, str) else json.dumps(sample.payload)
        once = str(uuid4())  # whatever is sent, also a message that is sent again, shall arrive
        more = {"MessageGroupId": "trial", "MessageDeduplicationId": once} if self._fifo else {}
        self._sent.append(text)
        self._sqs.send_message(QueueUrl=self._url, MessageBody=text, MessageAttributes=sample.attributes, **more)

    @property
    def _size(self) -> int:
        return max(1, min(10, self._batching.size))

    @property
    def _most(self) -> int:
        """How many receives are waited for of each batch that the messages make at first."""
        if not self._receives:
            return 4
        return self._receives + 2 if self._receives <= MOST_RECEIVES else PATIENCE

    def event(self) -> Any:
        self._rounds += 1
        if self._rounds > self._most * math.ceil(len(self._sent) / self._size):
            self._show_again()
            self.stuck = self._why()
            return None
        self._messages = self._receive()
        same = [each for each in self._messages if each["Body"] in self._sent and not each.get("MessageAttributes")]
        self._seen |= {each["MessageId"] for each in same}
        return {"Records": [message_record(each, self._arn) for each in self._messages]} if self._messages else None

    def _why(self) -> str:
        if len(self._seen) >= len(self._sent) + self._most // 2:
            return "it is sent anew each time, as a message that was never received"
        if self._receives > MOST_RECEIVES:
            return ""
        return "" if self._receives else "it has no dead-letter queue: it comes back until it expires"

    def _receive(self) -> list[Any]:
        asked = {"QueueUrl": self._url, "MaxNumberOfMessages": self._size, "WaitTimeSeconds": 0}
        received = self._sqs.receive_message(**asked, AttributeNames=["All"], MessageAttributeNames=["All"])
        messages = received.get("Messages", [])
        assert isinstance(messages, list)
        return messages if messages or not self._show_again() else self._receive()

    def _show_again(self) -> bool:
        """Let what failed be received again; whether there was anything."""
        failed, self._failed = self._failed, []
        for handle in failed:
            with suppress(self._sqs.exceptions.ClientError):
                self._sqs.change_message_visibility(**handle, VisibilityTimeout=0)
        return bool(failed)

    def failed(self, answer: Answer) -> list[str]:
        return reported(answer, self._batching.reports_failures, [each["MessageId"] for each in self._messages])

    def settle(self, failed: list[str], error: bool) -> None:  # noqa: ARG002
        for message in self._messages:
            handle = {"QueueUrl": self._url, "ReceiptHandle": message["ReceiptHandle"]}
            if message["MessageId"] in failed:
                self._failed.append(handle)
                continue
            with suppress(self._sqs.exceptions.ClientError):  # the function may have returned or deleted it itself
                self._sqs.delete_message(**handle)
        if self._fifo:
            self._show_again()


class Records(Parcel):
    """Records of one shard, by Lambda's rules for its batches."""

    def __init__(self, stage: "Stage", source: Source, samples: list[Sample]) -> None:
        self._batching = source.batching
        arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{stage.stack.resources.get(source.origin, 'trial')}"
        if source.kind is Kind.TABLE and source.origin not in stage.stack.resources:
            arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/trial/stream/2026-11-23T08:00:00.000"
        elif source.kind is Kind.TABLE:
            table = stage.local.client("dynamodb").describe_table(TableName=stage.stack.resources[source.origin])
            arn = table["Table"].get("LatestStreamArn", arn)
        make = kinesis_record if source.kind is Kind.STREAM else table_record
        records = [make(sample.payload, number, arn) for number, sample in enumerate(samples, start=1)]
        retries = self._batching.retries
        self._for_ever = retries == -1
        self._todo = [(records, 3 if self._for_ever else min(retries, PATIENCE))]

    def event(self) -> Any:
        return {"Records": self._todo[0][0]} if self._todo else None

    def failed(self, answer: Answer) -> list[str]:
        numbers = [sequence_number(each) for each in self._todo[0][0]]
        return reported(answer, self._batching.reports_failures, numbers)

    def settle(self, failed: list[str], error: bool) -> None:
        """An error halves the batch, if the mapping says so; a reported number is where the next one begins."""
        records, left = self._todo.pop(0)
        if not failed:
            return
        numbers = [sequence_number(each) for each in records]
        first = 0 if error else min(numbers.index(each) for each in failed)
        rest = records[first:]
        if self._batching.halves and len(rest) > 1 and first == 0:
            middle = len(rest) // 2
            self._todo[:0] = [(rest[:middle], left), (rest[middle:], left)]
        elif first or left:
            self._todo.insert(0, (rest, left if first else left - 1))
        elif self._for_ever:
            self.stuck = "its retries have no limit: the shard stands still until the records expire"
            self._todo.clear()
        else:
            self.discarded += len(rest)


def reported(answer: Answer, read: bool, ids: list[str]) -> list[str]:
    """The records that an answer leaves undone: all after an error, those it names if the mapping reads them."""
    if answer.error:
        return ids
    if not read or not isinstance(answer.body, dict):
        return []
    failures = answer.body.get("batchItemFailures") or []
    named = [str(each.get("itemIdentifier")) for each in failures if isinstance(each, dict)]
    return ids if any(each not in ids for each in named) else named


def placed(stage: "Stage", source: Source, event: Any) -> Any:
    """The notification of an object that now lies in the stack's bucket, which the sample names by its logical id."""
    bucket = stage.stack.resources.get(source.origin, FOREIGN)
    event = deepcopy(event)
    for record in event.get("Records", []):
        entity = record.get("s3", {}).get("object", {})
        record.get("s3", {})["bucket"] = {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}
        gone = str(record.get("eventName", "")).startswith("ObjectRemoved")
        if "key" in entity and not gone:
            key = unquote_plus(entity["key"])
            if bucket == FOREIGN:
                let_it_be(stage, bucket)
            lay(stage, bucket, key)
    return event


def let_it_be(stage: "Stage", bucket: str) -> None:
    s3 = stage.local.client("s3")
    if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)


def settled(stage: "Stage", value: Any) -> Any:
    """A payload in which each notification of S3, however deep, names the stack's bucket, where its object now lies."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        with suppress(ValueError):
            inner = json.loads(value)
            better = settled(stage, inner)
            return value if better == inner else json.dumps(better)
    if isinstance(value, list):
        return [settled(stage, each) for each in value]
    if not isinstance(value, dict):
        return value
    bucket, entity = as_dict(value.get("bucket")), value.get("object")
    name = bucket.get("name")
    physical = bucket_of(stage, name) if isinstance(entity, dict) and isinstance(name, str) else ""
    if isinstance(entity, dict) and physical:
        key = str(entity.get("key", "trial"))
        key = unquote_plus(key) if "s3SchemaVersion" in value else key
        lay(stage, physical, key)
        laid = content_of(key, stage.ending)
        etag = hashlib.md5(laid, usedforsecurity=False).hexdigest()  # whoever asks for it alone finds it
        told = {name: etag for name in ("etag", "eTag") if name in entity}
        return {**value, "bucket": {**bucket, "name": physical}, "object": {**entity, **told}}
    return {key: settled(stage, inner) for key, inner in value.items()}


def lay(stage: "Stage", bucket: str, key: str) -> None:
    """Put an object where it lies, unless it does: its bucket would tell of it again."""
    s3 = stage.local.client("s3")
    there = s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
    if all(each["Key"] != key for each in there):
        s3.put_object(Bucket=bucket, Key=key, Body=content_of(key, stage.ending))


def bucket_of(stage: "Stage", name: str) -> str:
    """The stack's bucket that a name means: its logical id, or a parameter that holds its name; empty for another."""
    buckets = {
        bucket: stage.stack.resources[bucket] for bucket, kind in stage.stack.types.items() if kind == "AWS::S3::Bucket"
    }
    value = stage.project.values().get(name, name)
    return buckets.get(name, value if value in buckets.values() else "")


def lay_objects(stage: "Stage", source: Source, sample: Sample) -> None:
    """Put the object that a sample tells of where it lies: that it lies there is no effect of the delivery."""
    if source.kind is Kind.BUCKET:
        placed(stage, source, sample.payload)
    else:
        settled(stage, sample.payload)


def parcel(stage: "Stage", source: Source, samples: list[Sample]) -> Parcel:
    if source.kind in (Kind.QUEUE, Kind.TOPIC, Kind.BUS):
        samples = [replace(each, payload=settled(stage, each.payload)) for each in samples]
    first, attempts = samples[0], 1 if source.durable else 3
    if source.kind is Kind.QUEUE:
        return Messages(stage, source, samples)
    if source.kind in (Kind.STREAM, Kind.TABLE):
        return Records(stage, source, samples)
    if source.kind is Kind.TOPIC:
        topic = stage.stack.resources.get(source.origin, "")
        return Parcel(notification(first.payload, topic, first.attributes), attempts)
    if source.kind is Kind.TASK:
        return Parcel(first.payload, min(source.attempts, 3))
    if source.kind is Kind.BUCKET:
        return Parcel(placed(stage, source, first.payload), attempts)
    if source.route and source.route.unheard:
        return Unheard(first.payload, source.route.path)
    if source.kind is Kind.HTTP:
        return Request(sent(first, now(stage.local.clock)))
    return Parcel(first.payload, attempts)
