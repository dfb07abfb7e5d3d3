"""The sample events that a project brings, and which source each is for."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trials.project.sources import ANY, Kind, Source
from trials.samples.made import request as made_request
from trials.samples.sample import Sample

PLACES = ("event.json", "events.json", "events/**/*.json", "event/**/*.json", "*/event*.json", "*/events/**/*.json")
TESTS = tuple(f"{above}{name}/**/*.json" for above in ("", "*/") for name in ("test*", "__tests__", "fixtures"))
LARGEST = 1_000_000  # bytes of a file among the tests that is looked into
UNEDITED = ('{"message": "hello world"}', '{"test":"body"}', "eyJ0ZXN0IjoiYm9keSJ9")  # bodies that nobody has filled in
GENERATED = "/path/to/resource"  # the path of each request that `sam local generate-event` writes


@dataclass
class SampleFile:
    """A JSON file that may hold events: `events`, each record of a batch as one of its own, or why it holds none."""

    path: str
    events: list[dict[str, Any]] = field(default_factory=list)
    why: str = ""  # it cannot be used
    used_by: list[str] = field(default_factory=list)  # sources
    meant_for: str = ""  # the name of the source, or of the function, that the file is called after


def sample_files(folder: Path) -> list[SampleFile]:
    """The files that hold events by their names, and those among the tests that hold events by their shape."""
    named = dict.fromkeys(path for place in PLACES for path in sorted(folder.glob(place)))
    files = [read_file(path, str(path.relative_to(folder))) for path in named if not ignored(path, folder)]
    for path in dict.fromkeys(path for place in TESTS for path in sorted(folder.glob(place))):
        if path not in named and not ignored(path, folder) and path.stat().st_size <= LARGEST:
            file = read_file(path, str(path.relative_to(folder)))
            files += [file] if any(has_shape(event) for event in file.events) else []
    return files


def has_shape(event: dict[str, Any]) -> bool:
    """Whether something can only be the event of a source."""
    records = event.get("Records")
    record = records[0] if isinstance(records, list) and records and isinstance(records[0], dict) else {}
    context = event.get("requestContext")
    return bool(
        record.get("eventSource")
        or record.get("EventSource")
        or ("detail-type" in event and "detail" in event)
        or (isinstance(context, dict) and (route_of(event) or context.get("routeKey")))
        or (isinstance(event.get("awslogs"), dict) and "data" in event["awslogs"])
    )


def ignored(path: Path, folder: Path) -> bool:
    return any(part in ("node_modules", ".aws-sam", "cdk.out") for part in path.relative_to(folder).parts)


def read_file(path: Path, name: str) -> SampleFile:
    try:
        event = json.loads(path.read_text())
    except (ValueError, OSError) as error:
        return SampleFile(name, why=f"it is no JSON: {error}")
    if not isinstance(event, dict):
        return SampleFile(name, why=f"it holds a {type(event).__name__}, and an event is an object")
    records = event.get("Records")
    batches = [{"Records": [record]} for record in records] if isinstance(records, list) else [event]
    return SampleFile(name, batches)


def given(files: list[SampleFile], source: Source) -> tuple[list[Sample], bool]:
    """The project's samples for a source, and whether they name this very one rather than its kind."""
    meant = [file for file in files if file.meant_for in ("", source.name, source.function)]
    fitting = [(match, file) for file in meant for event in file.events if (match := fits(source, event, file.path))]
    exact = [pair for pair in fitting if pair[0][1]]
    chosen = exact or fitting
    return [sample for (sample, _), _ in chosen], bool(exact)


def fits(source: Source, event: dict[str, Any], path: str) -> tuple[Sample, bool] | None:
    """The sample that an event of the project is for this source, and whether it names this very source.

    So does the file if it is called after the source, or after its function and has the source's shape.
    """
    by_shape, called = shaped(source, event, path), Path(path).stem
    if called not in (source.file, source.function):
        return by_shape
    if by_shape is None and source.kind in WHOLE and called == source.file:
        return Sample(event, path, file=path), True
    return by_shape and (by_shape[0], True)


WHOLE = (Kind.SCHEDULE, Kind.TASK, Kind.DIRECT, Kind.MACHINE)  # they may send anything


def shaped(source: Source, event: dict[str, Any], path: str) -> tuple[Sample, bool] | None:
    """The sample, if the event has the shape of this source's, and whether it names this very source."""
    records = event.get("Records")
    record = records[0] if isinstance(records, list) and records and isinstance(records[0], dict) else {}
    service = str(record.get("eventSource") or record.get("EventSource") or "").removeprefix("aws:")
    near = str(record.get("eventSourceARN", "")).split(":")[-1].endswith(source.origin or "\0")
    if source.kind is Kind.QUEUE and service == "sqs":
        attributes = sent_attributes(record.get("messageAttributes"))
        return Sample(record.get("body", ""), path, attributes, path), near
    if source.kind is Kind.STREAM and service == "kinesis" and "kinesis" in record:
        return Sample(record["kinesis"], path, file=path), near
    if source.kind is Kind.TABLE and service == "dynamodb":
        return Sample(record, path, file=path), f"table/{source.origin}" in str(record.get("eventSourceARN"))
    if source.kind is Kind.TOPIC and service == "sns" and "Sns" in record:
        inner = record["Sns"]
        return Sample(inner.get("Message", ""), path, inner.get("MessageAttributes") or {}, path), True
    if source.kind is Kind.BUCKET and service == "s3":
        return Sample(event, path, file=path), source.origin in json.dumps(record.get("s3", {}).get("bucket", {}))
    if source.kind is Kind.LOGS and "awslogs" in event:
        return Sample(event, path, file=path), True
    if source.kind is Kind.BUS and "detail-type" in event and matches(source.pattern, event):
        return Sample(event, path, file=path), True
    if source.kind is Kind.HTTP:
        return request(source, event, path)
    if source.kind is Kind.SCHEDULE and not source.given and event.get("detail-type") == "Scheduled Event":
        return Sample(event, path, file=path), False
    if source.kind in WHOLE and not record and not route_of(event) and "detail-type" not in event:
        return Sample(event, path, file=path), source.function.lower() in path.lower()
    named = source.function.lower() in path.lower()
    if source.kind is Kind.DIRECT and (named or not source.given):
        return Sample(event, path, file=path), named
    return None


def request(source: Source, event: dict[str, Any], path: str) -> tuple[Sample, bool] | None:
    """A request for the route of a source; one that `sam local generate-event` wrote is sent to it."""
    route, context = source.route, event.get("requestContext")
    if route is None or not isinstance(context, dict):
        context = {}
    if route and route.websocket:
        return (Sample(event, path, file=path), True) if context.get("routeKey") == route.path else None
    asked_for = route_of(event)
    if asked_for and route and served(source, *asked_for):
        older = "http" not in context
        return Sample(event, path, file=path), older is (route.payload == "1.0")
    if (
        route is None
        or asked_for is None
        or asked_for[1] != GENERATED
        or event.get("body") in UNEDITED
        or ("http" in context) is (route.payload == "1.0")
    ):
        return None
    return Sample(sent_to(event, made_request(route)), path, file=path), False


def sent_to(event: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    """A request with the method and the path of another one."""
    placed: dict[str, Any] = {
        key: there[key] for key in ("resource", "path", "httpMethod", "routeKey", "rawPath") if key in there
    }
    placed["pathParameters"] = there["pathParameters"]
    context = {key: there["requestContext"][key] for key in PLACED if key in there["requestContext"]}
    return {**event, **placed, "requestContext": {**event["requestContext"], **context}}


PLACED = ("http", "resourcePath", "httpMethod", "path", "routeKey", "authorizer")


def sent_attributes(received: Any) -> dict[str, Any]:
    """A record's message attributes in the spelling in which they are sent."""
    sent: dict[str, Any] = {}
    for name, value in (received if isinstance(received, dict) else {}).items():
        if isinstance(value, dict) and value.get("dataType"):
            content = {"StringValue": value.get("stringValue"), "BinaryValue": value.get("binaryValue")}
            sent[name] = {"DataType": value["dataType"], **{k: v for k, v in content.items() if v is not None}}
    return sent


def route_of(event: dict[str, Any]) -> tuple[str, str] | None:
    context = event.get("requestContext")
    http = context.get("http", {}) if isinstance(context, dict) else {}
    method, path = http.get("method") or event.get("httpMethod"), http.get("path") or event.get("path")
    return (str(method), str(path)) if method and path else None


def served(source: Source, method: str, path: str) -> bool:
    """Whether a source's route takes a request."""
    if source.route is None or source.route.websocket:
        return False
    wanted = re.escape(source.route.path)
    wanted = re.sub(r"\\{[^}]*\\\+\\}", ".*", wanted)
    wanted = re.sub(r"\\{.*?\\}", "[^/]+", wanted)
    return source.route.method.upper() in (*ANY, method.upper()) and bool(re.fullmatch(wanted, path))


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether the plain values at the top of a pattern allow the event; content filters are not judged."""
    for key in ("source", "detail-type"):
        plain = [each for each in pattern.get(key, []) if isinstance(each, str)]
        if len(plain) == len(pattern.get(key, [])) and plain and event.get(key) not in plain:
            return False
    return True
