"""What an API needs between its callers and the functions behind it."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))
import _model as model

API = "references/serverless-patterns.md#rest-api"
LOGS = "references/observability-best-practices.md#logs"
EDGE = "references/security-best-practices.md#the-edge-of-an-api"
TASK = "references/serverless-patterns.md#async-task"
SINGULAR, CONCURRENT, WAITING = (
    "speedy, simple, singular",
    "concurrent requests, not total",
    "orchestrate with state machines",
)
TAGS = ["apigateway", "lambda"]
SAM = {"Api": "AWS::Serverless::Api", "HttpApi": "AWS::Serverless::HttpApi"}  # by their events and sections of Globals
REST, V2 = ("AWS::Serverless::Api", "AWS::ApiGateway::RestApi"), ("AWS::Serverless::HttpApi", "AWS::ApiGatewayV2::Api")
IMPLICIT = {"ServerlessRestApi": "Api", "ServerlessHttpApi": "HttpApi"}
DEFINED = ("DefinitionBody", "DefinitionUri", "Body", "BodyS3Location")  # routes that are told elsewhere
LIMITS = {"REST": 29_000, "HTTP": 30_000, "WEBSOCKET": 29_000}  # milliseconds, unless the integration says otherwise
# What strangers have to reach, or what asks who they are in its own way.
STRANGERS = re.compile(
    r"hook|callback|health|ping|status|live|ready|heartbeat|log-?(in|out)|sign-?(in|up|out)|regist|confirm|verif"
    r"|password|public|o?auth|token|well-known|favicon|robots|docs|swagger|openapi|redirect",
    re.IGNORECASE,
)
ANYWHERE = ("*", "'*'", '"*"', "http://*", "https://*")


@dataclass(frozen=True, eq=False)
class Route:
    node: model.Node
    method: str
    path: str
    auth: str  # open, said (to be open), guarded (or unknown)
    function: model.Resource | None
    milliseconds: list[int | None]  # that its integration waits
    streamed: bool

    @property
    def strangers(self) -> bool:
        names = [str(key) for key in self.node.path if key not in ("Resources", "Properties", "Events")]
        return any(STRANGERS.search(each) for each in (self.path, *names))

    def __str__(self) -> str:
        return f"{self.method} {self.path}".strip()


@dataclass(frozen=True, eq=False)
class Api:
    node: model.Node
    name: str
    kind: str  # REST, HTTP, WEBSOCKET
    routes: list[Route]
    guarded: bool  # as a whole, or hidden
    whole: bool  # these are all of its routes
    stages: list[model.Node]  # what sets its throttle and its access log


def apis(template: model.Model) -> list[Api]:
    """The APIs of a template, those that SAM makes for events included."""
    routes: dict[str, list[Route]] = {}
    for name, route in (*_events(template), *_methods(template), *_routes(template)):
        routes.setdefault(name, []).append(route)
    described = []
    for api in template.of(*REST, *V2):
        kind = _kind(api)
        mine = routes.get(api.name, [])
        if not api.absent("Target"):  # quick create
            limit: list[int | None] = [LIMITS[kind]]
            mine = [*mine, Route(api, "", "$default", "open", None, limit, False)]
        if kind == "WEBSOCKET":
            mine = [route for route in mine if route.path == "$connect"]
        whole = all(api.absent(key) for key in DEFINED)
        described.append(Api(api, api.name, kind, mine, _hidden(api), whole, _stages(template, api)))
    for name, section in IMPLICIT.items():
        if routes.get(name):
            node = _shared(template, section, routes[name][0].node.path)
            kind = "REST" if section == "Api" else "HTTP"
            described.append(Api(node, f"the {section} of SAM", kind, routes[name], _hidden(node), True, [node]))
    return described


def _kind(api: model.Resource) -> str:
    if api.type in REST:
        return "REST"
    return "WEBSOCKET" if all(each == "WEBSOCKET" for each in api.values("ProtocolType")) else "HTTP"


def _shared(template: model.Model, section: str, path: model.Where) -> model.Node:
    """What Globals say about an API that SAM makes, which stands nowhere but in its events."""
    return model.Node(template, model.shared_section(template.body, SAM[section]), path)


def _events(template: model.Model) -> Iterator[tuple[str, Route]]:
    for event in template.events:
        if event.kind in SAM:
            key = "RestApiId" if event.kind == "Api" else "ApiId"
            api = event.refers(key)
            implicit = next(name for name, section in IMPLICIT.items() if section == event.kind)
            made = event.absent(key) or model.logical_id(event.only(key)) == implicit
            if made or api:
                node = api or _shared(template, event.kind, event.path)
                kind = "REST" if event.kind == "Api" else "HTTP"
                function = event.owner if event.owner.is_function else None
                method = str(event.values("Method", default="")[0]).upper()
                path = str(event.values("Path", default="$default")[0])
                limits = event.numbers("TimeoutInMillis", default=LIMITS[kind])
                streamed = not event.absent("ResponseTransferMode")
                route = Route(event, method, path, _sam_auth(event, node), function, limits, streamed)
                yield api.name if api else implicit, route


def _sam_auth(event: model.Node, api: model.Node) -> str:
    own = event.values("Auth", "Authorizer")
    others = [*event.values("Auth", "ApiKeyRequired"), *event.values("Auth", "ResourcePolicy")]
    defaults = [*api.values("Auth", "DefaultAuthorizer"), *api.values("Auth", "ApiKeyRequired")]
    if all(each == "NONE" for each in own):
        return "said"
    asked = any(each is not None and model.flag(each) is not False for each in (*own, *others, *defaults))
    return "guarded" if asked else "open"


def _methods(template: model.Model) -> Iterator[tuple[str, Route]]:
    for method in template.of("AWS::ApiGateway::Method"):
        api = method.refers("RestApiId")
        if api and method.only("Integration", "Type") != "MOCK":
            proxy = method.only("Integration", "Type") == "AWS_PROXY"
            function = _function(template, method.only("Integration", "Uri")) if proxy else None
            limits = method.numbers("Integration", "TimeoutInMillis", default=LIMITS["REST"])
            streamed = not method.absent("Integration", "ResponseTransferMode")
            verb, path = str(method.only("HttpMethod")), _path(method.refers("ResourceId"))
            yield api.name, Route(method, verb, path, _auth(method, "open"), function, limits, streamed)


def _path(resource: model.Resource | None) -> str:
    path = ""
    while resource and resource.type == "AWS::ApiGateway::Resource" and path.count("/") < 30:
        path = f"/{resource.only('PathPart')}{path}"
        resource = resource.refers("ParentId")
    return path or "/"


def _routes(template: model.Model) -> Iterator[tuple[str, Route]]:
    for route in template.of("AWS::ApiGatewayV2::Route"):
        api = route.refers("ApiId")
        if api:
            integration = template.resources.get(model.logical_id(route.only("Target")))
            known = integration if integration and integration.type == "AWS::ApiGatewayV2::Integration" else None
            function = _function(template, known.only("IntegrationUri")) if known else None
            default = LIMITS[_kind(api)]
            limits: list[int | None] = known.numbers("TimeoutInMillis", default=default) if known else [None]
            method, _, path = str(route.only("RouteKey")).rpartition(" ")
            yield api.name, Route(route, method, path, _auth(route, "said"), function, limits, False)


def _auth(route: model.Resource, none: str) -> str:
    """`none` is what NONE means: of a route on purpose, of a method what everybody writes."""
    values = [*route.values("AuthorizationType"), *route.values("ApiKeyRequired")]
    if all(each in (None, "NONE") or model.flag(each) is False for each in values):
        return none if "NONE" in values else "open"
    return "guarded"


def _function(template: model.Model, uri: Any) -> model.Resource | None:
    names = [each for each in (template.resources.get(name) for name in model.references(uri)) if each]
    aliases = [template.resource({"Ref": each.name}) for each in names]
    functions = [each for each in aliases if each and each.is_function]
    return functions[0] if len(functions) == 1 else None


def _hidden(api: model.Node) -> bool:
    """No stranger reaches it, or a policy, a certificate or a header that the firewall looks for says who does."""
    policies = (("Policy",), ("Auth", "ResourcePolicy"), ("Domain", "MutualTlsAuthentication"))
    private = "PRIVATE" in json.dumps(api.values("EndpointConfiguration"), default=str)
    domains = api.template.of("AWS::ApiGatewayV2::DomainName", "AWS::ApiGateway::DomainName")
    certified = any(not each.absent("MutualTlsAuthentication") for each in domains)
    firewalls = [json.dumps(each.body, default=str) for each in api.template.of("AWS::WAFv2::WebACL")]
    looked = any("SingleHeader" in each for each in firewalls)
    return private or certified or looked or any(not api.absent(*keys) for keys in policies)


def _stages(template: model.Model, api: model.Resource) -> list[model.Node]:
    """What deploys an API: itself in SAM, otherwise its stages, or the deployments that make one."""
    if api.type in SAM.values():
        return [api]
    stages: list[model.Node] = [
        stage
        for stage in template.of("AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage")
        if api in (stage.refers("RestApiId"), stage.refers("ApiId"))
    ]
    if not stages and api.type in REST:
        deployments = [each for each in template.of("AWS::ApiGateway::Deployment") if each.refers("RestApiId") is api]
        stages += [
            model.Node(template, deployment.child("StageDescription").body or {}, deployment.resource_path)
            for deployment in deployments
            if not deployment.absent("StageName")
        ]
    return stages


class Open(model.Rule):
    id = "W9701"
    shortdesc = "An API asks who calls"
    description = "Otherwise whoever finds the address reads and writes what its functions may."
    section = API
    tags = [*TAGS, SINGULAR]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for api in apis(template):
            routes = [each for each in api.routes if each.method != "OPTIONS"]
            bare = [each for each in routes if each.auth == "open" and not each.strangers]
            if not api.whole or api.guarded or not bare:
                continue
            if all(each.auth != "guarded" for each in routes):
                what = f"{bare[0]}" if len(bare) == 1 else f"{len(bare)} routes, {bare[0]} first"
                where = api.node.resource_path if isinstance(api.node, model.Resource) else bare[0].node.path
                yield where, f"anyone may call {api.name}, {what}: {self._remedy(template, api, where)}"
                continue
            for route in bare:
                if route.method not in ("GET", "HEAD"):
                    message = f"{route} has no authorizer, others of {api.name} have"
                    yield route.node.path, f"{message}: {self._remedy(template, api, route.node.path)}"

    def _remedy(self, template: model.Model, api: Api, where: model.Where) -> str:
        """What deploys: SAM refuses the authorizer NONE where no DefaultAuthorizer is, a method says NONE anyway."""
        if isinstance(api.node, model.Resource) and api.node.type == "AWS::ApiGatewayV2::Api":
            routes = "" if api.node.absent("Target") else "replace Target by routes: "
            return f"{routes}add an authorizer, or say AuthorizationType: NONE"
        return f"add an authorizer, or, if anyone may, {model.meant(self.id, template.resources[str(where[1])])}"


class Throttle(model.Rule):
    id = "W9702"
    shortdesc = "What anyone may call is throttled"
    description = "A flood is then refused at the door instead of using up the account's concurrency and its money."
    section = EDGE
    tags = [*TAGS, CONCURRENT]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        if template.of("AWS::WAFv2::WebACLAssociation"):
            return
        for api in apis(template):
            callable_ = [each for each in api.routes if each.method != "OPTIONS" and each.auth in ("open", "said")]
            bodies = [each.body for each in (*api.stages, *(route.node for route in callable_))]
            said = any("Throttl" in json.dumps(each, default=str) for each in bodies)
            opaque = any(
                model.is_intrinsic(value)
                for stage in api.stages
                for key in ("MethodSettings", "DefaultRouteSettings", "RouteSettings")
                for value in stage.values(key)
            )
            if callable_ and api.whole and api.stages and not api.guarded and not said and not opaque:
                setting = "MethodSettings" if api.kind == "REST" else "DefaultRouteSettings"
                stage = api.stages[0]
                where = stage.resource_path if isinstance(stage, model.Resource) else stage.path
                message = f"nothing limits how often anyone calls {callable_[0]} of {api.name}"
                yield where, f"{message}: set {setting} with ThrottlingRateLimit and ThrottlingBurstLimit"


class AccessLog(model.Rule):
    id = "W9703"
    shortdesc = "An API keeps an access log"
    description = "A request that is refused, or whose integration fails, never reaches a function and leaves no trace."
    section = LOGS
    tags = [*TAGS, "logs", "design for failures and duplicates"]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for api in apis(template):
            key = "AccessLogSetting" if api.kind == "REST" else "AccessLogSettings"
            for stage in api.stages:
                if stage.absent(key):
                    where = stage.resource_path if isinstance(stage, model.Resource) else stage.path
                    yield where, f"{api.name}: what never reaches a function leaves no trace: set {key}"


def _origins(template: model.Model) -> Iterator[tuple[model.Node, str, bool]]:
    """CORS settings that admit every origin, whose they are, and whether with credentials."""
    settings: list[tuple[model.Node, str, str]] = []
    for api in template.of("AWS::Serverless::Api"):
        settings.append((api, "Cors", api.name))
    for api in template.of(*V2):
        settings.append((api, "CorsConfiguration", api.name))
    for function, url in template.urls:
        settings.append((url, "Cors", f"the URL of {function.name}"))
    for name, section in IMPLICIT.items():
        key = "Cors" if section == "Api" else "CorsConfiguration"
        node = model.Node(template, _shared(template, section, []).body, ["Globals", section])
        if not node.absent(key):
            settings.append((node, key, name))
    for node, key, name in settings:
        cors = node.child(key)
        if isinstance(cors.body, dict) and not model.is_intrinsic(cors.body):
            lists = [*cors.values("AllowOrigins"), *cors.values("AllowOrigin")]
            origins = [origin for each in lists for origin in model.listed(each)]
            credentials = all(model.flag(each) for each in cors.values("AllowCredentials"))
        else:
            origins = ["*"] if cors.body is True else [cors.body]
            credentials = False
        if any(isinstance(each, str) and each in ANYWHERE for each in origins):
            yield cors, name, credentials


class Credentials(model.Rule):
    id = "E9704"
    shortdesc = "CORS with credentials names its origins"
    description = "A browser refuses * with credentials; https://* lets any site act for whoever is logged in."
    section = API
    tags = [*TAGS, "cors", SINGULAR]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for cors, name, credentials in _origins(template):
            if credentials:
                yield cors.path, f"{name} admits every origin, with credentials: name the origins of your own sites"


class Origins(model.Rule):
    id = "I9705"
    shortdesc = "CORS names its origins"
    description = "With * the script of any site may call, with whatever token it got hold of, and read the answer."
    section = API
    tags = [*TAGS, "cors", SINGULAR]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for cors, name, credentials in _origins(template):
            if not credentials:
                yield cors.path, f"{name} admits every origin: name those of your own sites"


class Patience(model.Rule):
    id = "W9706"
    shortdesc = "A function behind an API runs no longer than the API waits"
    description = "The caller gets a 504 and tries again while the first request is still being worked on."
    section = TASK
    tags = [*TAGS, WAITING]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        called = _otherwise(template)
        said: set[str] = set()
        for api in apis(template):
            for route in api.routes if api.whole and api.kind != "WEBSOCKET" else ():  # nobody waits at a socket
                function = route.function
                if not function or route.streamed or function.name in said | called:
                    continue
                timeouts = function.numbers("Timeout", default=3)
                if model.certain(lambda t, ms: 1000 * t > ms, timeouts, route.milliseconds):
                    said.add(function.name)
                    waits = f"{(route.milliseconds[0] or 0) / 1000:g}"
                    message = f"{function.name} may run {timeouts[0]} s, {route} answers 504 after {waits} s"
                    yield function.at("Timeout"), f"{message}: lower Timeout, or answer 202 and work behind a queue"


def _otherwise(template: model.Model) -> set[str]:
    """Functions that something else invokes too, which may wait longer."""
    invoked = {each.owner.name for each in template.events if each.kind not in SAM}
    invoked |= {each.function.name for each in template.mappings if each.function}
    invoked |= {function.name for function, _ in template.urls}
    invoked |= {each.destination.name for each in template.targets if each.destination}
    return invoked | {each.endpoint.name for each in template.subscriptions if each.endpoint}


class CachedAnswer(model.Rule):
    id = "I9707"
    shortdesc = "What an authorizer answers yes or no is cached per route"
    description = "Without $context.routeKey the yes to one route is the yes to all of them until it expires."
    section = API
    tags = [*TAGS, SINGULAR]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        several = {api.name for api in apis(template) if len(api.routes) > 1}
        for authorizer in template.of("AWS::ApiGatewayV2::Authorizer"):
            api = authorizer.refers("ApiId")
            if api and api.name in several:
                seconds = authorizer.numbers("AuthorizerResultTtlInSeconds")
                sources = model.listed(authorizer.only("IdentitySource"))
                yield from self._shared(authorizer, seconds, sources, "IdentitySource")
        for api in template.of("AWS::Serverless::HttpApi"):
            authorizers = api.only("Auth", "Authorizers")
            for name in authorizers if isinstance(authorizers, dict) and api.name in several else ():
                own = api.child("Auth", "Authorizers", name)
                contexts = [f"$context.{value}" for value in model.listed(own.only("Identity", "Context"))]
                yield from self._shared(own, own.numbers("Identity", "ReauthorizeEvery"), contexts, "Identity")

    def _shared(
        self, node: model.Node, seconds: list[int | None], sources: list[Any], key: str
    ) -> Iterator[tuple[model.Where, str]]:
        simple = all(model.flag(each) for each in node.values("EnableSimpleResponses"))
        cached = model.certain(lambda ttl: ttl > 0, seconds)
        known = [model.text(each) for each in sources]
        if simple and cached and "" not in known and "$context.routeKey" not in known:
            remedy = "add $context.routeKey to it, or cache nothing"
            yield node.at(key), f"one yes is for every route for {seconds[0]} s: {remedy}"
