"""What a function needs that a service invokes: permission, patience, a place for what failed, and a whole API."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))
import _model as model

TAGS = ["lambda", "design for failures and duplicates"]
ROUTER = "references/eda-patterns.md#event-router"
JOB = "references/serverless-patterns.md#scheduled-job"
INVOKE = "references/security-best-practices.md#who-may-invoke"
TRIGGERS = "references/serverless-patterns.md#events-as-they-arrive"
API = "references/serverless-patterns.md#rest-api"
API_TAGS = ["apigateway", "speedy, simple, singular"]
REST = "AWS::Serverless::Api"
COGNITO = 5  # seconds that a user pool waits for its trigger
PRINCIPALS = {  # as whom SAM lets the source of an event invoke a function
    "Api": "apigateway.amazonaws.com",
    "HttpApi": "apigateway.amazonaws.com",
    "S3": "s3.amazonaws.com",
    "SNS": "sns.amazonaws.com",
    "EventBridgeRule": "events.amazonaws.com",
    "CloudWatchEvent": "events.amazonaws.com",
    "Schedule": "events.amazonaws.com",
    "CloudWatchLogs": "logs.amazonaws.com",
    "IoTRule": "iot.amazonaws.com",
    "Cognito": "cognito-idp.amazonaws.com",
}
EVENTS = ("S3", "SNS", "CloudWatchLogs", "IoTRule")  # of SAM; rules, schedules and subscriptions are read as such


def callers(template: model.Model) -> Iterator[tuple[model.Resource, str, bool]]:
    """Functions that something invokes asynchronously, by what, and whether that is a schedule."""
    for event in template.events:
        if (
            event.kind in EVENTS
            and event.owner.is_function
            and (event.kind != "SNS" or event.absent("SqsSubscription"))
        ):
            yield event.owner, event.kind, False
    for target in template.targets:
        if target.destination and target.destination.is_function:
            yield target.destination, "a schedule" if target.scheduled else "a rule", target.scheduled
    for topic in template.subscriptions:
        if topic.kind != "event" and topic.protocol == "lambda" and topic.endpoint and topic.endpoint.is_function:
            yield topic.endpoint, "SNS", False
    invocations = [
        (item.refers("Function"), "S3")
        for bucket in template.of(model.BUCKET)
        for item in bucket.items("NotificationConfiguration", "LambdaConfigurations")
    ]
    invocations += [
        (subscription.refers("DestinationArn"), "CloudWatchLogs")
        for subscription in template.of("AWS::Logs::SubscriptionFilter")
    ]
    invocations += [
        (action.refers("Lambda", "FunctionArn"), "IoTRule")
        for rule in template.of("AWS::IoT::TopicRule")
        for action in rule.items("TopicRulePayload", "Actions")
    ]
    for function, caller in invocations:
        if function and function.is_function:
            yield function, caller, False


def caught(template: model.Model, function: model.Resource) -> bool:
    """Something receives what the function failed at, as far as the template tells."""
    for key in ("DeadLetterQueue", "DeadLetterConfig", "DurableConfig"):  # a durable execution is its own record
        if not function.absent(key):
            return True
    if not function.absent("EventInvokeConfig", "DestinationConfig", "OnFailure"):
        return True
    for config in template.of("AWS::Lambda::EventInvokeConfig"):
        mine = config.refers("FunctionName") in (function, None)
        if mine and not config.absent("DestinationConfig", "OnFailure"):
            return True
    return False


def _findings(template: model.Model, scheduled: bool) -> Iterator[tuple[model.Where, str]]:
    called: dict[str, set[str]] = {}
    events: set[str] = set()
    for function, source, is_schedule in callers(template):
        called.setdefault(function.name, set()).add(source)
        events |= set() if is_schedule else {function.name}
    for name, sources in called.items():
        function = template.resources[name]
        if (name not in events) == scheduled and not caught(template, function):
            key = "EventInvokeConfig.DestinationConfig.OnFailure"
            if not function.type.startswith("AWS::Serverless"):
                key = f"an AWS::Lambda::EventInvokeConfig with {key.partition('.')[2]}"
            who = " and ".join(sorted(sources))
            yield function.resource_path, f"{name}: what fails twice again after {who} is discarded: add {key}"


class OnFailure(model.Rule):
    id = "E9601"
    shortdesc = "A function that events invoke asynchronously has an on-failure destination"
    description = (
        "Lambda tries twice again and then discards the event; the sender's own dead-letter queue never sees it."
    )
    section = ROUTER
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from _findings(template, scheduled=False)


class ScheduledOnFailure(model.Rule):
    id = "W9602"
    shortdesc = "A function that a schedule invokes has an on-failure destination"
    description = "The schedule's own dead-letter queue never sees what the function raises: a failed run is forgotten."
    section = JOB
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from _findings(template, scheduled=True)


@dataclass(frozen=True, eq=False)
class Call:
    """Where a template has a service invoke a function under the function's own policy; `by` is the logical id."""

    node: model.Node
    function: model.Resource
    principal: str
    by: str
    type: str


def calls(template: model.Model) -> Iterator[Call]:
    for node, value, service, by in (*_sent(template), *_asked(template)):
        names = [template.resource({"Ref": name}) for name in sorted(model.references(value))]
        functions = {each for each in names if each and each.is_function}
        if len(functions) == 1:
            yield Call(node, functions.pop(), f"{service}.amazonaws.com", by.name, by.type)


Asked = tuple[model.Node, Any, str, model.Resource]  # where it stands, the reference to a function, as whom, and who


def _sent(template: model.Model) -> Iterator[Asked]:
    """Events: of rules, topics, buckets, log groups and IoT rules."""
    for rule in template.of("AWS::Events::Rule"):
        for target in rule.items("Targets"):
            if target.absent("RoleArn") and rule.absent("RoleArn"):
                yield target, target.only("Arn"), "events", rule
    for topic in template.subscriptions:
        by = topic.topic or topic.endpoint
        if by and topic.kind != "event" and topic.protocol == "lambda":
            yield topic, topic.only("Endpoint"), "sns", by
    for bucket in template.of(model.BUCKET):
        for item in bucket.items("NotificationConfiguration", "LambdaConfigurations"):
            yield item, item.only("Function"), "s3", bucket
    for subscription in template.of("AWS::Logs::SubscriptionFilter"):
        yield subscription, subscription.only("DestinationArn"), "logs", subscription
    for rule in template.of("AWS::IoT::TopicRule"):
        payload = rule.child("TopicRulePayload")
        for action in (*payload.items("Actions"), payload.child("ErrorAction")) if payload.body else ():
            if isinstance(action.body, dict):
                yield action, action.only("Lambda", "FunctionArn"), "iot", rule


def _asked(template: model.Model) -> Iterator[Asked]:
    """Questions: of user pools and APIs."""
    for pool in template.of("AWS::Cognito::UserPool"):
        triggers = pool.child("LambdaConfig")
        for key, value in triggers.body.items() if isinstance(triggers.body, dict) else ():
            yield model.Node(template, triggers.body, triggers.at(key)), value, "cognito-idp", pool
    for integration in template.of("AWS::ApiGateway::Method", "AWS::ApiGatewayV2::Integration"):
        rest = integration.type == "AWS::ApiGateway::Method"
        kind = integration.only("Integration", "Type") if rest else integration.only("IntegrationType")
        role = integration.absent("Integration", "Credentials") and integration.absent("CredentialsArn")
        if role and kind in ("AWS", "AWS_PROXY"):
            uri = integration.only("Integration", "Uri") if rest else integration.only("IntegrationUri")
            yield integration, uri, "apigateway", integration
    for authorizer in template.of("AWS::ApiGateway::Authorizer", "AWS::ApiGatewayV2::Authorizer"):
        if authorizer.absent("AuthorizerCredentials") and authorizer.absent("AuthorizerCredentialsArn"):
            yield authorizer, authorizer.only("AuthorizerUri"), "apigateway", authorizer
    for api in template.of("AWS::Serverless::HttpApi"):
        authorizers = api.child("Auth", "Authorizers")
        for name in authorizers.body if isinstance(authorizers.body, dict) else ():
            own = authorizers.child(name)
            granted = isinstance(own.body, dict) and own.only("EnableFunctionDefaultPermissions")
            if isinstance(own.body, dict) and own.absent("FunctionInvokeRole") and not granted:
                yield own, own.only("FunctionArn"), "apigateway", api


def may_invoke(template: model.Model, call: Call) -> bool:
    """A permission lets the service in, or may do so as far as the template tells."""
    if any(each.owner is call.function and PRINCIPALS.get(each.kind) == call.principal for each in template.events):
        return True
    for permission in template.of("AWS::Lambda::Permission"):
        function = permission.refers("FunctionName")
        same = function in (call.function, None)
        principals = [model.text(value) for value in permission.values("Principal")]
        service = call.principal.partition(".")[0]
        firsts = [who.partition(".")[0] for who in principals]
        named = any(who in ("", "*", service) or "${" in who for who in firsts)
        sender = permission.refers("SourceArn")
        other = sender is not None and sender.type == call.type and sender.name != call.by
        if same and named and not other and model.names_action(permission, "lambda:InvokeFunction"):
            return True
    senders = {call.by} | model.references(template.raw(["Resources", call.by]))  # a method's connector is its API's
    return any(template.connected(each, call.function.name) for each in senders)


class Permission(model.Rule):
    id = "E9603"
    shortdesc = "A service that the template has invoke a function may do so"
    description = "Without an AWS::Lambda::Permission nothing arrives, and only a metric or a 500 tells."
    section = INVOKE
    tags = ["eventbridge", "sns", "s3", "apigateway", "cognito", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        said: set[tuple[str, str]] = set()
        for call in calls(template):
            pair = call.function.name, call.principal if call.principal.startswith("api") else call.by
            if pair not in said and not may_invoke(template, call):
                said.add(pair)
                remedy = f"add an AWS::Lambda::Permission with Principal {call.principal} and its SourceArn"
                yield call.node.path, f"{call.by} may not invoke {call.function.name}: {remedy}"


class CognitoWaits(model.Rule):
    id = "W9604"
    shortdesc = "A trigger of a user pool runs no longer than Cognito waits"
    description = "Cognito calls a trigger again after 5 seconds, while the first call still works, and then fails."
    section = TRIGGERS
    tags = ["cognito", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        asked = {call.function.name for call in calls(template) if call.principal.startswith("cognito-idp")}
        asked |= {each.owner.name for each in template.events if each.kind == "Cognito"}
        for name in sorted(asked):
            function = template.resources[name]
            timeouts = function.numbers("Timeout", default=3)
            if function.is_function and model.certain(lambda seconds: seconds > COGNITO, timeouts):
                message = f"{name} may run {timeouts[0]} s, Cognito calls it again after {COGNITO} s"
                remedy = f"set Timeout to at most {COGNITO}, and leave what takes longer to a queue"
                yield function.at("Timeout"), f"{message}: {remedy}"


class Preflight(model.Rule):
    id = "E9708"
    shortdesc = "A preflight asks for no login"
    description = "A browser sends no credentials with OPTIONS: it is refused, and so is every request of a site."
    section = API
    tags = ["cors", *API_TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        apis: list[tuple[str, model.Node]] = [(each.name, each) for each in template.of(REST)]
        if any(event.kind == "Api" and event.absent("RestApiId") for event in template.events):
            shared = model.shared_section(template.body, REST)
            apis += [("the Api of SAM", model.Node(template, shared, ["Globals", "Api"]))] if shared else []
        for name, api in apis:
            caught = all(isinstance(each, str) and each != "NONE" for each in api.values("Auth", "DefaultAuthorizer"))
            added = api.values("Auth", "AddDefaultAuthorizerToCorsPreflight", default=True)
            if caught and None not in api.values("Cors") and all(model.flag(each) for each in added):
                message = f"the default authorizer of {name} refuses every preflight"
                yield api.at("Auth"), f"{message}: set Auth.AddDefaultAuthorizerToCorsPreflight: false"
        for method in template.of("AWS::ApiGateway::Method"):
            asked = all(
                authorization in ("AWS_IAM", "COGNITO_USER_POOLS", "CUSTOM")
                for authorization in method.values("AuthorizationType")
            )
            if method.only("HttpMethod") == "OPTIONS" and asked:
                message = f"{method.name} asks a preflight for a login that a browser does not send"
                yield method.at("AuthorizationType"), f"{message}: set AuthorizationType: NONE"


class DeployedBefore(model.Rule):
    id = "E9709"
    shortdesc = "The deployment of a REST API waits for its methods"
    description = "CloudFormation makes both at once: a method that comes later is not deployed, and none at all fails."
    section = API
    tags = API_TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for deployment in template.of("AWS::ApiGateway::Deployment"):
            api = deployment.refers("RestApiId")
            methods = [
                method for method in template.of("AWS::ApiGateway::Method") if api and method.refers("RestApiId") is api
            ]
            late = [each.name for each in methods if each.name not in _before(template, deployment.name)]
            if late:
                more = f" and {len(late) - 3} more" if len(late) > 3 else ""
                message = f"{deployment.name} may come before {', '.join(late[:3])}{more}"
                yield deployment.resource_path, f"{message}: name them in DependsOn"


def _before(template: model.Model, name: str) -> set[str]:
    """All that a resource waits for, by what it refers to and depends on."""
    before: set[str] = set()
    waiting = [name]
    while waiting:
        for dependency in model.references(template.raw(["Resources", waiting.pop()])):
            if dependency in template.resources and dependency not in before:
                before.add(dependency)
                waiting.append(dependency)
    return before


class Disconnected(model.Rule):
    id = "W9710"
    shortdesc = "A WebSocket API that is told of a connection is told of its end"
    description = "Without $disconnect the ids of closed connections pile up, and each broadcast tries them all."
    section = TRIGGERS
    tags = API_TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for api in template.of("AWS::ApiGatewayV2::Api"):
            routes = [each for each in template.of("AWS::ApiGatewayV2::Route") if each.refers("ApiId") in (api, None)]
            keys = [each.only("RouteKey") for each in routes]
            if "$connect" in keys and "$disconnect" not in keys and all(isinstance(each, str) for each in keys):
                (first, *_) = (each for each in routes if each.only("RouteKey") == "$connect")
                message = f"{api.name} is told who connects and not who is gone"
                yield first.resource_path, f"{message}: add a route $disconnect that forgets the connection"
