"""Everything in a template that can set something off, each a row of the report."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from trials.project import accounted
from trials.project.callers import AUTHORIZES, BALANCED, ended, piped, polled, resolves, transforms, triggered
from trials.project.machines import attempts, definition, states
from trials.project.nested import LOCATIONS
from trials.project.source import ANY, Batching, Kind, Route, Source
from trials.template import Model, TemplateError, as_dict, logical_id, read_template, references, text
from trials.template.nodes import FUNCTIONS, MACHINES

__all__ = ["ANY", "Batching", "Kind", "Route", "Source", "as_dict", "sources"]

APIS = {  # and the version of the event that their integrations send unless they say another
    "AWS::Serverless::Api": "1.0",
    "AWS::ApiGateway::RestApi": "1.0",
    "AWS::Serverless::HttpApi": "2.0",
    "AWS::ApiGatewayV2::Api": "2.0",
}
ENDS = {  # of a way without a function, where it shows what came out
    *("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Kinesis::Stream", "AWS::Events::EventBus"),
    *("AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine"),
}


SAM_KINDS = {  # of a SAM event, with the property that says where it comes from
    "SQS": (Kind.QUEUE, "Queue"),
    "Kinesis": (Kind.STREAM, "Stream"),
    "DynamoDB": (Kind.TABLE, "Stream"),
    "SNS": (Kind.TOPIC, "Topic"),
    "EventBridgeRule": (Kind.BUS, "EventBusName"),
    "CloudWatchEvent": (Kind.BUS, "EventBusName"),
    "Schedule": (Kind.SCHEDULE, ""),
    "ScheduleV2": (Kind.SCHEDULE, ""),
    "Api": (Kind.HTTP, "RestApiId"),
    "HttpApi": (Kind.HTTP, "ApiId"),
    "S3": (Kind.BUCKET, "Bucket"),
    "CloudWatchLogs": (Kind.LOGS, "LogGroupName"),
}
MAPPED = {"SQS": Kind.QUEUE, "Kinesis": Kind.STREAM, "DynamoDB": Kind.TABLE}


class Reader:
    """Walks a template once; a function that nothing has set off at the end is a source of its own."""

    def __init__(self, body: dict[str, Any], folder: Path) -> None:
        self.body, self.folder = body, folder
        self.model = Model(body, folder / "template.yaml")
        self.resources: dict[str, Any] = body["Resources"]
        self.functions = {name for name, each in self.resources.items() if each.get("Type") in FUNCTIONS}

    def sources(self) -> list[Source]:
        listed = [source for name, each in self.resources.items() for source in self._of(name, each)]
        events = {(each.function, each.route.method, each.route.path) for each in listed if each.route}
        for source in (source for name, each in self.resources.items() for source in self._api(name, each)):
            if not source.route or (source.function, source.route.method, source.route.path) not in events:
                listed.append(source)  # SAM makes one definition of this and of its functions' events
        called = {source.function for source in listed}
        return listed + [Source(Kind.DIRECT, name, name) for name in sorted(self.functions - called)]

    def _of(self, name: str, resource: dict[str, Any]) -> Iterator[Source]:
        kind, properties = resource.get("Type", ""), resource.get("Properties") or {}
        if kind == "AWS::Serverless::Function":
            for event, each in (properties.get("Events") or {}).items():
                yield self._sam(name, event, each)
            if properties.get("FunctionUrlConfig"):
                yield self._url(name, name, properties["FunctionUrlConfig"])
            yield from self._destinations(name, properties.get("EventInvokeConfig"))
        elif kind == "AWS::Lambda::EventInvokeConfig":
            yield from self._destinations(name, properties)
        elif kind == "AWS::Lambda::Url":
            if function := self.function(properties.get("TargetFunctionArn")):
                yield self._url(function, name, properties)
        elif kind == "AWS::Lambda::EventSourceMapping":
            yield self._mapping(name, properties)
        elif kind == "AWS::SNS::Subscription":
            yield from self._subscription(name, properties, logical_id(properties.get("TopicArn")))
        elif kind == "AWS::SNS::Topic":
            for number, each in enumerate(properties.get("Subscription") or []):
                if isinstance(each, dict):
                    yield from self._subscription(f"{name}.{number}", each, name)
        elif kind in ("AWS::Events::Rule", "AWS::Scheduler::Schedule"):
            yield from self._rule(name, properties)
        elif kind == "AWS::S3::Bucket":
            yield from self._bucket(name, as_dict(properties.get("NotificationConfiguration")))
        elif kind == "AWS::Logs::SubscriptionFilter":
            if function := self.function(properties.get("DestinationArn")):
                yield Source(Kind.LOGS, function, name, logical_id(properties.get("LogGroupName")))
            else:
                yield self._route(name, properties.get("DestinationArn"))
        elif kind == "AWS::ApiGatewayV2::Route":
            yield from self._v2_route(name, properties)
        elif kind == "AWS::ApiGateway::Method":
            yield from self._v1_method(name, properties)
        elif kind in MACHINES:
            yield from self._machine(name, properties)
        elif kind in ("AWS::ApiGateway::Authorizer", "AWS::ApiGatewayV2::Authorizer"):
            token = kind == "AWS::ApiGateway::Authorizer" and properties.get("Type") != "REQUEST"
            simple = f" {properties.get('AuthorizerPayloadFormatVersion', '1.0')}" if "V2" in kind else ""
            if function := self.function(properties.get("AuthorizerUri")):
                yield Source(Kind.DIRECT, function, name, given=AUTHORIZES["TOKEN" if token else f"REQUEST{simple}"])
        elif kind == "AWS::Cognito::UserPool":
            for trigger, target in as_dict(properties.get("LambdaConfig")).items():
                if function := self.function(as_dict(target).get("LambdaArn") or target):
                    why = "" if (asked := triggered(trigger)) else accounted.reason(kind)
                    yield Source(
                        Kind.OTHER if why else Kind.DIRECT, function, f"{name}.{trigger}", given=asked, why=why
                    )
        elif call := self._asked_directly(kind, properties):
            function, given = call
            yield Source(Kind.DIRECT, function, name, given=given)
        elif kind == "AWS::CloudWatch::Alarm":
            yield from self._named(name, "there are no trials for alarms", accounted.alarm_actions(properties))
        elif kind == "AWS::Pipes::Pipe":
            yield from self._pipe(name, properties)
        elif kind in LOCATIONS:
            named = list(self._named(name, accounted.NESTED, properties))
            yield from named or [Source(Kind.OTHER, "", name, why=accounted.NESTED)]
        elif why := "" if kind in APIS else accounted.reason(kind):
            yield from self._named(name, why, properties)

    def _pipe(self, name: str, pipe: dict[str, Any]) -> Iterator[Source]:
        """The functions that a pipe asks; a pipe without one is a row."""
        origin = str(as_dict(self.resources.get(logical_id(pipe.get("Source")))).get("Type", ""))
        found = False
        for end in ("Enrichment", "Target"):
            if function := self.function(pipe.get(end)):
                found = True
                made_anew = "InputTemplate" in as_dict(pipe.get(f"{end}Parameters"))
                made_anew = made_anew or (end == "Target" and "Enrichment" in pipe)
                yield Source(Kind.DIRECT, function, f"{name}.{end}", given=piped(origin, made_anew))
        if not found:
            why = accounted.reason("AWS::Pipes::Pipe")
            yield Source(Kind.OTHER, logical_id(pipe.get("Target")), name, why=why)

    def _asked_directly(self, kind: str, properties: dict[str, Any]) -> tuple[str, str] | None:
        """The function that a service asks and waits for, and what it is asked."""
        if kind == "AWS::AppSync::Resolver":
            origin = as_dict(self.resources.get(logical_id(properties.get("DataSourceName"))))
            config = as_dict(as_dict(origin.get("Properties")).get("LambdaConfig"))
            function = self.function(config.get("LambdaFunctionArn"))
            asked = resolves(str(properties.get("TypeName")), str(properties.get("FieldName")))
        elif kind == "AWS::KinesisFirehose::DeliveryStream":
            meant = {self.function({"Ref": each}) for each in references(properties)} - {""}
            function, asked = (meant.pop() if len(meant) == 1 else ""), transforms()
        elif kind == "AWS::ElasticLoadBalancingV2::TargetGroup":
            ends = [self.function(as_dict(each).get("Id")) for each in properties.get("Targets") or []]
            function, asked = next(filter(None, ends), ""), BALANCED
        else:
            return None
        return (function, asked) if function else None

    def _named(self, name: str, why: str, properties: Any) -> Iterator[Source]:
        """A row for each function that a resource without trials refers to."""
        meant = {self.function({"Ref": each}) for each in references(properties)}
        yield from (Source(Kind.OTHER, function, name, why=why) for function in sorted(meant - {""}))

    def _route(self, name: str, target: Any, why: str = accounted.ROUTE, begins: Source | None = None) -> Source:
        """A way that ends in something else than a function; `begins` says where, if an event can be sent there."""
        end = logical_id(target)
        if begins and as_dict(self.resources.get(end)).get("Type") in ENDS:
            return replace(begins, kind=Kind.ROUTE, function=end, name=name)
        return Source(Kind.OTHER, logical_id(target) or "something elsewhere", name, why=why)

    def _into_a_queue(self, name: str, api: str, where: Route, uri: Any) -> Source:
        """A REST API's way into a queue, which the local AWS knows; of those into other services, a row."""
        queues = [each for each in sorted(references(uri)) if "SQS::Queue" in str(self.resources.get(each))]
        if ":sqs:path" not in text(uri) or len(queues) != 1:
            return self._route(name, uri, accounted.INTEGRATED)
        return Source(Kind.ROUTE, queues[0], name, api, route=where)

    def _on_a_bus(self, name: str, end: str, rule: dict[str, Any], pattern: dict[str, Any]) -> Source | None:
        """A way that begins with an event on a bus of this template, on one that it names, or on the default one."""
        bus = rule.get("EventBusName")
        origin = "" if bus == "default" else logical_id(bus) or as_text(bus)
        if not pattern or (bus and bus != "default" and not origin):
            return None
        return Source(Kind.ROUTE, end, name, origin, pattern=pattern)

    def _destinations(self, name: str, config: Any) -> Iterator[Source]:
        succeeded = [as_dict(as_dict(as_dict(config).get("DestinationConfig")).get("OnSuccess")).get("Destination")]
        for end in accounted.destinations(config):
            if function := self.function(end):
                happened = ended("Success" if end in succeeded else "RetriesExhausted")
                yield Source(Kind.DIRECT, function, f"{name}.destination", given=happened)

    def _bucket(self, name: str, notifications: dict[str, Any]) -> Iterator[Source]:
        for each in notifications.get("LambdaConfigurations") or []:
            if function := self.function(each.get("Function")):
                yield Source(Kind.BUCKET, function, f"{name}.{each.get('Event', '')}", name, pattern=key_rules(each))
            else:
                yield Source(Kind.OTHER, "", f"{name}.{each.get('Event', '')}", name, why=accounted.ELSEWHERE)
        for key, end in (("QueueConfigurations", "Queue"), ("TopicConfigurations", "Topic")):
            for each in notifications.get(key) or []:
                event = f"{name}.{each.get('Event', '')}"
                begins = Source(Kind.ROUTE, "", event, name, pattern=key_rules(each))
                yield self._route(event, each.get(end), begins=begins if "Created" in event else None)

    def _api(self, name: str, resource: dict[str, Any]) -> Iterator[Source]:
        """The integrations of an API that is written as OpenAPI, and the functions that authorize its callers."""
        kind, properties = resource["Type"], resource.get("Properties") or {}
        if kind not in APIS:
            return
        yield from self._authorizers(name, properties, "TOKEN" if APIS[kind] == "1.0" else "REQUEST 2.0")
        if function := self.function(properties.get("Target")):  # quick create: every request goes to it
            yield Source(Kind.HTTP, function, name, name, route=Route("ANY", "$default", "2.0"))
        for path, operations in as_dict(self._openapi(properties).get("paths")).items():
            for method, operation in as_dict(operations).items():
                integration = as_dict(as_dict(operation).get("x-amazon-apigateway-integration"))
                if not integration or method.upper() == "OPTIONS":
                    continue
                version = str(integration.get("payloadFormatVersion", APIS[kind]))
                where = Route("ANY" if method.upper() in ANY else method.upper(), path, version)
                if (function := self.function(integration.get("uri"))) and integration.get("type") == "aws":
                    yield Source(Kind.DIRECT, function, f"{name}.{method} {path}", name)
                elif function:
                    yield Source(Kind.HTTP, function, f"{name}.{method} {path}", name, route=where)
                elif calls_a_service(integration.get("type")):
                    yield self._into_a_queue(f"{name}.{method} {path}", name, where, integration.get("uri"))

    def _authorizers(self, name: str, properties: dict[str, Any], form: str) -> Iterator[Source]:
        """The functions that authorize a SAM API's callers, each with the form of event that it gets."""
        listed = as_dict(as_dict(properties.get("Auth")).get("Authorizers"))
        for key, settings in listed.items():
            if function := self.function(as_dict(settings).get("FunctionArn")):
                asked = str(as_dict(settings).get("FunctionPayloadType", "")).upper()
                version = str(as_dict(settings).get("AuthorizerPayloadFormatVersion", "2.0"))
                told = ("REQUEST" if asked == "REQUEST" else form) if form == "TOKEN" else f"REQUEST {version}"
                yield Source(Kind.DIRECT, function, f"{name}.{key}", name, given=AUTHORIZES[told])

    def _openapi(self, properties: dict[str, Any]) -> dict[str, Any]:
        """An API's definition, also from the file beside the template that holds it."""
        place = properties.get("DefinitionUri")
        for body in (properties.get("Body"), properties.get("DefinitionBody")):
            include = as_dict(as_dict(body).get("Fn::Transform"))
            if include.get("Name") != "AWS::Include" and isinstance(body, dict):
                return body
            place = place or as_dict(include.get("Parameters")).get("Location")
        if isinstance(place, str) and (self.folder / place).is_file():
            try:
                return read_template(self.folder / place)
            except TemplateError:
                return {}
        return {}

    def function(self, value: Any) -> str:
        """The function of this template that an expression means, through its alias or version."""
        meant = logical_id(value)
        resource = self.resources.get(meant) or {}
        if resource.get("Type") in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
            return self.function(resource.get("Properties", {}).get("FunctionName"))
        if meant in self.functions:
            return meant
        among = sorted({name for name in references(value) if name in self.functions})
        return among[0] if len(among) == 1 else ""

    def _sam(self, function: str, event: str, body: dict[str, Any]) -> Source:
        properties, kind_name = dict(body.get("Properties") or {}), str(body.get("Type"))
        name = f"{function}.{event}"
        kind, key = SAM_KINDS.get(kind_name, (Kind.OTHER, ""))
        origin = logical_id(properties.get(key)) if key else ""
        if kind_name == "SNS" and properties.get("SqsSubscription"):
            return Source(Kind.OTHER, function, name, origin, why="SNS through a queue that SAM makes")
        if kind is Kind.HTTP:
            return Source(kind, function, name, origin, route=self._sam_route(kind_name, properties))
        if kind in (Kind.QUEUE, Kind.STREAM, Kind.TABLE):
            return Source(kind, function, name, origin, batching(properties, kind))
        if kind is Kind.TOPIC:
            by_body = properties.get("FilterPolicyScope") == "MessageBody"
            return Source(
                kind, function, name, origin, pattern=as_dict(properties.get("FilterPolicy")), by_body=by_body
            )
        if kind is Kind.BUS:
            pattern = as_dict(properties.get("Pattern") or properties.get("EventPattern"))
            return Source(kind, function, name, origin, pattern=pattern, given=as_text(properties.get("Input")))
        if kind_name == "Cognito" and (asked := triggered(first(properties.get("Trigger")))):
            return Source(Kind.DIRECT, function, name, given=asked)
        if asked := polled(kind_name, self._engine(properties.get("Broker"))):
            return Source(Kind.DIRECT, function, name, given=asked)
        if kind is Kind.OTHER:
            return Source(kind, function, name, why=f"there are no trials for {kind_name} yet")
        if kind is Kind.BUCKET:
            return Source(kind, function, name, origin, pattern=key_rules(properties))
        return Source(kind, function, name, origin, given=as_text(properties.get("Input")))

    def _engine(self, broker: Any) -> str:
        """The engine of a broker of Amazon MQ that this template makes."""
        return str(as_dict(as_dict(self.resources.get(logical_id(broker))).get("Properties")).get("EngineType", ""))

    def _sam_route(self, kind: str, properties: dict[str, Any]) -> Route:
        method, path = str(properties.get("Method", "ANY")).upper(), str(properties.get("Path", "/{proxy+}"))
        version = "1.0" if kind == "Api" else str(properties.get("PayloadFormatVersion", "2.0"))
        return Route(method, path, version, self._sam_authorizer(kind, properties))

    def _sam_authorizer(self, kind: str, properties: dict[str, Any]) -> str:
        """Which kind of authorizer a SAM route has: its own, or the default of its API."""
        own = as_dict(properties.get("Auth")).get("Authorizer")
        api = self.resources.get(logical_id(properties.get("RestApiId" if kind == "Api" else "ApiId")), {})
        shared = as_dict(as_dict(self.body.get("Globals")).get("Api" if kind == "Api" else "HttpApi"))
        auth = as_dict(as_dict(api.get("Properties")).get("Auth")) or as_dict(shared.get("Auth"))
        chosen = own or auth.get("DefaultAuthorizer")
        if not isinstance(chosen, str) or chosen == "NONE":
            return ""
        if chosen == "AWS_IAM":
            return "iam"
        settings = as_dict(as_dict(auth.get("Authorizers")).get(chosen))
        if "UserPoolArn" in settings:
            return "cognito"
        return "lambda" if "FunctionArn" in settings else "jwt"

    def _url(self, function: str, name: str, settings: Any) -> Source:
        iam = as_dict(settings).get("AuthType") == "AWS_IAM"
        return Source(Kind.HTTP, function, name, "", route=Route("ANY", "/", "2.0", "iam" if iam else ""))

    def _mapping(self, name: str, properties: dict[str, Any]) -> Source:
        origin = logical_id(properties.get("EventSourceArn"))
        function = self.function(properties.get("FunctionName"))
        service = re.search(r"::(SQS|Kinesis|DynamoDB)::", str((self.resources.get(origin) or {}).get("Type", "")))
        if not service:
            brokers = {"AWS::AmazonMQ::Broker": "MQ", "AWS::MSK::Cluster": "MSK", "AWS::MSK::ServerlessCluster": "MSK"}
            polls = brokers.get(str((self.resources.get(origin) or {}).get("Type")), "")
            polls = "SelfManagedKafka" if properties.get("SelfManagedEventSource") else polls
            if function and (asked := polled(polls, self._engine(properties.get("EventSourceArn")))):
                return Source(Kind.DIRECT, function, name, given=asked)
            return Source(Kind.OTHER, function, name, origin, why="an event source mapping of another service")
        if not function:
            return Source(Kind.OTHER, "", name, origin, why=accounted.ELSEWHERE)
        kind = MAPPED[service[1]]
        return Source(kind, function, name, origin, batching(properties, kind))

    def _subscription(self, name: str, properties: dict[str, Any], topic: str) -> Iterator[Source]:
        protocol = properties.get("Protocol")
        if protocol != "lambda":
            if protocol not in ("email", "email-json", "sms", "application"):
                by_body = properties.get("FilterPolicyScope") == "MessageBody"
                policy = as_dict(properties.get("FilterPolicy"))
                begins = Source(Kind.ROUTE, "", name, topic, pattern=policy, by_body=by_body)
                yield self._route(name, properties.get("Endpoint"), begins=begins if topic else None)
            return
        if function := self.function(properties.get("Endpoint")):
            by_body = properties.get("FilterPolicyScope") == "MessageBody"
            policy = as_dict(properties.get("FilterPolicy"))
            yield Source(Kind.TOPIC, function, name, topic, pattern=policy, by_body=by_body)
        else:
            yield Source(Kind.OTHER, "", name, topic, why=accounted.ELSEWHERE)

    def _rule(self, name: str, properties: dict[str, Any]) -> Iterator[Source]:
        pattern = as_dict(properties.get("EventPattern"))
        kind = Kind.BUS if pattern else Kind.SCHEDULE
        for target in properties.get("Targets") or [properties.get("Target") or {}]:
            if function := self.function(as_dict(target).get("Arn")):
                given, bus = as_text(target.get("Input")), logical_id(properties.get("EventBusName"))
                yield Source(kind, function, name, bus, pattern=pattern, given=given)
            elif as_dict(target).get("Arn"):
                end = logical_id(target["Arn"])
                started = as_dict(self.resources.get(end)).get("Type") in MACHINES
                why = accounted.MACHINE if started else accounted.ROUTE
                yield self._route(name, target["Arn"], why, self._on_a_bus(name, "", properties, pattern))

    def _v2_route(self, name: str, route: dict[str, Any]) -> Iterator[Source]:
        integration = as_dict(self.resources.get(logical_id(route.get("Target"))))
        settings = as_dict(integration.get("Properties"))
        function = self.function(settings.get("IntegrationUri"))
        api = logical_id(route.get("ApiId"))
        key = str(route.get("RouteKey", "$default"))
        if key.startswith("OPTIONS "):
            return
        if not function:
            if settings.get("IntegrationSubtype") or calls_a_service(settings.get("IntegrationType")):
                yield self._route(name, settings.get("RequestParameters"))
            return
        if as_dict(as_dict(self.resources.get(api)).get("Properties")).get("ProtocolType") == "WEBSOCKET":
            yield Source(Kind.HTTP, function, name, api, route=Route("", key, websocket=True))
            return
        method, _, path = key.partition(" ")
        version = str(settings.get("PayloadFormatVersion", "2.0"))
        authorizer = {"JWT": "jwt", "CUSTOM": "lambda", "AWS_IAM": "iam"}.get(str(route.get("AuthorizationType")), "")
        where = Route(method if path else "ANY", path or "/{proxy+}", version, authorizer)
        yield Source(Kind.HTTP, function, name, api, route=where)

    def _v1_method(self, name: str, method: dict[str, Any]) -> Iterator[Source]:
        integration = as_dict(method.get("Integration"))
        function = self.function(integration.get("Uri"))
        if method.get("HttpMethod") == "OPTIONS":
            return
        if not function:
            if calls_a_service(integration.get("Type")):
                where = Route(str(method.get("HttpMethod")), self._path(method.get("ResourceId")), "1.0")
                yield self._into_a_queue(name, logical_id(method.get("RestApiId")), where, integration.get("Uri"))
            return
        if integration.get("Type") == "AWS":  # what it gets is made by a mapping template, and no request
            yield Source(Kind.DIRECT, function, name, logical_id(method.get("RestApiId")))
            return
        kinds = {"COGNITO_USER_POOLS": "cognito", "CUSTOM": "lambda", "AWS_IAM": "iam"}
        authorizer = kinds.get(str(method.get("AuthorizationType")), "")
        where = Route(str(method.get("HttpMethod", "ANY")), self._path(method.get("ResourceId")), "1.0", authorizer)
        yield Source(Kind.HTTP, function, name, logical_id(method.get("RestApiId")), route=where)

    def _path(self, resource_id: Any) -> str:
        """The path of an `AWS::ApiGateway::Resource`, from its parents."""
        resource = as_dict(self.resources.get(logical_id(resource_id)))
        if resource.get("Type") != "AWS::ApiGateway::Resource":
            return "/"
        properties = as_dict(resource.get("Properties"))
        return f"{self._path(properties.get('ParentId')).rstrip('/')}/{properties.get('PathPart', '')}"

    def _machine(self, name: str, properties: dict[str, Any]) -> Iterator[Source]:
        for event, body in (properties.get("Events") or {}).items():
            asked = as_dict(as_dict(body).get("Properties"))
            begins = self._on_a_bus(f"{name}.{event}", name, asked, as_dict(asked.get("Pattern")))
            yield begins or Source(Kind.OTHER, name, f"{name}.{event}", why=accounted.MACHINE)
        given = as_dict(properties.get("DefinitionSubstitutions"))
        express = "EXPRESS" in (properties.get("Type"), properties.get("StateMachineType"))
        seen: set[str] = set()
        for state in states(definition(properties, self.folder)):
            if state.get("Type") != "Task" or "waitForTaskToken" in str(state.get("Resource")):
                continue
            passed = state.get("Arguments") or state.get("Parameters")
            called = (passed.get("FunctionName") if isinstance(passed, dict) else None) or state.get("Resource")
            parts = re.findall(r"\$\{(\w+)", str(called))
            meant = references(called) | {logical_id(given[part]) if part in given else part for part in parts}
            retries = [each for each in state.get("Retry", []) if each.get("MaxAttempts", 3)]
            for function in sorted(meant & self.functions - seen):
                seen.add(function)
                again = attempts(state) if retries or express else 1
                yield Source(Kind.TASK, function, f"{name}.{function}", name, attempts=again)


def key_rules(notification: dict[str, Any]) -> dict[str, Any]:
    """The prefix and the suffix that a bucket's notification asks of an object's key."""
    rules = as_dict(as_dict(as_dict(notification.get("Filter")).get("S3Key"))).get("Rules") or []
    return {str(each.get("Name")).lower(): each.get("Value") for each in rules if isinstance(each, dict)}


def calls_a_service(integration: Any) -> bool:
    """Whether an integration of API Gateway reaches AWS without a function, or a function that is not here."""
    return str(integration).upper() in ("AWS", "AWS_PROXY")


def batching(properties: dict[str, Any], kind: Kind) -> Batching:
    criteria = as_dict(properties.get("FilterCriteria")).get("Filters") or []
    return Batching(
        size=whole(properties.get("BatchSize"), 10 if kind is Kind.QUEUE else 100),
        reports_failures="ReportBatchItemFailures" in (properties.get("FunctionResponseTypes") or []),
        retries=whole(properties.get("MaximumRetryAttempts"), -1),
        halves=str(properties.get("BisectBatchOnFunctionError")).lower() == "true",
        keeps_discarded=bool(properties.get("DestinationConfig")),
        filters=tuple(each.get("Pattern") for each in criteria if isinstance(each, dict)),
    )


def whole(value: Any, default: int) -> int:
    """A literal number, also as text; the default for what only deployment tells."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def first(value: Any) -> str:
    return str(value[0] if isinstance(value, list) and value else value)


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def sources(body: dict[str, Any], folder: Path = Path()) -> list[Source]:
    """Everything that sets a function off, in the notation of SAM and in that of CloudFormation."""
    return Reader(body, folder).sources()
