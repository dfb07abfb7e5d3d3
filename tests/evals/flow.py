"""What the functions of an answer set off, carried on: queues, streams, objects, events and asynchronous calls.

The local AWS delivers to queues and topics by itself; here their consumers are called in this process, by Lambda's
rules: a failed delivery comes three times, or as often as its queue says, then it is given up to where that says.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from evals.events import attributes, happened, object_created, passes, read
from evals.harness import reported
from evals.iam import resolved
from evals.system import System, last
from trials.deliveries.records import message_record, notification, sequence_number, table_record
from trials.local_aws import ACCOUNT, REGION
from trials.template import as_dict, listed

TRIES = 3
STORED = ("PutObject", "CopyObject", "CompleteMultipartUpload")


@dataclass
class Waiting:
    """An event for a function that was called asynchronously."""

    function: str
    event: Any
    tries: int = 0


@dataclass
class Batch:
    """Records of a stream for a function, of which none comes before the one in front of it is done."""

    function: str
    records: list[dict[str, Any]]
    mapping: dict[str, Any]
    tries: int = 0


class Flow:
    """Context manager in which asynchronous calls are caught; `settle` delivers all that waits.

    `given_up` holds what failed each time, by function, `stored` the bucket and key of every object that was written.
    With `twice`, whatever is delivered comes again.
    """

    def __init__(self, system: System, twice: bool = False) -> None:
        self.system = system
        self.twice = twice
        self.given_up: list[tuple[str, Any]] = []
        self.stored: list[tuple[str, str]] = []
        self._waiting: list[Waiting] = []
        self._tries: dict[str, int] = {}
        self._read: set[str] = set()
        self._owed = 0  # messages of S3 to queues, which the local AWS sends a moment later
        self._batches: dict[str, Batch] = {}
        self._to_the_end = self._came = False

    def __enter__(self) -> "Flow":
        original = BaseClient._make_api_call  # type: ignore[attr-defined]

        def caught(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            name = str(parameters.get("FunctionName", "")).split(":function:")[-1].split(":")[0]
            if operation == "Invoke" and name in self.system.functions:
                payload = parameters.get("Payload", b"{}")
                self._waiting.append(Waiting(name, json.loads(payload)))
                return {"StatusCode": 202}
            answer = original(client, operation, parameters)
            self._follow(operation, parameters)
            return answer

        self._patch = patch.object(BaseClient, "_make_api_call", caught)
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.stop()

    def upload(self, bucket: str, key: str, body: bytes) -> None:
        self.system.aws.client("s3").put_object(Bucket=self.system.id(bucket), Key=key, Body=body)

    def deliver(self, arn: str, payload: str) -> None:
        """Hands text, which is JSON for a function, to the function or the queue of an ARN."""
        name = last(arn)
        if name in self.system.functions:
            self._waiting.append(Waiting(name, json.loads(payload)))
            return
        sqs = self.system.aws.client("sqs")
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], MessageBody=payload)

    def received(self, queue: str, *bodies: str) -> dict[str, Any]:
        """Up to ten messages, sent to a queue and received from it, as its consumer gets them."""
        sqs, url = self.system.aws.client("sqs"), self.system.id(queue)
        for place, body in enumerate(bodies):
            fifo = {"MessageGroupId": "g", "MessageDeduplicationId": f"{place} {hash(body)}"}
            is_fifo = self.system.properties(queue).get("FifoQueue")
            sqs.send_message(QueueUrl=url, MessageBody=body, **(fifo if is_fifo else {}))
        return {"Records": self._receive(url, len(bodies))}

    def _receive(self, url: str, most: int) -> list[dict[str, Any]]:
        messages = self.system.aws.client("sqs").receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(most, 10),
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
            VisibilityTimeout=300,
            WaitTimeSeconds=2 if self._owed > 0 else 0,
        )
        self._owed -= sum("ObjectCreated" in one["Body"] for one in messages.get("Messages", []))
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', 1)[-1]}"
        return [message_record(one, arn) for one in messages.get("Messages", [])]

    def settle(self, rounds: int = 12, to_the_end: bool = False) -> bool:
        """Delivers until nothing waits any more; whether that came about.

        A message that fails is left after three times, unless it is followed `to_the_end`, its dead-letter queue.
        """
        self._to_the_end = to_the_end
        for _ in range(rounds):
            self._came = False
            self._call_waiting()
            self._drain_queues()
            self._read_tables()
            if not self._came:
                return True
        return False

    def records(self, function: str, records: list[dict[str, Any]], mapping: dict[str, Any]) -> None:
        """Hands records of a stream to a function, as a mapping with these properties does, until none is left."""
        batch = Batch(function, records, mapping)
        while batch.records:
            self._try(batch)

    def _try(self, batch: Batch) -> None:
        """Delivers a batch of a stream once; what comes again stays in it."""
        whole = False
        try:
            failures = reported(self.system.call(batch.function, {"Records": batch.records}))
        except Exception:
            whole = True
        else:
            if not failures or "ReportBatchItemFailures" not in listed(batch.mapping.get("FunctionResponseTypes", [])):
                batch.records = []
                return
        numbers = [sequence_number(record) for record in batch.records]
        first = 0 if whole else min((place for place, one in enumerate(numbers) if one in failures), default=0)
        batch.records, batch.tries = batch.records[first:], 1 if first else batch.tries + 1
        if batch.tries < TRIES:
            return
        if len(batch.records) > 1 and batch.mapping.get("BisectBatchOnFunctionError"):
            middle = len(batch.records) // 2
            for half in (batch.records[:middle], batch.records[middle:]):
                self.records(batch.function, half, batch.mapping)
        else:
            self.given_up.append((batch.function, batch.records))
        batch.records = []

    # ---- what functions did

    def _follow(self, operation: str, parameters: dict[str, Any]) -> None:
        if operation in STORED:
            self.stored.append((parameters["Bucket"], parameters["Key"]))
            self._owed += self._queued(parameters["Bucket"], parameters["Key"])
            self._waiting += [Waiting(*one) for one in self._of_object(parameters["Bucket"], parameters["Key"])]
        for entry in parameters.get("Entries", []) if operation == "PutEvents" else []:
            bus = str(entry.get("EventBusName", "default")).rsplit("/", 1)[-1]
            event = happened(entry["Source"], entry["DetailType"], json.loads(entry["Detail"]))
            self._waiting += [Waiting(name, event) for name in self._by_rules(bus, event)]
        for entry in {"Publish": [parameters], "PublishBatch": parameters.get("PublishBatchRequestEntries", [])}.get(
            operation, []
        ):
            topic = str(parameters.get("TopicArn"))
            event = notification(entry["Message"], topic, attributes(entry.get("MessageAttributes", {})))
            self._waiting += [Waiting(name, event) for name in self._subscribed(topic)]

    def _name(self, physical: str) -> str:
        """The logical id of what is deployed under an id."""
        return next((name for name, one in self.system.stack.resources.items() if one == physical), "")

    def _of_object(self, physical: str, key: str) -> Iterator[tuple[str, Any]]:
        """Functions that a bucket calls for a new object without a queue between, and with what."""
        bucket, model = self._name(physical), self.system.model
        if not bucket:
            return
        notified = as_dict(self.system.properties(bucket).get("NotificationConfiguration"))
        configured = [
            (model.function(one.get("Function")), one.get("Event"), one.get("Filter"))
            for one in notified.get("LambdaConfigurations", [])
        ]
        configured += [
            (one.owner.name, one.body.get("Events"), one.body.get("Filter"))
            for one in model.events
            if one.kind == "S3" and model.resource(one.body.get("Bucket")) is model.resources[bucket]
        ]
        event = object_created(physical, key)
        for function, kinds, filtered in configured:
            if function and any("ObjectCreated" in str(kind) for kind in listed(kinds)) and passes(filtered, key):
                yield function, event
        for one in notified.get("TopicConfigurations", []):
            topic = model.resource(one.get("Topic"))
            if topic and passes(one.get("Filter"), key):
                arn = self.system.id(topic.name)
                yield from ((name, notification(event, arn)) for name in self._subscribed(arn))
        if "EventBridgeConfiguration" in notified:
            detail = {"version": "0", "bucket": {"name": physical}, "object": {"key": key, "size": 1, "etag": "e"}}
            told = happened("aws.s3", "Object Created", detail | {"reason": "PutObject"})
            yield from ((name, told) for name in self._by_rules("default", told))

    def _queued(self, physical: str, key: str) -> int:
        """How many queues with a consumer a bucket tells of a new object, directly or by a topic."""
        model, bucket = self.system.model, self._name(physical)
        notified = as_dict(self.system.properties(bucket).get("NotificationConfiguration")) if bucket else {}
        queues = [model.resource(one.get("Queue")) for one in told_of(notified, "QueueConfigurations", key)]
        topics = [model.resource(one.get("Topic")) for one in told_of(notified, "TopicConfigurations", key)]
        queues += [one.endpoint for one in model.subscriptions if one.topic and one.topic in topics]
        consumed = {queue for queue, _, _ in self.system.consumers("SQS")}
        return sum(queue is not None and queue.name in consumed for queue in queues)

    def _subscribed(self, topic: str) -> list[str]:
        name = self._name(topic)
        return [
            one.endpoint.name
            for one in self.system.model.subscriptions
            if one.topic and one.topic.name == name and one.endpoint and one.endpoint.is_function
        ]

    def _by_rules(self, bus: str, event: dict[str, Any]) -> list[str]:
        """Functions that are targets of rules which an event matches."""
        model, names = self.system.model, []
        for target in model.targets:
            if target.kind == "rule" and target.destination and target.destination.is_function:
                rule = target.event.body if target.event else self.system.properties(target.source)
                pattern = rule.get("Pattern") or rule.get("EventPattern")
                own = self._physical(rule.get("EventBusName", "default"))
                if pattern and str(own).rsplit("/", 1)[-1] == bus and self._matches(pattern, event):
                    names.append(target.destination.name)
        return names

    def _physical(self, value: Any) -> Any:
        """A piece of a template, its references to what is deployed replaced by the ids."""
        if isinstance(value, list):
            return [self._physical(one) for one in value]
        if isinstance(value, dict) and list(value) == ["Ref"]:
            return self.system.stack.resources.get(value["Ref"], value["Ref"])
        if isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith("Fn::"):
            return resolved(self.system.template, value)
        return {key: self._physical(one) for key, one in value.items()} if isinstance(value, dict) else value

    def _matches(self, pattern: Any, event: dict[str, Any]) -> bool:
        asked = {"EventPattern": json.dumps(self._physical(pattern)), "Event": json.dumps(event)}
        return bool(self.system.aws.client("events").test_event_pattern(**asked)["Result"])

    def _filtered(self, mapping: dict[str, Any], record: dict[str, Any]) -> bool:
        """Whether a mapping's filter lets a record through; its body is read as JSON."""
        filters = as_dict(mapping.get("FilterCriteria")).get("Filters", [])
        if "body" in record:
            try:
                record = record | {"body": json.loads(record["body"])}
            except ValueError:
                return not filters
        told = happened("trial", "trial", record)
        patterns = [{"detail": json.loads(one["Pattern"])} for one in filters]
        return not patterns or any(self._matches(pattern, told) for pattern in patterns)

    # ---- what waits

    def _call_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            self._came = True
            try:
                for _ in range(1 + self.twice):
                    self.system.call(one.function, one.event)
            except Exception:
                one.tries += 1
                if one.tries >= TRIES:
                    self.given_up.append((one.function, one.event))
                    self._on_failure(one)
                else:
                    self._waiting.append(one)

    def _on_failure(self, failed: Waiting) -> None:
        """Hands over what Lambda gave up to the queue, topic or function that is named for it."""
        config = as_dict(self.system.properties(failed.function).get("EventInvokeConfig"))
        destination = self.system.model.resource(
            as_dict(as_dict(config.get("DestinationConfig")).get("OnFailure")).get("Destination")
        )
        told = {"requestPayload": failed.event, "requestContext": {"condition": "RetriesExhausted"}}
        if destination and destination.is_function:
            self._waiting.append(Waiting(destination.name, told))
        elif destination and destination.type == "AWS::SQS::Queue":
            sqs = self.system.aws.client("sqs")
            sqs.send_message(QueueUrl=self.system.id(destination.name), MessageBody=json.dumps(told))

    def _drain_queues(self) -> None:
        sqs = self.system.aws.client("sqs")
        for queue, function, mapping in self.system.consumers("SQS"):
            url, most = self.system.id(queue), int(mapping.get("BatchSize", 10))
            batch = self._receive(url, most)
            passed = [one for one in batch if self._filtered(mapping, one)]
            self._came |= bool(batch)
            failures = self._of_batch(function, mapping, passed) if passed else []
            if self.twice and passed and not failures:
                failures = self._of_batch(function, mapping, passed)
            for record in batch:
                name, handle = record["messageId"], record["receiptHandle"]
                if name not in failures:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
                    continue
                self._tries[name] = self._tries.get(name, 0) + 1
                if self._to_the_end or self._tries[name] < TRIES:  # the local AWS redrives it by itself
                    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
                else:
                    self.given_up.append((function, record))

    def _of_batch(self, function: str, mapping: dict[str, Any], batch: list[dict[str, Any]]) -> list[str]:
        everything = [one["messageId"] for one in batch]
        try:
            answer = self.system.call(function, {"Records": batch})
        except Exception:
            return everything
        if "ReportBatchItemFailures" not in listed(mapping.get("FunctionResponseTypes", [])):
            return []
        failures = reported(answer)
        return failures if set(failures) <= set(everything) else everything

    def _read_tables(self) -> None:
        streams = self.system.aws.client("dynamodbstreams")
        for source, function, mapping in self.system.consumers("DynamoDB"):
            table = self.system.id(source)
            arn = self.system.aws.client("dynamodb").describe_table(TableName=table)["Table"].get("LatestStreamArn")
            new = []
            for record in read(streams, arn) if arn else []:
                seen = f"{function} {record['eventID']}"
                if seen not in self._read:
                    self._read.add(seen)
                    new.append(record)
            first = len(self._read) - len(new) + 1  # a number that no record had before
            made = [table_record(one, place, arn) | {"eventID": one["eventID"]} for place, one in enumerate(new, first)]
            passed = [one for one in made if self._filtered(mapping, one)]
            batch = self._batches.setdefault(function, Batch(function, [], mapping))
            batch.records += passed
            if batch.records:
                self._came = True
                self._try(batch)
                if self.twice and passed and not batch.records:
                    self.records(function, passed, mapping)


def told_of(notified: dict[str, Any], kind: str, key: str) -> list[dict[str, Any]]:
    """The configurations of a kind that let a new object's notification through."""
    configured: list[dict[str, Any]] = notified.get(kind, [])
    return [one for one in configured if "ObjectCreated" in str(one.get("Event")) and passes(one.get("Filter"), key)]
