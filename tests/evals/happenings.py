"""What happens to an answer: requests by route, one that overtakes another, time that passes, records of streams."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import time_machine
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError, ReadTimeoutError

from evals.harness import Missing, intercepted
from evals.system import System, request
from support.handlers import sqs_event
from trials.template.tables import lifetimes

T = TypeVar("T")
U = TypeVar("U")
WRITES = (
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "TransactWriteItems",
    "BatchWriteItem",
    "ExecuteStatement",
    "PutObject",
)
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@contextmanager
def at(when: datetime = START, **later: float) -> Iterator[datetime]:
    """The clock of the answer stands there; `later` are arguments of `timedelta`."""
    with time_machine.travel(when + timedelta(**later), tick=False):
        yield when + timedelta(**later)


def routes(system: System) -> Iterator[tuple[str, str, str, str]]:
    """Method, path, function and kind of each route that SAM's events declare."""
    for event in system.model.events:
        if event.kind in ("HttpApi", "Api"):
            yield str(event.only("Method")).upper(), str(event.only("Path")), event.owner.name, event.kind


def ask(
    system: System, method: str, path: str, body: Any = None, claims: dict[str, str] | None = None, **more: Any
) -> tuple[int, Any]:
    """The status and the body of an answer, JSON if it is; what a function raises is a 500. Raises `Missing`."""
    with asking(system, method, path) as answer:
        return answer(path, body, claims, **more)


Answer = Callable[..., tuple[int, Any]]


@contextmanager
def asking(system: System, method: str, path: str) -> Iterator[Answer]:
    """One environment of the function behind a route: a callable that takes path, body and claims again and again."""
    function, resource, kind = routed(system, method, path)
    with system.running(function) as run:

        def answer(path: str, body: Any = None, claims: dict[str, str] | None = None, **more: Any) -> tuple[int, Any]:
            try:
                return told(run(http_event(method, path, resource, kind, body, claims, **more)))
            except Exception as error:  # the answer's own: API Gateway makes a 500 of it
                return 500, repr(error)

        yield answer


def routed(system: System, method: str, path: str) -> tuple[str, str, str]:
    """The function, the path as it is declared and the kind of a route; a path without parameters comes first."""
    for verb, resource, function, kind in sorted(routes(system), key=lambda one: one[1].count("{")):
        if verb in (method, "ANY") and re.fullmatch(pattern(resource), path):
            return function, resource, kind
    raise Missing(f"no function of the template answers {method} {path}")


def pattern(resource: str) -> str:
    return re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", resource))


def http_event(
    method: str, path: str, resource: str, kind: str, body: Any, claims: dict[str, str] | None, **more: Any
) -> dict[str, Any]:
    """As HTTP APIs (payload 2.0) and REST APIs hand it over."""
    event = request(method, path, body, **more)
    parameters = re.fullmatch(pattern(resource), path)
    event["pathParameters"] = parameters.groupdict() if parameters else {}
    authorizer: dict[str, Any] = {"jwt": {"claims": claims or {}, "scopes": None}}
    if kind == "Api":
        authorizer = {"claims": claims or {}}
        event |= {"version": "1.0", "httpMethod": method, "path": path, "resource": resource}
        event.setdefault("queryStringParameters", None)
        event.setdefault("body", None)
    event["routeKey"] = f"{method} {resource}"
    if claims is not None:
        event["requestContext"]["authorizer"] = authorizer
    return event


def told(answer: Any) -> tuple[int, Any]:
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return 200, answer
    try:
        return int(answer["statusCode"]), json.loads(answer.get("body") or "null")
    except ValueError:
        return int(answer["statusCode"]), answer["body"]


def overtaken(first: Callable[[], T], second: Callable[[], U], call: int) -> tuple[T, U] | None:
    """What both return if `second` runs whole before an AWS call of `first`; None if it makes no call of this number.

    Calls are counted from 0.
    """
    calls, answers, inside = 0, list[U](), False

    def counted(*asked: Any) -> Any:
        nonlocal calls, inside
        if not inside:
            if calls == call:
                inside = True
                answers.append(second())
                inside = False
            calls += 1
        return asked[2]()

    with intercepted(counted):
        answer = first()
    return (answer, answers[0]) if answers else None


class Killed(BaseException):
    """The environment of an answer is gone: no `except Exception` goes on after this."""


def killed(run: Callable[[], Any], call: int) -> bool:
    """Whether the environment was killed right before its AWS call of this number, counted from 0."""
    calls = 0

    def counted(*asked: Any) -> Any:
        nonlocal calls
        if calls >= call:
            raise Killed
        calls += 1
        return asked[2]()

    with intercepted(counted):
        try:
            run()
        except Killed:
            return True
    return False


@contextmanager
def behind(system: System) -> Iterator[None]:
    """Reads of single items that do not ask for consistency see each item as it was before the last write to it."""
    client = system.aws.client("dynamodb")
    old: dict[str, dict[str, Any]] = {}  # by table and key
    asked: list[str] = []  # the answer's own call

    def read(table: str, key: dict[str, Any]) -> dict[str, Any]:
        return dict(client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {}))

    def replace(table: str, key: dict[str, Any], item: dict[str, Any]) -> None:
        if item:
            client.put_item(TableName=table, Item=item)
        else:
            client.delete_item(TableName=table, Key=key)

    def answer(operation: str, parameters: dict[str, Any], really: Callable[[], Any]) -> Any:
        if operation == "GetItem" and not parameters.get("ConsistentRead"):
            table, key = parameters["TableName"], as_typed(parameters["Key"])
            now = read(table, key)
            replace(table, key, old.get(named(table, key), now))
            try:
                return really()
            finally:
                replace(table, key, now)
        touched = {named(table, key): (table, key) for table, key in written(system, operation, parameters)}
        before = {name: read(*place) for name, place in touched.items()}
        result = really()
        old.update({name: item for name, item in before.items() if read(*touched[name]) != item})
        return result

    def outermost(operation: str, parameters: dict[str, Any], really: Callable[[], Any]) -> Any:
        if asked:
            return really()
        asked.append(operation)
        try:
            return answer(operation, parameters, really)
        finally:
            asked.clear()

    with intercepted(outermost):
        yield


def named(table: str, key: dict[str, Any]) -> str:
    return f"{table} {sorted(key.items())}"


def written(system: System, operation: str, parameters: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Table and key of each item that a call may change."""
    if operation == "TransactWriteItems":
        for action in parameters["TransactItems"]:
            for kind, of_one in action.items():
                yield from written(system, f"{kind}Item", of_one)
    elif operation == "BatchWriteItem":
        for table, entries in parameters["RequestItems"].items():
            for entry in entries:
                for kind, of_one in entry.items():
                    yield from written(system, kind.replace("Request", "Item"), of_one | {"TableName": table})
    elif operation in ("PutItem", "UpdateItem", "DeleteItem"):
        physical, whole = parameters["TableName"], parameters.get("Key") or parameters["Item"]
        for name, own in system.stack.resources.items():
            if own == physical:
                keys = [key["AttributeName"] for key in system.properties(name)["KeySchema"]]
                yield physical, as_typed({key: whole[key] for key in keys})


def as_typed(key: dict[str, Any]) -> dict[str, Any]:
    """A key in DynamoDB's types, whether a client was given it or a resource."""
    return {
        name: value if isinstance(value, dict) else TypeSerializer().serialize(value) for name, value in key.items()
    }


@contextmanager
def one_write_fails(place: int, done: bool) -> Iterator[list[str]]:
    """The write of that number, counted from 1, is throttled, or `done` and its answer lost. Tells of all writes."""
    writes: list[str] = []

    def answer(operation: str, _: dict[str, Any], really: Callable[[], Any]) -> Any:
        writes.extend([operation] if operation in WRITES else [])
        if operation not in WRITES or len(writes) != place:
            return really()
        if not done:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slower"}}, operation)
        really()
        raise ReadTimeoutError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com")

    with intercepted(answer):
        yield writes


def forgotten(system: System, when: datetime) -> None:
    """What time to live has deleted by then, since it works late and then all at once."""
    for table, attribute in lifetimes(system.model).items():
        client, name = system.aws.client("dynamodb"), system.id(table)
        keys = [each["AttributeName"] for each in system.properties(table)["KeySchema"]]
        for item in client.scan(TableName=name, ConsistentRead=True)["Items"]:
            expires = float(item.get(attribute, {}).get("N", "inf"))
            if expires < when.timestamp():
                client.delete_item(TableName=name, Key={key: item[key] for key in keys})


def typed(item: dict[str, Any]) -> dict[str, Any]:
    return {key: TypeSerializer().serialize(value) for key, value in item.items()}


def untyped(item: dict[str, Any]) -> dict[str, Any]:
    return {key: TypeDeserializer().deserialize(value) for key, value in item.items()}


class Changes:
    """Changes of a table as its stream tells them; `put` and `delete` make them in the table too."""

    def __init__(self, system: System, table: str) -> None:
        self.system, self.table, self.number = system, table, 0
        whole = system.properties(table)
        self.keys = [each["AttributeName"] for each in whole["KeySchema"]]
        self.view = whole.get("StreamSpecification", {}).get("StreamViewType", "KEYS_ONLY")
        self.now: dict[tuple[Any, ...], dict[str, Any]] = {}

    def put(self, **item: Any) -> dict[str, Any]:
        name = tuple(item[key] for key in self.keys)
        self.system.aws.client("dynamodb").put_item(TableName=self.system.id(self.table), Item=typed(item))
        old, self.now[name] = self.now.get(name), item
        return self.record(old, item)

    def delete(self, **key: Any) -> dict[str, Any]:
        old = self.now.pop(tuple(key[name] for name in self.keys))
        self.system.aws.client("dynamodb").delete_item(TableName=self.system.id(self.table), Key=typed(key))
        return self.record(old, None)

    def record(self, old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
        self.number += 1
        told: dict[str, Any] = {
            "ApproximateCreationDateTime": 1795420100.0 + self.number,
            "Keys": {key: typed(new or old or {})[key] for key in self.keys},
            "SequenceNumber": str(100_000_000_000_000_000_000 + self.number),
            "SizeBytes": 100,
            "StreamViewType": self.view,
        }
        if new is not None and self.view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
            told["NewImage"] = typed(new)
        if old is not None and self.view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
            told["OldImage"] = typed(old)
        return {
            "eventID": f"e-{self.number}",
            "eventName": "INSERT" if old is None else "MODIFY" if new is not None else "REMOVE",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1",
            "dynamodb": told,
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-11-01T00:00:00.000",
        }


def kinesis_record(number: int, data: bytes, key: str = "p") -> dict[str, Any]:
    """Records of one shard are in the order of their numbers."""
    sequence = str(49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898 + number)
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": sequence,
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": 1795420100.1,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000006:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/any",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/any",
    }


def fifo_event(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """What was sent to a FIFO queue, as its mapping delivers it: messages with `MessageBody` and `MessageGroupId`."""
    event = sqs_event(*(message["MessageBody"] for message in messages))
    for number, (record, message) in enumerate(zip(event["Records"], messages, strict=True)):
        record["attributes"] |= {
            "MessageGroupId": message.get("MessageGroupId", ""),
            "SequenceNumber": str(18_850_000_000_000_000_000 + number),
            "MessageDeduplicationId": message.get("MessageDeduplicationId", f"d-{number}"),
        }
    return event


def streamed(system: System, kind: str) -> Any:
    """The one mapping of a function from a stream of this kind, `DynamoDB` or `Kinesis`. Raises `Missing`."""
    mappings = [one for one in system.model.mappings if one.kind == kind and one.function and one.source]
    if len(mappings) != 1:
        raise Missing(f"not one function takes from a stream ({kind}), but {len(mappings)}")
    return mappings[0]


def sequence(record: dict[str, Any]) -> str:
    return str(record["kinesis"]["sequenceNumber"] if "kinesis" in record else record["dynamodb"]["SequenceNumber"])
