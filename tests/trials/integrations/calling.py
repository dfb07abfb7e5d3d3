"""Make the call that an integration asks for on the local AWS, and say what API Gateway answers."""

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from trials.integrations.mapping import NoJson, Untold, context, node, rendered
from trials.integrations.requests import Request
from trials.local_aws import REGION
from trials.project.integrations import URI
from trials.project.source import Call
from trials.stage import Stage
from trials.template import as_dict

FORM = "application/x-www-form-urlencoded"
FORMS = ("sqs", "sns")  # services that take a call as a form
NAMED = ("states", "dynamodb", "kinesis")  # services whose action API Gateway names in the header itself
STATIC = re.compile(r"^'(.*)'$", re.DOTALL)
PLACED = re.compile(r"^method\.request\.(header|querystring|path)\.(.+)$")
OF_REQUEST = re.compile(
    r"\$\{?(request\.(?:header|querystring|path)\.[\w-]+|request\.body(?:\.[\w-]+)*|context\.[\w.]+)\}?"
)
FAILED_ENTRIES = re.compile(r'"Failed(?:Entry|Record)Count"\s*:\s*[1-9]')
UNREADABLE = json.dumps({"__type": "SerializationException", "message": "the call is no JSON"})


@dataclass(frozen=True)
class Sent:
    """What API Gateway sends to the service; of a form, `form` are its fields."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str

    @property
    def is_form(self) -> bool:
        return self.headers.get("content-type", "").startswith(FORM)

    @property
    def form(self) -> list[tuple[str, str]]:
        return [*self.query.items(), *(parse_qsl(self.body, keep_blank_values=True) if self.is_form else [])]

    @property
    def readable(self) -> bool:
        """Whether a service that takes JSON can read it."""
        try:
            json.loads(self.body)
        except ValueError:
            return False
        return True


@dataclass(frozen=True)
class Backend:
    """What the service answers."""

    status: int
    body: str

    @property
    def refuses(self) -> bool:
        """Whether it did not do what it was asked to: also of an entry, under 200."""
        return self.status >= 400 or bool(FAILED_ENTRIES.search(self.body))


@dataclass(frozen=True)
class Answered:
    """What the caller gets, and what came before it: nothing was sent where API Gateway refuses by itself."""

    status: int
    body: str
    backend: Backend | None = None
    sent: Sent | None = None
    status_told: bool = True  # whether anything here says what status API Gateway answers with

    @property
    def refused(self) -> bool:
        return self.backend is None or self.backend.refuses


@cache
def target_of(service: str, action: str) -> tuple[str, str]:
    """The header that names an action of a service that takes JSON, and the content type of its calls."""
    known = {"states": "stepfunctions"}
    metadata = botocore.session.Session().get_service_model(known.get(service, service)).metadata
    prefix, version = metadata.get("targetPrefix", ""), metadata.get("jsonVersion", "1.0")
    return f"{prefix}.{action}", f"application/x-amz-json-{version}"


def answered(stage: Stage, call: Call, integration: dict[str, Any], request: Request) -> Answered:
    """What becomes of a request: refused by API Gateway itself, or the call made and its answer mapped."""
    try:
        sent = prepared(call, integration, request)
    except NoJson:
        return Answered(400, json.dumps({"message": "Could not parse request body into json"}))
    except Unmapped as refused:
        return Answered(refused.status, json.dumps({"message": str(refused)}))
    return replied(call, integration, request, made(stage, call, sent), sent)


class Unmapped(Exception):
    """A request that API Gateway refuses before it calls anything."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def prepared(call: Call, integration: dict[str, Any], request: Request) -> Sent:
    """The call that an integration makes of a request."""
    if call.body.get("integrationSubtype"):
        return first_class(call, integration, request)
    parts = URI.search(str(integration.get("uri")))
    assert parts
    by_path = parts[2] == "path"
    path = "/" + parts[3].lstrip("/") if by_path else "/"
    query, headers = {}, dict[str, str]()
    for place, written in as_dict(integration.get("requestParameters")).items():
        value = parameter(str(written), request)
        _, _, kind, name = [*place.split(".", 3), "", "", "", ""][:4]
        if kind == "header" and value:
            headers[name.lower()] = value
        elif kind == "querystring" and value:
            query[name] = value
        elif kind == "path":
            path = path.replace(f"{{{name}}}", value)
    template = of_a_message(integration) if call.body.get("mute") else chosen(integration, request)
    body, over = request.body, None
    if template is not None:
        over = rendered(template, request.body, request)
        body = over.text
        headers |= {name.lower(): value for name, value in over.headers.items()}
        query |= over.query
    if not by_path and call.service in FORMS:
        query.setdefault("Action", call.action)
    headers.setdefault("content-type", request.headers.get("content-type", "application/json"))
    if not by_path and call.service in NAMED:
        headers.setdefault("x-amz-target", target_of(call.service, call.action)[0])
    return Sent(path, query, headers, body)


def chosen(integration: dict[str, Any], request: Request) -> str | None:
    """The template for a request's content type; None where the body goes on as it is."""
    templates = {
        str(key).split(";")[0].strip(): str(template)
        for key, template in as_dict(integration.get("requestTemplates")).items()
    }
    kind = request.headers.get("content-type", "application/json").split(";")[0].strip()
    if kind in templates:
        return templates[kind]
    behaviour = str(integration.get("passthroughBehavior") or "WHEN_NO_MATCH").upper()
    if behaviour == "NEVER" or (behaviour == "WHEN_NO_TEMPLATES" and templates):
        raise Unmapped(415, "Unsupported Media Type")
    return None


def of_a_message(integration: dict[str, Any]) -> str | None:
    """The template for a message to a WebSocket API, which has no content type."""
    templates = as_dict(integration.get("requestTemplates"))
    template = templates.get("$default", next(iter(templates.values()), None))
    return None if template is None else str(template)


def parameter(written: str, request: Request) -> str:
    """The value of a request parameter of an integration; empty for one that the request lacks."""
    if static := STATIC.match(written):
        return static[1]
    if placed := PLACED.match(written):
        values = request.parameters[placed[1]]
        if placed[1] == "header":
            values = {key.lower(): value for key, value in values.items()}
            return values.get(placed[2].lower(), "")
        return values.get(placed[2], "")
    return taken(written.removeprefix("method."), request)


def taken(path: str, request: Request) -> str:
    """What a mapping such as request.body.id or context.requestId means of a request."""
    if path.startswith("context."):
        here: Any = context(request)
        for key in path.split(".")[1:]:
            here = as_dict(here).get(key, "")
        return str(here)
    if path == "request.body":
        return request.body
    if path.startswith("request.body."):
        try:
            value = node(request.body, "$." + path.removeprefix("request.body."))
        except NoJson:
            return ""
        return value if isinstance(value, str) else "" if value is None else json.dumps(value)
    _, place, name = path.split(".", 2)
    values = request.parameters[place]
    return {key.lower(): value for key, value in values.items()}.get(name.lower(), "")


def first_class(call: Call, integration: dict[str, Any], request: Request) -> Sent:
    """The call of an HTTP API's first-class integration: its parameters are those of the action."""
    given = {
        key: OF_REQUEST.sub(lambda match: taken(match[1], request), str(written))
        for key, written in as_dict(integration.get("requestParameters")).items()
    }
    absent = [key for key, each in as_dict(integration.get("requestParameters")).items() if each and not given[key]]
    if absent:
        raise Untold(f"what API Gateway does without a value for {absent[0]}")
    target, kind = target_of(call.service, call.action)
    body = json.dumps(PARAMETERS.get(call.action, dict)(given))
    return Sent("/", {}, {"content-type": kind, "x-amz-target": target}, body)


def event_entry(given: dict[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {key: value for key, value in given.items() if key not in ("Region", "Resources")}
    if "Resources" in given:
        entry["Resources"] = as_json(given["Resources"])
    return {"Entries": [entry]}


def message(given: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {key: value for key, value in given.items() if key != "Region"}
    for key in ("MessageAttributes", "MessageSystemAttributes"):
        if key in fields:
            fields[key] = as_json(fields[key])
    if "DelaySeconds" in fields:
        fields["DelaySeconds"] = int(fields["DelaySeconds"])
    return fields


def record(given: dict[str, str]) -> dict[str, Any]:
    return {
        "Data": given.get("Data", ""),
        **{key: each for key, each in given.items() if key not in ("Region", "Data")},
    }


def execution(given: dict[str, str]) -> dict[str, Any]:
    names = {"StateMachineArn": "stateMachineArn", "Name": "name", "Input": "input", "TraceHeader": "traceHeader"}
    return {names[key]: value for key, value in given.items() if key in names}


def as_json(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return written


PARAMETERS = {
    "SendMessage": message,
    "PutEvents": event_entry,
    "PutRecord": record,
    "StartExecution": execution,
    "StartSyncExecution": execution,
}


def made(stage: Stage, call: Call, sent: Sent) -> Backend:
    """The service's answer to a call. Raises `Untold` for a call that nothing here takes as AWS does."""
    if call.service in FORMS and sent.headers.get("x-amz-target", "") == "":
        if not any(key == "Action" for key, _ in sent.form):
            raise Untold(f"a call of {call.service} without {FORM} as its Content-Type, which names no action")
    elif "x-amz-target" not in sent.headers:
        raise Untold(f"a call of {call.service} without the header X-Amz-Target, which names no action")
    elif not sent.readable:
        return Backend(400, UNREADABLE)
    if call.action == "PutEvents" and (bad := malformed_details(json.loads(sent.body))):
        return Backend(200, json.dumps({"FailedEntryCount": len(bad), "Entries": bad}))
    if call.action.startswith("Start") and not as_input(json.loads(sent.body)):
        return Backend(400, json.dumps({"__type": "InvalidExecutionInput", "message": "the input is no JSON"}))
    address = f"{stage.local.endpoint}{sent.path}" + (f"?{urlencode(sent.query)}" if sent.query else "")
    headers = {key: value for key, value in sent.headers.items() if key in ("content-type", "x-amz-target")}
    asked = AWSRequest("POST", address, headers=headers, data=sent.body.encode())
    SigV4Auth(Credentials("test", "test"), call.service, REGION).add_auth(asked)
    whole = urllib.request.Request(address, sent.body.encode(), dict(asked.headers.items()), method="POST")
    try:
        with urllib.request.urlopen(whole, timeout=30, context=stage.local.tls) as answer:
            return Backend(answer.status, answer.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        return Backend(error.code, error.read().decode(errors="replace"))


def malformed_details(call: Any) -> list[dict[str, str]]:
    """What EventBridge says of entries whose Detail is no JSON object, which the local AWS takes."""
    entries = as_dict(call).get("Entries")
    details = [as_dict(each).get("Detail", "{}") for each in entries] if isinstance(entries, list) else []
    bad = [each for each in details if not isinstance(each, str) or not isinstance(as_json(each), dict)]
    return [{"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."} for _ in bad]


def as_input(call: Any) -> bool:
    """Whether the input of an execution is JSON, of which the local AWS asks nothing."""
    written = as_dict(call).get("input", "{}")
    return isinstance(written, str) and (as_json(written) != written or written == "")


# ---- the answer


def replied(
    call: Call, integration: dict[str, Any], request: Request, backend: Backend, sent: Sent | None = None
) -> Answered:
    """What the caller gets of a service's answer."""
    if call.body.get("integrationSubtype"):
        return passed_on(integration, backend, sent)
    if call.body.get("mute"):
        return Answered(backend.status, backend.body, backend, sent, status_told=False)
    responses = as_dict(integration.get("responses"))
    selected = response_for(responses, backend.status)
    if selected is None:
        return Answered(500, json.dumps({"message": "Internal server error"}), backend, sent)
    status, templates = int(selected.get("statusCode") or 200), as_dict(selected.get("responseTemplates"))
    template = templates.get("application/json", next(iter(templates.values()), None))
    if not template:
        return Answered(status, backend.body, backend, sent)
    try:
        over = rendered(str(template), backend.body, replace(request, body=backend.body))
    except NoJson:  # a service that answers in XML
        return Answered(status, backend.body, backend, sent, status_told=False)
    return Answered(over.status or status, over.text, backend, sent)


def response_for(responses: dict[str, Any], status: int) -> dict[str, Any] | None:
    """The response whose pattern takes the whole status of the service, else the one without a pattern."""
    for pattern, response in responses.items():
        try:
            if pattern != "default" and re.fullmatch(pattern, str(status)):
                return as_dict(response)
        except re.error as error:
            raise Untold(f"the selection pattern {pattern}") from error
    return as_dict(responses["default"]) if "default" in responses else None


def passed_on(integration: dict[str, Any], backend: Backend, sent: Sent | None) -> Answered:
    """The answer of an HTTP API: as the service gives it, unless a mapping overwrites its status."""
    mapped = as_dict(as_dict(integration.get("responseParameters")).get(str(backend.status)))
    written = json.dumps(mapped)
    overwritten = re.search(r"overwrite:statuscode[^0-9]*(\d{3})", written)
    status = int(overwritten[1]) if overwritten else backend.status
    return Answered(status, backend.body, backend, sent, status_told=bool(overwritten) or backend.status < 400)
