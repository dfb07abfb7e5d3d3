"""Samples made from what the template says: filters, patterns, keys, routes, inputs."""

import gzip
import json
import re
from base64 import b64encode
from contextlib import suppress
from typing import Any
from urllib.parse import quote_plus, urlencode

from trials.moment import LATER, MILLISECONDS, NOW, OF_REQUEST, SECONDS, TEXT, TO_MILLISECONDS
from trials.project.buckets import key_rules
from trials.project.sources import ANY, Kind, Route, Source
from trials.samples.derive import guess
from trials.samples.pattern import fill, merge
from trials.samples.sample import Sample
from trials.samples.schema import example
from trials.template import Model, as_dict, logical_id

ID = "trial-1"
NAME = "trial/a b+ü"  # a space, a plus and an umlaut, which notifications of S3 encode


def made(body: dict[str, Any], source: Source, claims: dict[str, Any] | None = None) -> Sample:
    """`claims` are those that the reader wants of whoever sends a request."""
    if source.kind is Kind.HTTP:
        assert source.route
        return Sample(request(source.route, claims), "made up from the route")
    if source.kind is Kind.BUS:
        event = given_input(source.given) if source.given else bus_event(source.pattern, body)
        return Sample(event, "made from the rule's pattern")
    if source.kind is Kind.SCHEDULE:
        if source.given:
            return Sample(given_input(source.given), "the schedule's input")
        return Sample(bus_event({"source": ["aws.events"], "detail-type": ["Scheduled Event"]}), "a scheduled event")
    if source.kind is Kind.TABLE:
        return Sample(change(body, source), "made from the table's key")
    if source.kind is Kind.BUCKET:
        if source.given:
            return Sample(object_removed(source), "made up, an object that is gone")
        return Sample(object_created(source.origin, source.pattern), "made up, an object that is there")
    if source.kind is Kind.LOGS:
        return Sample(log_lines(), "made up, two lines of a log")
    if source.kind is Kind.DIRECT and source.given:
        return Sample(json.loads(filled_in(source.given)), "made up, in the form of who asks it")
    if source.kind in (Kind.TASK, Kind.DIRECT):
        return Sample({"id": ID}, "made up")
    if source.kind is Kind.TOPIC:
        told, bucket = notified(body, source.origin)
        return Sample(told, f"made from {bucket}") if told else topic_message(source)
    wanted = first_filter(source)
    inner = wanted.get("body" if source.kind is Kind.QUEUE else "data")
    if isinstance(inner, dict):
        text, origin = json.dumps(fill(inner)), "made from the mapping's filter"
    else:
        text, origin = upstream(body, source.origin)
    return Sample(text if source.kind is Kind.QUEUE else {"data_text": text, "partitionKey": "trial"}, origin)


def topic_message(source: Source) -> Sample:
    wanted = fill(source.pattern)
    if source.by_body:
        return Sample(json.dumps(wanted), "made from the filter policy")
    attributes = {name: {"Type": "String", "Value": str(value)} for name, value in wanted.items()}
    return Sample(json.dumps({"id": ID}), "made up", attributes)


FILLED_IN = re.compile(
    r"(\")?\{\{\s*([\w.:-]+)\s*\}\}(?(1)\")"
)  # a parameter of a runbook, alone in a text or within one


def filled_in(given: str) -> str:
    """The payload of a runbook's step with a value for each parameter."""

    def value(place: re.Match[str]) -> str:
        made_up = str(guess(place[2].rsplit(".", 1)[-1], None))
        return json.dumps(made_up) if place[1] else json.dumps(made_up)[1:-1]

    return FILLED_IN.sub(value, given)


def given_input(text: str) -> Any:
    """A target's constant input; of a schedule with what Scheduler fills in: a retry of the run has the same."""
    known = {
        "scheduled-time": TEXT,
        "execution-id": "d32c5kddcf5bb8c3",
        "attempt-number": "1",
        "schedule-arn": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/trial",
    }
    for name, value in known.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    with suppress(ValueError):
        return json.loads(text)
    return text


def first_filter(source: Source) -> dict[str, Any]:
    """The first filter of a mapping, as a pattern."""
    pattern = source.batching.filters[0] if source.batching.filters else "{}"
    with suppress(ValueError):
        return as_dict(json.loads(pattern)) if isinstance(pattern, str) else as_dict(pattern)
    return {}


def notified(body: dict[str, Any], end: str) -> tuple[str, str]:
    """What a bucket of the template would tell a queue or a topic, and which one; nothing if none tells it anything."""
    for bucket in Model(body).of("AWS::S3::Bucket"):
        for key, property_ in (("QueueConfigurations", "Queue"), ("TopicConfigurations", "Topic")):
            for notification in bucket.items("NotificationConfiguration", key):
                if logical_id(notification.written(property_)) == end and "Created" in str(notification.only("Event")):
                    return json.dumps(object_created(bucket.name, key_rules(notification))), bucket.name
    return "", ""


def upstream(body: dict[str, Any], queue: str) -> tuple[str, str]:
    """What a bucket, a topic or a rule of the template would put into a queue."""
    told, bucket = notified(body, queue)
    if told:
        return told, f"made from {bucket}"
    template = Model(body)
    for resource in template.of("AWS::SNS::Subscription", "AWS::Events::Rule"):
        if resource.type == "AWS::Events::Rule":
            if any(logical_id(target.written("Arn")) == queue for target in resource.items("Targets")):
                return json.dumps(bus_event(resource.only("EventPattern") or {}, body)), f"made from {resource.name}"
        elif logical_id(resource.written("Endpoint")) == queue:
            by_body = resource.only("FilterPolicyScope") == "MessageBody"
            message = json.dumps(fill(resource.only("FilterPolicy")) if by_body else {"id": ID})
            message = notified(body, logical_id(resource.written("TopicArn")))[0] or message
            envelope = json.dumps({"Type": "Notification", "MessageId": ID, "Message": message})
            return message if resource.only("RawMessageDelivery") else envelope, f"made from {resource.name}"
    return json.dumps({"id": ID}), "made up"


def bus_event(pattern: Any, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """An event that the pattern lets through; one of S3 is of a bucket of the template's `body` that tells the bus."""
    event: dict[str, Any] = {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Trial",
        "source": "trial",
        "account": "123456789012",
        "time": TEXT,
        "region": "us-east-1",
        "resources": [],
        "detail": {},
        **fill(pattern),
    }
    if event["source"] == "aws.s3" and event["detail-type"] == "Trial":
        event["detail-type"] = "Object Created"
    if event["source"] == "aws.s3" and event["detail-type"] == "Object Created":
        told = {"etag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "0055AED6DCD90281E5"}
        entity = {"key": f"{NAME}.csv", "size": 12, **told}
        detail = {"bucket": {"name": tells_the_bus(body or {})}, "object": entity, "reason": "PutObject"}
        merge(detail, event["detail"])
        event["detail"] = detail
    return event


def tells_the_bus(body: dict[str, Any]) -> str:
    """The bucket that tells the bus of its objects, by its logical id."""
    buckets = Model(body).of("AWS::S3::Bucket") if body.get("Resources") else ()
    telling = (
        bucket.name for bucket in buckets if not bucket.absent("NotificationConfiguration", "EventBridgeConfiguration")
    )
    return next(telling, "trial")


def change(body: dict[str, Any], source: Source) -> dict[str, Any]:
    """A stream record of a table: an item with its key, and with what the mapping's filter wants."""
    table = Model(body).resources.get(source.origin)
    attributes, keys_of_it = (list(table.items(key)) if table else [] for key in ("AttributeDefinitions", "KeySchema"))
    types = {each.only("AttributeName"): each.only("AttributeType") for each in attributes}
    names = [each.only("AttributeName") for each in keys_of_it] or ["id"]
    values = {"S": ID, "N": "1", "B": "dHJpYWw="}
    keys = {name: {types.get(name, "S"): values[types.get(name, "S")]} for name in names}
    wanted = first_filter(source)
    inner = fill(wanted.get("dynamodb", {}))
    image = {**keys, **as_dict(inner.get("NewImage"))}
    name = fill({"eventName": wanted.get("eventName", ["INSERT"])}).get("eventName", "INSERT")
    images = {"NewImage": image, **({"OldImage": image} if name != "INSERT" else {})}
    if name == "REMOVE":
        images.pop("NewImage")
    stream = {"Keys": keys, "SequenceNumber": "111", "SizeBytes": 26, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    return {"eventName": name, "dynamodb": {**stream, "ApproximateCreationDateTime": SECONDS, **images}}


def object_created(bucket: str, rules: dict[str, Any]) -> dict[str, Any]:
    """A notification of S3; `bucket` is a logical id, which the stage replaces by the physical one.

    `rules` are the prefix and the suffix that the key must have.
    """
    prefix, suffix = (rules.get(end) if isinstance(rules.get(end), str) else "" for end in ("prefix", "suffix"))
    key = quote_plus(f"{prefix}{NAME}{suffix or '.csv'}", safe="/")
    entity = {"key": key, "size": 12, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "0055AED6DCD90281E5"}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": TO_MILLISECONDS,
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:TRIAL"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": ID},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "trial",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "TRIAL"}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": entity,
        },
    }
    return {"Records": [record]}


def object_removed(source: Source) -> dict[str, Any]:
    """What S3 tells of an object that is gone: its size and its ETag are gone too."""
    event = object_created(source.origin, source.pattern)
    for record in event["Records"]:
        record["eventName"] = source.given
        record["s3"]["object"] = {key: record["s3"]["object"][key] for key in ("key", "sequencer")}
    return event


def log_lines() -> dict[str, Any]:
    message = {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/aws/lambda/trial",
        "logStream": f"{NOW:%Y/%m/%d}/[$LATEST]0",
        "subscriptionFilters": ["trial"],
        "logEvents": [
            {"id": str(number), "timestamp": MILLISECONDS + number, "message": f"ERROR trial {number}"}
            for number in (1, 2)
        ],
    }
    packed = gzip.compress(json.dumps(message).encode(), mtime=0)
    return {"awslogs": {"data": b64encode(packed).decode()}}


CLAIMS = {
    "sub": "9f1b6c3e-trial",
    "scope": "trial",
    "email": "trial@example.com",
    "cognito:username": "trial",
    "username": "trial",
    "client_id": "trial",
    "iss": "https://issuer.example.test",
    "aud": "trial",
    "token_use": "access",
    "exp": str(int(LATER.timestamp())),
}


def authorizer(kind: str, version: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """What an authorizer would add to the request's context, made up; nothing for a route without one."""
    claims = CLAIMS | wanted
    if kind == "jwt":
        return {"jwt": {"claims": claims, "scopes": ["trial"]}}
    if kind == "cognito":
        return {"claims": claims}
    if kind == "lambda":
        context = {"principalId": "trial", "sub": CLAIMS["sub"], "user": "trial"} | wanted
        return context if version == "1.0" else {"lambda": context}
    if kind == "iam" and version != "1.0":
        arn = "arn:aws:iam::123456789012:user/trial"
        return {"iam": {"userArn": arn, "userId": "AIDATRIAL", "accountId": "123456789012", "callerId": "AIDATRIAL"}}
    return {}


def request(route: Route, wanted: dict[str, Any] | None = None) -> dict[str, Any]:
    """A request for a route, as API Gateway hands it over."""
    if route.websocket:
        return websocket(route.path)
    method = "POST" if route.method.upper() in ANY else route.method.upper()
    names = re.findall(r"\{(.*?)\+?\}", route.path)
    path = re.sub(r"\{.*?\}", "1", route.path)
    text = json.dumps({"id": ID}) if method in ("POST", "PUT", "PATCH") else None
    if text and route.schema:
        text = json.dumps(example(route.schema))
    headers = {"content-type": "application/json", "host": "trial.example", "idempotency-key": ID}
    headers |= {name: str(guess(name, None)) for place, name in route.parameters if place == "header"}
    query = {name: str(guess(name, None)) for place, name in route.parameters if place == "query"}
    common: dict[str, Any] = {"headers": headers, "pathParameters": dict.fromkeys(names, "1") or None, "body": text}
    common["isBase64Encoded"] = False
    claims = authorizer(route.authorizer, route.payload, wanted or {})
    context: dict[str, Any] = {"authorizer": claims} if claims else {}
    if route.payload == "1.0":
        place: dict[str, Any] = {"resourcePath": route.path, "httpMethod": method, "path": path, "stage": "Prod"}
        place |= {"requestTime": OF_REQUEST, "requestTimeEpoch": MILLISECONDS}
        place |= {"requestId": ID, "identity": {"sourceIp": "127.0.0.1", "userArn": "arn:aws:iam::123456789012:user/t"}}
        return {
            "resource": route.path,
            "path": path,
            "httpMethod": method,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": query or None,
            "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
            "stageVariables": None,
            "requestContext": {**place, **context},
            **common,
        }
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "trial"}
    key = f"{method} {route.path}"
    timed = {"time": OF_REQUEST, "timeEpoch": MILLISECONDS}
    return {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "requestContext": {"http": http, "routeKey": key, "stage": "$default", "requestId": ID, **timed, **context},
        **({"queryStringParameters": query} if query else {}),
        **common,
    }


def websocket(key: str) -> dict[str, Any]:
    """What a route of a WebSocket API gets; `$connect` and `$disconnect` have no body."""
    context = {
        "routeKey": key,
        "eventType": {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(key, "MESSAGE"),
        "connectionId": "L0SM9cOFvHcCIhw=",
        "requestId": ID,
        "domainName": "trial.execute-api.us-east-1.amazonaws.com",
        "stage": "prod",
        "apiId": "trial",
        "connectedAt": MILLISECONDS,
        "requestTime": OF_REQUEST,
        "requestTimeEpoch": MILLISECONDS,
        "identity": {"sourceIp": "127.0.0.1"},
    }
    message = {} if key in ("$connect", "$disconnect") else {"body": json.dumps({"action": key, "id": ID})}
    return {"requestContext": context, "isBase64Encoded": False, "headers": {}, **message}
