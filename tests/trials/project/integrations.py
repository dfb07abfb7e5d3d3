"""An API's ways into services of AWS without a function: what the template writes of each, in OpenAPI's words."""

import re
from collections.abc import Iterator
from typing import Any

from trials.project.source import Call, Kind, Route, Source
from trials.template import MACHINES, Model, Node, Resource, as_dict, references, text
from trials.template.nodes import QUEUE, TOPIC
from trials.template.values import flag, is_intrinsic

TABLES = ("AWS::DynamoDB::Table", "AWS::Serverless::SimpleTable", "AWS::DynamoDB::GlobalTable")
ENDS: dict[str, tuple[str, ...]] = {  # where a way can end, by the service as an ARN names it
    "sqs": (QUEUE,),
    "sns": (TOPIC,),
    "events": ("AWS::Events::EventBus",),
    "states": MACHINES,
    "kinesis": ("AWS::Kinesis::Stream",),
    "dynamodb": TABLES,
}
SUBTYPES = {  # of an HTTP API: the service and its action
    "SQS-SendMessage": ("sqs", "SendMessage"),
    "EventBridge-PutEvents": ("events", "PutEvents"),
    "Kinesis-PutRecord": ("kinesis", "PutRecord"),
    "StepFunctions-StartExecution": ("states", "StartExecution"),
    "StepFunctions-StartSyncExecution": ("states", "StartSyncExecution"),
}
ANSWERS = ("SendTaskSuccess", "SendTaskFailure")  # to an execution that waits, by the token of its task
SENDS = {"sqs": "SendMessage", "sns": "Publish"}  # what is meant where the caller names the action
URI = re.compile(r":apigateway:.*?:(\w+):(action|path)/(.*)$", re.DOTALL)
NAME = re.compile(r"\$\{(\w+)")
FORM_ACTION = re.compile(r"\bAction=(\w+)")
TARGET = re.compile(r"\w+\.(\w+)")
NAMES = ("QueueName", "TopicName", "Name", "TableName", "StateMachineName")
SECTIONS = ("uri", "credentials", "requestTemplates", "requestParameters", "responses", "responseParameters")
DEFAULT_BUS = "default"  # an end that no template makes
BUS_NAMED = re.compile(r"""EventBusName(?!["']?\s*[:=]\s*["']default["'])""")  # another one than the default
BY_CALLER = re.compile(  # the end's name, as a template takes it from the request
    r""""(?:StreamName|TableName|QueueUrl|TopicArn|stateMachineArn|EventBusName)"\s*:\s*"""
    r""""\$\{?input\.params\(['"]([\w-]+)['"]\)\}?\""""
)
HOLDER = "TrialsWays"  # the API whose integrations hold what deployment makes of each way


def way(template: Model, name: str, api: str, route: Route, body: dict[str, Any]) -> Source | None:
    """The way that an integration opens; None for what calls no service whose end can be looked at."""
    service, action = called(body)
    if service not in ENDS or not action:
        return None
    end = waiting(template) if action in ANSWERS else end_of(template, service, body)
    return Source(Kind.ROUTE, end, name, api, route=route, call=Call(service, action, body)) if end else None


def waiting(template: Model) -> str:
    """The one machine of the template whose executions wait for an answer, which a token alone tells apart."""
    waits = [machine.name for machine in template.machines if asks(template, machine)]
    return waits[0] if len(waits) == 1 else ""


def asks(template: Model, machine: Resource) -> bool:
    """Whether a task of a machine hands out a token, itself or through an activity."""
    activities = {each.name for each in template.of("AWS::StepFunctions::Activity")}
    given = as_dict(machine.written("DefinitionSubstitutions"))
    named = activities | {key for key, value in given.items() if references(value) & activities}
    return any(
        ".waitForTaskToken" in state.resource
        or ":activity:" in state.resource
        or set(NAME.findall(state.resource)) & named
        for state in template.states(machine)
    )


def called(body: dict[str, Any]) -> tuple[str, str]:
    """The service and the action that an integration names; an empty action for none."""
    subtype = str(body.get("integrationSubtype"))
    if subtype in SUBTYPES:
        return SUBTYPES[subtype]
    parts = URI.search(text(body.get("uri")) or "")
    if not parts:
        return "", ""
    action = parts[3].split("/")[0] if parts[2] == "action" else ""
    return parts[1], action or named_action(body) or SENDS.get(parts[1], "")


def named_action(body: dict[str, Any]) -> str:
    """The action that a call by path names in its form, its query or its header."""
    in_form = FORM_ACTION.search(said(body))
    target = str(as_dict(body.get("requestParameters")).get("integration.request.header.X-Amz-Target", ""))
    query = str(as_dict(body.get("requestParameters")).get("integration.request.querystring.Action", ""))
    named = TARGET.search(target)
    return in_form[1] if in_form else query.strip("'") or (named[1] if named else "")


def said(body: dict[str, Any]) -> str:
    """All texts of an integration in one, references left as `${Name}`."""
    return " ".join(text(each) or str(each) for _, each in leaves(body))


def end_of(template: Model, service: str, body: dict[str, Any]) -> str:
    """The one resource that an integration means as its end: it refers to it, or says its name."""
    fitting = [each for each in template.resources.values() if each.type in ENDS[service]]
    meant = references({key: body.get(key) for key in SECTIONS if key != "credentials"})
    ends = [each for each in fitting if each.name in meant]
    if not ends:
        ends = [each for each in fitting if any(says(said(body), each.only(key)) for key in NAMES)]
    if service == "events" and not ends and not names_another_bus(body):
        return DEFAULT_BUS
    if not ends and named_by_caller(body):
        ends = fitting
    return ends[0].name if len(ends) == 1 else ""


def named_by_caller(body: dict[str, Any]) -> str:
    """The parameter of a request that names the end; empty if none does."""
    named = BY_CALLER.search(said({"requestTemplates": body.get("requestTemplates")}))
    return named[1] if named else ""


def names_another_bus(body: dict[str, Any]) -> bool:
    """Whether an integration names a bus besides the default one."""
    given = as_dict(body.get("requestParameters")).get("EventBusName", "default")
    return given != "default" or bool(BUS_NAMED.search(said(body)))


def says(written: str, name: Any) -> bool:
    return isinstance(name, str) and bool(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", written))


def of_method(method: Resource) -> dict[str, Any]:
    """The integration of an `AWS::ApiGateway::Method` in OpenAPI's words."""
    here = method.child("Integration")
    responses = {}
    for response in here.items("IntegrationResponses"):
        status, pattern = response.only("StatusCode"), response.only("SelectionPattern")
        told = {"statusCode": str(status), "responseTemplates": as_dict(response.written("ResponseTemplates"))}
        responses[str(pattern or "default")] = told
    return {
        "uri": here.written("Uri"),
        "httpMethod": here.only("IntegrationHttpMethod"),
        "credentials": here.written("Credentials"),
        "requestTemplates": as_dict(here.written("RequestTemplates")),
        "requestParameters": as_dict(here.written("RequestParameters")),
        "passthroughBehavior": str(here.only("PassthroughBehavior") or ""),
        "responses": responses,
        "validates": not method.absent("RequestModels") and not method.absent("RequestValidatorId"),
        "requires": [] if method.absent("RequestValidatorId") else required(method),
    }


def required(method: Resource) -> list[str]:
    """The names of the parameters without which a validator refuses a request."""
    asked = as_dict(method.only("RequestParameters"))
    return [key.rsplit(".", 1)[-1] for key, each in asked.items() if flag(each) is True]


def of_http_integration(settings: Node) -> dict[str, Any]:
    """The integration of an `AWS::ApiGatewayV2::Integration` in OpenAPI's words."""
    return {
        "integrationSubtype": settings.only("IntegrationSubtype"),
        "credentials": settings.written("CredentialsArn"),
        "requestParameters": as_dict(settings.written("RequestParameters")),
        "responseParameters": as_dict(settings.written("ResponseParameters")),
    }


def of_websocket_integration(settings: Node) -> dict[str, Any]:
    """The integration of a route of a WebSocket API, whose client is told nothing unless another route says so."""
    return {
        "uri": settings.written("IntegrationUri"),
        "credentials": settings.written("CredentialsArn"),
        "requestTemplates": as_dict(settings.written("RequestTemplates")),
        "requestParameters": as_dict(settings.written("RequestParameters")),
        "passthroughBehavior": str(settings.only("PassthroughBehavior") or ""),
        "mute": True,
    }


def of_machine_event(machine: str, unescaped: bool) -> dict[str, Any]:
    """What SAM makes of an Api event of a state machine; its role is of SAM's making too."""
    tail = """.replaceAll("\\\\'","'")""" if unescaped else ""
    start = f"""{{"input": "$util.escapeJavaScript($input.json('$')){tail}", "stateMachineArn": "${{{machine}}}"}}"""
    return {
        "uri": {"Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}:states:action/StartExecution"},
        "httpMethod": "POST",
        "requestTemplates": {"application/json": {"Fn::Sub": start}},
        "responses": {status: {"statusCode": status} for status in ("200", "400")},
    }


# ---- what deployment makes of it


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The texts of an integration by their place in it, references left as they are written."""
    if isinstance(value, dict) and not is_intrinsic(value):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}\n{key}" if path else key)
    elif value is not None:
        yield path, value if isinstance(value, dict) else str(value)


def planted(sources: list[Source]) -> dict[str, dict[str, Any]]:
    """Resources that do nothing but hold what deployment makes of each way's texts, by logical id."""
    holders: dict[str, dict[str, Any]] = {}
    for source in sources:
        written = source.pipe
        if source.call:
            written = {key: source.call.body.get(key) for key in (*SECTIONS, "passthroughBehavior", "httpMethod")}
        if written:
            holders[HOLDER] = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": HOLDER, "ProtocolType": "HTTP"}}
            properties = {"ApiId": {"Ref": HOLDER}, "RequestParameters": dict(leaves(written))}
            holders[planted_id(source)] = {"Type": "AWS::ApiGatewayV2::Integration", "Properties": properties}
    return holders


def planted_id(source: Source) -> str:
    return "TrialsWay" + re.sub(r"[^A-Za-z0-9]", "", source.name)


def grown(flat: dict[str, str]) -> dict[str, Any]:
    """An integration from its texts by their place."""
    integration: dict[str, Any] = {}
    for path, value in flat.items():
        here = integration
        *before, last = path.split("\n")
        for key in before:
            here = here.setdefault(key, {})
        here[last] = value
    return integration
