"""What sets a function off over HTTP: routes of SAM, of API Gateway and of an OpenAPI definition, and authorizers."""

from collections.abc import Iterator
from typing import Any

from trials.project import accounted, integrations, validated
from trials.project.callers import AUTHORIZES
from trials.project.source import ANY, Call, Kind, Route, Source
from trials.template import (
    Event,
    Model,
    Node,
    Resource,
    TemplateError,
    as_dict,
    logical_id,
    read_template,
)
from trials.template.sam import shared_section
from trials.template.values import flag

APIS = {  # and the version of the event that their integrations send unless they say another
    "AWS::Serverless::Api": "1.0",
    "AWS::ApiGateway::RestApi": "1.0",
    "AWS::Serverless::HttpApi": "2.0",
    "AWS::ApiGatewayV2::Api": "2.0",
}
SENT_BY_AUTHORIZER = {  # of a route of CloudFormation, by its AuthorizationType
    "JWT": "jwt",
    "COGNITO_USER_POOLS": "cognito",
    "CUSTOM": "lambda",
    "AWS_IAM": "iam",
}


def route_of_event(event: Event) -> Source:
    """An Api or HttpApi event of SAM."""
    rest = event.kind == "Api"
    method, path = str(event.only("Method") or "ANY").upper(), str(event.only("Path") or "/{proxy+}")
    version = "1.0" if rest else str(event.only("PayloadFormatVersion") or "2.0")
    api = logical_id(event.written("RestApiId" if rest else "ApiId"))
    route = Route(method, path, version, _authorizer_of_event(event, api))
    route = validated.by_event(route, event, api) if rest else route
    return Source(Kind.HTTP, event.owner.name, event.label, api, route=route)


def route_of_machine(event: Event) -> Source:
    """An Api event of SAM's state machine."""
    method, path = str(event.only("Method") or "POST").upper(), str(event.only("Path") or "/")
    api = logical_id(event.written("RestApiId")) or "ServerlessRestApi"
    body = integrations.of_machine_event(event.owner.name, flag(event.only("UnescapeMappingTemplate")) is True)
    where = Route(method, path, "1.0", _authorizer_of_event(event, api))
    call = Call(*integrations.called(body), body)
    return Source(Kind.ROUTE, event.owner.name, event.label, api, route=where, call=call)


def _authorizer_of_event(event: Event, api: str) -> str:
    """Which kind of authorizer a SAM route has: its own, or the default of its API."""
    resource = event.template.resources.get(api)
    shared = shared_section(event.template.body, f"AWS::Serverless::{event.kind}")
    auth = as_dict(resource.only("Auth") if resource else shared.get("Auth"))
    chosen = event.only("Auth", "Authorizer") or auth.get("DefaultAuthorizer")
    if not isinstance(chosen, str) or chosen == "NONE":
        return ""
    if chosen == "AWS_IAM":
        return "iam"
    authorizer = as_dict(as_dict(auth.get("Authorizers")).get(chosen))
    if "UserPoolArn" in authorizer:
        return "cognito"
    return "lambda" if "FunctionArn" in authorizer else "jwt"


def routes_of_definition(api: Resource) -> Iterator[Source]:
    """The integrations of an API that is written as OpenAPI, and the functions that authorize its callers."""
    if api.type not in APIS:
        return
    name, template = api.name, api.template
    yield from _authorizers(api)
    if function := template.function(api.written("Target")):  # quick create: every request goes to it
        yield Source(Kind.HTTP, function, name, name, route=Route("ANY", "$default", "2.0"))
    document = _openapi(api)
    for path, operations in as_dict(document.get("paths")).items():
        for method, operation in as_dict(operations).items():
            integration = as_dict(as_dict(operation).get("x-amazon-apigateway-integration"))
            if not integration or method.upper() == "OPTIONS":
                continue
            version = str(integration.get("payloadFormatVersion", APIS[api.type]))
            where = Route("ANY" if method.upper() in ANY else method.upper(), path, version)
            where = validated.by_operation(where, operation, document)
            label, function = f"{name}.{method} {path}", template.function(integration.get("uri"))
            if function and integration.get("type") == "aws":  # a mapping template makes what it gets, and no request
                yield Source(Kind.DIRECT, function, label, name)
            elif function:
                yield Source(Kind.HTTP, function, label, name, route=where)
            elif calls_a_service(integration.get("type")) or integration.get("integrationSubtype"):
                asks = validated.refuses(where, operation, document)
                yield into_a_service(template, label, name, where, {"credentials": None, **integration, **asks})


def _authorizers(api: Resource) -> Iterator[Source]:
    """The functions that authorize a SAM API's callers, each with the form of event that it gets."""
    for key, settings in as_dict(api.only("Auth", "Authorizers")).items():
        if function := api.template.function(as_dict(settings).get("FunctionArn")):
            asked = str(as_dict(settings).get("FunctionPayloadType", "")).upper()
            version = str(as_dict(settings).get("AuthorizerPayloadFormatVersion", "2.0"))
            rest = "REQUEST" if asked == "REQUEST" else "TOKEN"
            form = rest if APIS[api.type] == "1.0" else f"REQUEST {version}"
            yield Source(Kind.DIRECT, function, f"{api.name}.{key}", api.name, given=AUTHORIZES[form])


def _openapi(api: Resource) -> dict[str, Any]:
    """An API's definition, also from the file beside the template that holds it."""
    place = api.only("DefinitionUri")
    for body in (api.only("Body"), api.only("DefinitionBody")):
        include = as_dict(as_dict(body).get("Fn::Transform"))
        if include.get("Name") != "AWS::Include" and isinstance(body, dict):
            return body
        place = place or as_dict(include.get("Parameters")).get("Location")
    file = api.template.neighbour(place) if isinstance(place, str) else None
    try:
        return read_template(file) if file else {}
    except TemplateError:
        return {}


def route_of_http_api(route: Resource) -> Iterator[Source]:
    """An `AWS::ApiGatewayV2::Route`."""
    template = route.template
    integration = template.resources.get(logical_id(route.written("Target")))
    settings = integration or Node(template, {}, route.path)
    function = template.function(settings.written("IntegrationUri"))
    key = str(route.only("RouteKey") or "$default")
    if key.startswith("OPTIONS "):
        return
    if not function:
        yield from _without_function(route, settings, key)
        return
    origin = logical_id(route.written("ApiId"))
    api = template.resources.get(origin)
    if api and api.only("ProtocolType") == "WEBSOCKET":
        responses = template.of("AWS::ApiGatewayV2::RouteResponse")
        heard = key == "$connect" or route.name in {logical_id(each.written("RouteId")) for each in responses}
        where = Route("", key, websocket=True, unheard=not heard)
        yield Source(Kind.HTTP, function, route.name, origin, route=where)
        return
    method, _, path = key.partition(" ")
    version = str(settings.only("PayloadFormatVersion") or "2.0")
    where = Route(method if path else "ANY", path or "/{proxy+}", version, _authorizer_of(route))
    yield Source(Kind.HTTP, function, route.name, origin, route=where)


def _without_function(route: Resource, settings: Node, key: str) -> Iterator[Source]:
    """The way that a route of an HTTP or WebSocket API opens into a service."""
    method, _, path = key.partition(" ")
    if settings.only("IntegrationSubtype"):
        where = Route(method if path else "ANY", path or "/{proxy+}", "2.0", _authorizer_of(route))
        body = integrations.of_http_integration(settings)
        yield into_a_service(route.template, route.name, logical_id(route.written("ApiId")), where, body)
    elif calls_a_service(settings.only("IntegrationType")):
        body = integrations.of_websocket_integration(settings)
        where = Route("", key, websocket=True)
        yield into_a_service(route.template, route.name, logical_id(route.written("ApiId")), where, body)


def _authorizer_of(route: Resource) -> str:
    return SENT_BY_AUTHORIZER.get(str(route.only("AuthorizationType")), "")


def route_of_rest_api(method: Resource) -> Iterator[Source]:
    """An `AWS::ApiGateway::Method`."""
    function = method.template.function(method.written("Integration", "Uri"))
    verb = str(method.only("HttpMethod") or "ANY")
    if verb == "OPTIONS":
        return
    where = Route(verb, _path(method.template, method.written("ResourceId")), "1.0", _authorizer_of(method))
    where = validated.by_method(where, method)
    origin, integration = logical_id(method.written("RestApiId")), method.only("Integration", "Type")
    if not function:
        if calls_a_service(integration):
            yield into_a_service(method.template, method.name, origin, where, integrations.of_method(method))
    elif integration == "AWS":  # what it gets is made by a mapping template, and no request
        yield Source(Kind.DIRECT, function, method.name, origin)
    else:
        yield Source(Kind.HTTP, function, method.name, origin, route=where)


def into_a_service(template: Model, name: str, api: str, where: Route, integration: dict[str, Any]) -> Source:
    """An API's way into a service; one whose end is not here, or that calls another service, is a row."""
    source = integrations.way(template, name, api, where, integration)
    return source or accounted.way(name, integration.get("uri"), accounted.INTEGRATED)


def _path(template: Model, resource_id: Any) -> str:
    """The path of an `AWS::ApiGateway::Resource`, from its parents."""
    resource = template.resources.get(logical_id(resource_id))
    if not resource or resource.type != "AWS::ApiGateway::Resource":
        return "/"
    return f"{_path(template, resource.written('ParentId')).rstrip('/')}/{resource.only('PathPart') or ''}"


def authorizer(resource: Resource) -> Iterator[Source]:
    """The function of an authorizer of CloudFormation."""
    of_http_api = resource.type == "AWS::ApiGatewayV2::Authorizer"
    version = str(resource.only("AuthorizerPayloadFormatVersion") or "1.0")
    of_rest_api = "REQUEST" if resource.only("Type") == "REQUEST" else "TOKEN"
    if function := resource.template.function(resource.written("AuthorizerUri")):
        given = AUTHORIZES[f"REQUEST {version}" if of_http_api else of_rest_api]
        yield Source(Kind.DIRECT, function, resource.name, given=given)


def calls_a_service(integration: Any) -> bool:
    """Whether an integration of API Gateway reaches AWS without a function, or a function that is not here."""
    return str(integration).upper() in ("AWS", "AWS_PROXY")
