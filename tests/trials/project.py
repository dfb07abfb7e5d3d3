"""What a folder with a template holds: functions, what sets them off, and sample events for each."""

import ipaddress
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trials.local_aws import ASSET, LocalAwsError
from trials.template import read_template, references, without, without_bootstrap

NAMES = ("template.yaml", "template.yml", "template.json", "cdk.out/*.template.json", "*.template.json")
FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
POWERTOOLS = "aws-lambda-powertools[all]"
KINDS = {  # of a SAM event, with the property that says where it comes from
    "SQS": ("queue", "Queue"),
    "Kinesis": ("stream", "Stream"),
    "DynamoDB": ("table", "Stream"),
    "SNS": ("topic", "Topic"),
    "EventBridgeRule": ("bus", "EventBusName"),
    "CloudWatchEvent": ("bus", "EventBusName"),
    "Schedule": ("schedule", ""),
    "ScheduleV2": ("schedule", ""),
    "Api": ("http", "RestApiId"),
    "HttpApi": ("http", "ApiId"),
}
STREAMS = {"sqs": "queue", "kinesis": "stream", "dynamodb": "table"}
SDK = {"boto3": (1, 28), "botocore": (1, 31)}  # the first versions that can be told where the local AWS is
MACHINES = ("AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine")
NEWER = [*(f"{name}>={major}.{minor}" for name, (major, minor) in SDK.items()), "s3transfer"]


@dataclass(frozen=True)
class Source:
    """What sets a function off. `origin` is the logical id of the queue, stream, table, topic, bus or state machine."""

    kind: str
    function: str
    name: str
    origin: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        where = f"{self.settings['Method'].upper()} {self.settings['Path']}" if self.kind == "http" else self.origin
        return f"{self.kind} {where or self.name} → {self.function}"


@dataclass(frozen=True)
class Sample:
    """One event in the form its source takes it: a message's body, a record's data, a whole event."""

    payload: Any
    origin: str  # a file of the project, or how it was made


@dataclass
class Project:
    folder: Path
    template: Path
    body: dict[str, Any]
    parameters: dict[str, str]
    notes: list[str]  # what was made up or changed
    left_out: dict[str, str]  # resource: why
    sources: list[Source]
    untried: dict[str, str]  # event: why there are no trials for it
    extra: list[str]  # packages that stand in for layers
    newer: list[str] = field(default_factory=list)  # packages that are taken whatever version a function pins


def find_template(folder: Path) -> Path:
    found = [path for name in NAMES for path in sorted(folder.glob(name))]
    if not found:
        raise LocalAwsError(f"{folder} holds no template.yaml and no synthesised *.template.json")
    return found[0]


def read(path: Path, url: str) -> Project:
    """The project in a folder or of a template; `url` is where the stand-in for outside services listens."""
    template = path if path.is_file() else find_template(path)
    body = read_template(template)
    if not isinstance(body.get("Resources"), dict):
        raise LocalAwsError(f"{template} has no Resources")
    notes: list[str] = []
    body, left_out = deployable(body, template.parent, notes)
    parameters = made_up(body.get("Parameters", {}), url)
    notes += [f"parameter {name} is {value!r}, made up" for name, value in parameters.items()]
    outdated = list(too_old(body, template.parent))
    notes += [f"{each} can only call AWS itself: a newer one is packaged" for each in outdated]
    found = list(sources(body, template.parent))
    return Project(
        folder=template.parent.parent if template.parent.name == "cdk.out" else template.parent,
        template=template,
        body=body,
        parameters=parameters,
        notes=notes,
        left_out=left_out,
        sources=[each for each in found if each.kind != "other"],
        untried={each.name: str(each.settings["Type"]) for each in found if each.kind == "other"},
        extra=[POWERTOOLS] if any(in_powertools(note) for note in notes) else [],
        newer=NEWER if outdated else [],
    )


def deployable(body: dict[str, Any], folder: Path, notes: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The template as the trials deploy it, and the resources that they leave out, with reasons."""
    body = included(without_bootstrap(deepcopy(body)), folder)
    left_out: dict[str, str] = {}
    for name, resource in body["Resources"].items():
        resource.pop("DeletionPolicy", None)
        resource.pop("UpdateReplacePolicy", None)
        if resource["Type"] in FUNCTIONS:
            of_one_file(resource, folder)
        if "Fn::Transform" in json.dumps(resource, default=str):
            left_out[name] = "a part of it is made by a macro, or included from elsewhere"
        elif resource["Type"] in FUNCTIONS and (reason := no_python(resource, body, folder)):
            left_out[name] = reason
        elif resource["Type"].startswith("Custom::") or resource["Type"] == "AWS::CloudFormation::CustomResource":
            left_out[name] = "a custom resource: what its function would do is not done"
        elif resource["Type"] == "AWS::CDK::Metadata":
            left_out[name] = "only tells CDK's version"
    for holder in holders(body):
        variables = holder.get("Environment", {}).get("Variables", {})
        variables |= {name: as_text(value) for name, value in variables.items() if not isinstance(value, str | dict)}
    for name in drop_layers(body):
        instead = ", its package put beside the code" if in_powertools(name) else ""
        notes.append(f"layer {name} is in AWS only: left out{instead}")
    kept = without(body, set(left_out))
    for name in body["Resources"].keys() - kept["Resources"].keys() - left_out.keys():
        left_out[name] = "refers to what is left out"
    return kept, left_out


def included(value: Any, folder: Path) -> Any:
    """A piece of a template, and in it the files beside it that it includes, which `sam package` would upload."""
    if isinstance(value, list):
        return [included(each, folder) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: included(inner, folder) for key, inner in value.items()}
    transform = kept.get("Fn::Transform")
    if isinstance(transform, dict) and transform.get("Name") == "AWS::Include":
        location = transform.get("Parameters", {}).get("Location")
        if isinstance(location, str) and (folder / location).is_file():
            del kept["Fn::Transform"]
            kept |= read_template(folder / location)
    return kept


def of_one_file(function: dict[str, Any], folder: Path) -> None:
    """Code that is a single module: SAM zips that alone, here its folder is packaged."""
    source = function.get("Properties", {}).get("CodeUri")
    if isinstance(source, str) and source.endswith(".py") and (folder / source).is_file():
        function["Properties"]["CodeUri"] = str(Path(source).parent)


def too_old(body: dict[str, Any], folder: Path) -> Iterator[str]:
    """The SDKs that functions pin and that reach AWS alone, whatever AWS_ENDPOINT_URL says."""
    places = {str(holder["CodeUri"]) for holder in holders(body) if isinstance(holder.get("CodeUri"), str)}
    for place in sorted(places):
        path = folder / place / "requirements.txt"
        for line in path.read_text().splitlines() if path.is_file() else ():
            pinned = re.match(r"(boto3|botocore)\s*(?:==|~=|<=|<)\s*(\d+)\.(\d+)", line)
            if pinned and (int(pinned[2]), int(pinned[3])) < SDK[pinned[1]]:
                yield f"{line.strip()} of {place}"


def holders(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Whatever gives a function its layers and its environment."""
    yield body.get("Globals", {}).get("Function", {})
    yield from (each.get("Properties", {}) for each in body["Resources"].values() if each["Type"] in FUNCTIONS)


def as_text(value: Any) -> str:
    """An environment variable as the function sees it: of YAML's true, the word."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def drop_layers(body: dict[str, Any]) -> list[str]:
    """Take away the layers that only AWS has; return their ARNs."""
    gone: list[str] = []
    for holder in holders(body):
        if isinstance(layers := holder.get("Layers"), list):
            holder["Layers"] = [each for each in layers if isinstance(each, dict) and "Ref" in each]
            gone += [json.dumps(each).strip('"') for each in layers if each not in holder["Layers"]]
    return list(dict.fromkeys(gone))


def in_powertools(layer: str) -> bool:
    return "AWSLambdaPowertoolsPython" in layer


def no_python(function: dict[str, Any], body: dict[str, Any], folder: Path) -> str:
    """Why a function cannot be packaged here; empty for Python."""
    shared = body.get("Globals", {}).get("Function", {})
    properties = {**shared, **function.get("Properties", {})}
    if properties.get("PackageType") == "Image":
        return "a container image"
    if not str(properties.get("Runtime", "")).startswith("python"):
        return f"runtime {properties.get('Runtime')}: only Python is packaged"
    if function["Type"] == "AWS::Lambda::Function" and ASSET not in function.get("Metadata", {}):
        code = properties.get("Code", {})
        return "" if "ZipFile" in code else "its code is no asset beside the template"
    source = properties.get("CodeUri", ".")
    if "InlineCode" in properties:
        return ""
    return "" if isinstance(source, str) and (folder / source).is_dir() else f"its code, {source}, is no folder here"


def made_up(parameters: dict[str, Any], url: str) -> dict[str, str]:
    """A value for each parameter that has no default."""
    return {name: value_for(name, each, url) for name, each in parameters.items() if "Default" not in each}


def value_for(name: str, parameter: dict[str, Any], url: str) -> str:
    if allowed := parameter.get("AllowedValues"):
        return str(allowed[0])
    if parameter.get("Type") == "Number":
        return str(parameter.get("MinValue", 1))
    if "List" in parameter.get("Type", ""):
        return "one,two"
    guesses = {
        r"url|uri|endpoint|issuer|origin|host": url,
        r"arn|topic": "arn:aws:sns:us-east-1:123456789012:trial",
        r"mail": "trial@example.test",
        r"": "trial".ljust(int(parameter.get("MinLength", 0)), "x"),
    }
    fitting = [value for word, value in guesses.items() if re.search(word, name, re.IGNORECASE)]
    pattern = parameter.get("AllowedPattern", "")
    matching = [value for value in [*fitting, "12345678", "trial-1", "A1"] if re.fullmatch(pattern or ".*", value)]
    return (matching or fitting)[0]


def logical_id(value: Any) -> str:
    """The resource that `!Ref X` or `!GetAtt X.Arn` means; of anything else, the one it refers to, or nothing."""
    found = references(value)
    return min(found) if len(found) == 1 else ""


def sources(body: dict[str, Any], folder: Path = Path()) -> Iterator[Source]:
    """Everything that sets a function off, in the notation of SAM and in that of CloudFormation."""
    resources = body["Resources"]
    functions = {name for name, each in resources.items() if each["Type"] in FUNCTIONS}
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            for event, each in properties.get("Events", {}).items():
                yield sam_source(name, event, each)
        elif resource["Type"] == "AWS::Lambda::EventSourceMapping":
            origin, function = logical_id(properties.get("EventSourceArn")), logical_id(properties.get("FunctionName"))
            service = re.search(r"::(SQS|Kinesis|DynamoDB)::", resources.get(origin, {}).get("Type", ""))
            kind = STREAMS[service[1].lower()] if service else "other"
            yield Source(kind, function, name, origin, {"Type": "an event source mapping", **properties})
        elif resource["Type"] == "AWS::SNS::Subscription" and properties.get("Protocol") == "lambda":
            function = logical_id(properties.get("Endpoint"))
            yield Source("topic", function, name, logical_id(properties.get("TopicArn")), properties)
        elif resource["Type"] in ("AWS::Events::Rule", "AWS::Scheduler::Schedule"):
            yield from rule_sources(name, resource, functions)
        elif resource["Type"] in MACHINES:
            for event in properties.get("Events", {}):
                yield Source("other", name, f"{name}.{event}", "", {"Type": "what starts a state machine"})
            yield from tasks(name, properties, functions, folder)
        elif resource["Type"] == "AWS::ApiGatewayV2::Route":
            yield from route_sources(name, properties, resources)


def sam_source(function: str, name: str, event: dict[str, Any]) -> Source:
    settings = dict(event.get("Properties", {}))
    kind, origin = KINDS.get(event["Type"], ("other", ""))
    if event["Type"] == "SNS" and settings.get("SqsSubscription"):
        kind = "other"
    if kind == "http":
        settings.setdefault("Path", "/")
        settings.setdefault("Method", "ANY")
        settings["Version"] = "1.0" if event["Type"] == "Api" else settings.get("PayloadFormatVersion", "2.0")
    settings.setdefault("Type", event["Type"])
    return Source(kind, function, f"{function}.{name}", logical_id(settings.get(origin)), settings)


def rule_sources(name: str, resource: dict[str, Any], functions: set[str]) -> Iterator[Source]:
    properties = resource["Properties"]
    targets = properties.get("Targets") or [properties.get("Target", {})]
    for target in targets:
        function = logical_id(target.get("Arn"))
        if function in functions:
            settings = {**target, "Pattern": properties.get("EventPattern", {})}
            kind = "bus" if properties.get("EventPattern") else "schedule"
            yield Source(kind, function, name, logical_id(properties.get("EventBusName")), settings)


def route_sources(name: str, route: dict[str, Any], resources: dict[str, Any]) -> Iterator[Source]:
    integration = logical_id(route.get("Target"))
    uri = resources.get(integration, {}).get("Properties", {})
    function = min(references(uri.get("IntegrationUri")) & resources.keys(), default="")
    method, _, path = str(route.get("RouteKey", "$default")).partition(" ")
    if not function or method == "OPTIONS":
        return
    settings = {"Method": method if path else "ANY", "Path": path or "/{proxy+}"}
    yield Source("http", function, name, logical_id(route.get("ApiId")), {**settings, "Version": "2.0"})


def tasks(machine: str, properties: dict[str, Any], functions: set[str], folder: Path) -> Iterator[Source]:
    """The functions that a state machine calls, each once. A standard one calls again only by a state's Retry."""
    given = properties.get("DefinitionSubstitutions", {})
    express = "EXPRESS" in (properties.get("Type"), properties.get("StateMachineType"))
    seen: set[str] = set()
    for state in states(definition(properties, folder)):
        if state.get("Type") != "Task" or "waitForTaskToken" in str(state.get("Resource")):
            continue
        passed = state.get("Arguments") or state.get("Parameters")
        called = (passed.get("FunctionName") if isinstance(passed, dict) else None) or state.get("Resource")
        parts = re.findall(r"\$\{(\w+)", str(called))
        meant = references(called) | {logical_id(given[part]) if part in given else part for part in parts}
        retries = [each for each in state.get("Retry", []) if each.get("MaxAttempts", 3)]
        for function in sorted(meant & functions - seen):
            seen.add(function)
            if retries or express:
                yield Source("task", function, f"{machine}.{function}", machine, {"Attempts": attempts(state)})
            else:
                yield Source("other", function, f"{machine}.{function}", machine, {"Type": "a call without Retry"})


def definition(properties: dict[str, Any], folder: Path) -> Any:
    """A state machine's states, with `${X}` for what refers to X; empty if they are not here."""
    found = properties.get("Definition") or properties.get("DefinitionString") or {}
    uri = properties.get("DefinitionUri")
    if isinstance(uri, str) and (folder / uri).is_file():
        return read_template(folder / uri)  # JSON is YAML
    if isinstance(found, dict) and "Fn::Join" in found:
        found = "".join(each if isinstance(each, str) else f"${{{logical_id(each)}}}" for each in found["Fn::Join"][1])
    elif isinstance(found, dict) and "Fn::Sub" in found:
        found, given = (found["Fn::Sub"], {}) if isinstance(found["Fn::Sub"], str) else found["Fn::Sub"]
        for name, value in given.items():
            found = found.replace(f"${{{name}}}", f"${{{logical_id(value)}}}")
    try:
        return json.loads(found) if isinstance(found, str) else found
    except ValueError:
        return {}


def states(value: Any) -> Iterator[dict[str, Any]]:
    """All states of a definition, those within others too."""
    if isinstance(value, dict):
        found = value.get("States")
        yield from (each for each in (found if isinstance(found, dict) else {}).values() if isinstance(each, dict))
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from states(inner)


def attempts(state: dict[str, Any]) -> int:
    """How often a state calls a function that fails; which of its own errors it raises is not known beforehand."""
    for each in state.get("Retry", []):
        if {"States.ALL", "States.TaskFailed"} & set(each.get("ErrorEquals", [])):
            return 1 + int(each.get("MaxAttempts", 3))
    return 1


# ---- sample events


def samples(project: Project, source: Source, passed_on: dict[str, str]) -> list[Sample]:
    """The project's own events for this source, else what another function passed on, else one made.

    A schedule's own input comes first: nothing about an event of the project tells that a schedule sends it.
    """
    found = [sample for path, event in events(project.folder) if (sample := fits(source, event, path))]
    if exact := [sample for sample, near in found if near]:
        return exact
    if source.kind == "queue" and source.origin in passed_on:
        return [Sample(passed_on[source.origin], "passed on by another function")]
    itself = made(project.body, source)
    if source.kind == "schedule" and source.settings.get("Input"):
        return [itself]
    if source.kind == "queue" and itself.origin == "made up":
        return [sample for sample, _ in found] or [*requested(project.folder), itself]
    return [sample for sample, _ in found] or [itself]


def requested(folder: Path) -> Iterator[Sample]:
    """What a function behind an API may put into a queue: the body of a request, or the whole of it."""
    for path, event in events(folder):
        if route_of(event) and isinstance(event.get("body"), str) and not event.get("isBase64Encoded"):
            yield Sample(event["body"], f"the body of the request in {path}")
            yield Sample(json.dumps(event), f"the request in {path}")
            return


def events(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The sample events of a project, each record of a batch as one of its own."""
    places = ("event.json", "events.json", "events/**/*.json", "event/**/*.json", "*/event*.json", "*/events/*.json")
    for path in dict.fromkeys(path for place in places for path in sorted(folder.glob(place))):
        try:
            event = json.loads(path.read_text())
        except (ValueError, OSError):
            continue
        if not isinstance(event, dict):
            continue
        records = event.get("Records")
        for each in [{"Records": [record]} for record in records] if isinstance(records, list) else [event]:
            yield str(path.relative_to(folder)), each


def fits(source: Source, event: dict[str, Any], path: str) -> tuple[Sample, bool] | None:
    """The sample that an event of the project is for this source, and whether it names this very source."""
    records = event.get("Records")
    record = records[0] if isinstance(records, list) and records and isinstance(records[0], dict) else {}
    service = str(record.get("eventSource") or record.get("EventSource") or "").removeprefix("aws:")
    near = str(record.get("eventSourceARN", "")).split(":")[-1].endswith(source.origin or "\0")
    if source.kind == "queue" and service == "sqs":
        return Sample(record.get("body", ""), path), near
    if source.kind == "stream" and service == "kinesis":
        return Sample(record["kinesis"], path), near
    if source.kind == "table" and service == "dynamodb":
        return Sample(record, path), f"table/{source.origin}" in str(record.get("eventSourceARN"))
    if source.kind == "topic" and service == "sns":
        return Sample(record["Sns"].get("Message", ""), path), True
    if source.kind == "bus" and "detail-type" in event and matches(source.settings.get("Pattern", {}), event):
        return Sample(event, path), True
    if source.kind == "http" and (route := route_of(event)) and served(source, *route):
        return Sample(event, path), True
    if source.kind in ("schedule", "task") and not record and not route_of(event) and "detail-type" not in event:
        return Sample(event, path), source.function.lower() in path.lower()
    return None


def route_of(event: dict[str, Any]) -> tuple[str, str] | None:
    http = event.get("requestContext", {}).get("http", {}) if isinstance(event.get("requestContext"), dict) else {}
    method, path = http.get("method") or event.get("httpMethod"), http.get("path") or event.get("path")
    return (str(method), str(path)) if method and path else None


def served(source: Source, method: str, path: str) -> bool:
    wanted = re.escape(source.settings["Path"])
    wanted = re.sub(r"\\{[^}]*\\\+\\}", ".*", wanted)
    wanted = re.sub(r"\\{.*?\\}", "[^/]+", wanted)
    return source.settings["Method"].upper() in ("ANY", "*", method.upper()) and bool(re.fullmatch(wanted, path))


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether the plain values at the top of a pattern allow the event; content filters are not judged."""
    for key in ("source", "detail-type"):
        plain = [each for each in pattern.get(key, []) if isinstance(each, str)]
        if len(plain) == len(pattern.get(key, [])) and plain and event.get(key) not in plain:
            return False
    return True


def made(body: dict[str, Any], source: Source) -> Sample:
    if source.kind == "http":
        return Sample(request(source), "made up from the route")
    if source.kind == "bus":
        return Sample(bus_event(source.settings.get("Pattern", {})), "made from the rule's pattern")
    if source.kind == "schedule":
        given = source.settings.get("Input")
        if given:
            return Sample(scheduled(given) if isinstance(given, str) else {}, "the schedule's input")
        return Sample(bus_event({"source": ["aws.events"], "detail-type": ["Scheduled Event"]}), "a scheduled event")
    if source.kind == "table":
        return Sample(change(body, source), "made from the table's key")
    if source.kind == "task":
        return Sample({"id": "trial-1"}, "made up")
    wanted = filters(source)
    if source.kind == "topic":
        policy = source.settings.get("FilterPolicy", {})
        by_body = source.settings.get("FilterPolicyScope") == "MessageBody"
        return Sample(json.dumps(fill(policy) if by_body else {"id": "trial-1"}), "made up")
    if wanted and isinstance(inner := wanted.get("body" if source.kind == "queue" else "data"), dict):
        text = json.dumps(fill(inner))
        origin = "made from the mapping's filter"
    else:
        text, origin = upstream(body, source.origin)
    return Sample(text if source.kind == "queue" else {"data_text": text, "partitionKey": "trial"}, origin)


def scheduled(text: str) -> Any:
    """A schedule's input with what Scheduler fills in: a retry of the run has the same time and id."""
    known = {
        "scheduled-time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "execution-id": "d32c5kddcf5bb8c3",
        "attempt-number": "1",
        "schedule-arn": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/trial",
    }
    for name, value in known.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    with suppress(ValueError):
        return json.loads(text)
    return text


def filters(source: Source) -> dict[str, Any]:
    """The first filter of a mapping, as a pattern."""
    criteria = source.settings.get("FilterCriteria", {})
    found = criteria.get("Filters", []) if isinstance(criteria, dict) else []
    pattern = found[0].get("Pattern") if found else "{}"
    return json.loads(pattern) if isinstance(pattern, str) else {}


def upstream(body: dict[str, Any], queue: str) -> tuple[str, str]:
    """What a topic or a rule of the template would put into a queue."""
    for name, resource in body["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::SNS::Subscription" and logical_id(properties.get("Endpoint")) == queue:
            by_body = properties.get("FilterPolicyScope") == "MessageBody"
            message = json.dumps(fill(properties["FilterPolicy"]) if by_body else {"id": "trial-1"})
            envelope = json.dumps({"Type": "Notification", "MessageId": "trial-1", "Message": message})
            return message if properties.get("RawMessageDelivery") else envelope, f"made from {name}"
        if resource["Type"] == "AWS::Events::Rule":
            for target in properties.get("Targets", []):
                if logical_id(target.get("Arn")) == queue:
                    return json.dumps(bus_event(properties.get("EventPattern", {}))), f"made from {name}"
    return json.dumps({"id": "trial-1"}), "made up"


def bus_event(pattern: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Trial",
        "source": "trial",
        "account": "123456789012",
        "time": "2026-11-23T08:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {},
        **(fill(pattern) if isinstance(pattern, dict) else {}),
    }


def change(body: dict[str, Any], source: Source) -> dict[str, Any]:
    """A stream record of a table: an item with its key, and with what the mapping's filter wants."""
    table = body["Resources"].get(source.origin, {}).get("Properties", {})
    types = {each["AttributeName"]: each["AttributeType"] for each in table.get("AttributeDefinitions", [])}
    names = [each["AttributeName"] for each in table.get("KeySchema", [])]
    values = {"S": "trial-1", "N": "1", "B": "dHJpYWw="}
    keys = {name: {types.get(name, "S"): values[types.get(name, "S")]} for name in names}
    wanted = filters(source)
    inner = fill(wanted.get("dynamodb", {}))
    image = {**keys, **inner.get("NewImage", {})}
    name = fill({"eventName": wanted.get("eventName", ["INSERT"])})["eventName"]
    images = {"NewImage": image, **({"OldImage": image} if name != "INSERT" else {})}
    if name == "REMOVE":
        images.pop("NewImage")
    stream = {"Keys": keys, "SequenceNumber": "111", "SizeBytes": 26, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    return {"eventName": name, "dynamodb": {**stream, "ApproximateCreationDateTime": 1795420100, **images}}


def request(source: Source) -> dict[str, Any]:
    """A request for a route, as API Gateway hands it over."""
    method = source.settings["Method"].upper()
    method = "POST" if method in ("ANY", "*", "X-AMAZON-APIGATEWAY-ANY-METHOD") else method
    names = re.findall(r"\{(.*?)\+?\}", source.settings["Path"])
    path = re.sub(r"\{.*?\}", "1", source.settings["Path"])
    text = json.dumps({"id": "trial-1"}) if method in ("POST", "PUT", "PATCH") else None
    headers = {"content-type": "application/json", "host": "trial.example", "idempotency-key": "trial-1"}
    common: dict[str, Any] = {"headers": headers, "pathParameters": dict.fromkeys(names, "1") or None, "body": text}
    common["isBase64Encoded"] = False
    if source.settings["Version"] == "1.0":
        place = {"resourcePath": source.settings["Path"], "httpMethod": method, "path": path, "stage": "Prod"}
        place |= {"requestId": "trial-1", "identity": {"sourceIp": "127.0.0.1"}}
        return {
            "resource": source.settings["Path"],
            "path": path,
            "httpMethod": method,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "stageVariables": None,
            "requestContext": place,
            **common,
        }
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "trial"}
    key = f"{method} {source.settings['Path']}"
    return {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": "",
        "requestContext": {"http": http, "routeKey": key, "stage": "$default", "requestId": "trial-1"},
        **common,
    }


def fill(pattern: Any) -> dict[str, Any]:
    """The smallest event that an event pattern lets through."""
    event: dict[str, Any] = {}
    if not isinstance(pattern, dict):
        return event
    for key, wanted in pattern.items():
        if key == "$or" and isinstance(wanted, list):
            merge(event, fill(wanted[0]))
        elif isinstance(wanted, dict):
            merge(event, {key: fill(wanted)})
        elif isinstance(wanted, list) and wanted:
            value = one_of(wanted)
            if value is not ABSENT:
                merge(event, {key: value})
    return event


def merge(event: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(event.get(key), dict):
            merge(event[key], value)
        else:
            event[key] = value


ABSENT = object()


def one_of(wanted: list[Any]) -> Any:
    """A value that one of a pattern's alternatives allows, or ABSENT."""
    plain = [each for each in wanted if not isinstance(each, dict)]
    if plain:
        return plain[0]
    (test, value), *_ = wanted[0].items()
    if test in ("prefix", "suffix", "equals-ignore-case", "anything-but") and isinstance(value, dict):
        return one_of([value])
    if test == "exists":
        return "trial" if value else ABSENT
    if test == "numeric":
        return number(value)
    if test == "anything-but":
        barred = value if isinstance(value, list) else [value]
        return max(barred) + 1 if all(isinstance(each, int | float) for each in barred) else "trial"
    if test == "cidr":
        return str(next(ipaddress.ip_network(value, strict=False).hosts()))
    return {"prefix": f"{value}trial", "suffix": f"trial{value}", "wildcard": str(value).replace("*", "trial")}.get(
        test, value
    )


def number(bounds: list[Any]) -> float | int:
    """A number between the bounds of a numeric filter."""
    tests = dict(zip(bounds[::2], bounds[1::2], strict=True))
    if "=" in tests:
        return tests["="]
    low: Any = tests.get(">=", tests.get(">"))
    high: Any = tests.get("<=", tests.get("<"))
    if low is None:
        return high if "<=" in tests else high - 1
    if high is None:
        return low if ">=" in tests else low + 1
    return low if ">=" in tests else (low + high) / 2
