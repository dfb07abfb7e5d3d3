"""Everything in a template that can set something off, each a row of the report."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from trials.project import accounted, apis, callers, pipes
from trials.project.buckets import key_rules, of_existing_bucket, told_of
from trials.project.callers import ended, triggered
from trials.project.machines import invocations
from trials.project.source import ANY, Batching, Kind, Route, Source
from trials.template import MACHINES, Model, Node, Resource, as_dict, listed, logical_id, references, text
from trials.template.events import MAPPED as MAPPED_BY_SAM
from trials.template.events import TARGETED as TARGETED_BY_SAM
from trials.template.nested import LOCATIONS
from trials.template.nodes import Event, Mapping, Subscription, Target
from trials.template.values import flag

__all__ = ["ANY", "Batching", "Kind", "Route", "Source", "sources", "sources_of"]

ENDS = {  # of a way without a function, where it shows what came out
    *("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Kinesis::Stream", "AWS::Events::EventBus"),
    *MACHINES,
}
LOG_GROUP = "AWS::Logs::LogGroup"
UNKNOWN_TO_RULES = ("AWS::Kinesis::Stream",)  # ends to which the local AWS lets no rule send
MAPPED = {"SQS": Kind.QUEUE, "Kinesis": Kind.STREAM, "DynamoDB": Kind.TABLE}
RULES = {
    "EventBridgeRule": Kind.BUS,
    "CloudWatchEvent": Kind.BUS,
    "Schedule": Kind.SCHEDULE,
    "ScheduleV2": Kind.SCHEDULE,
}
REMOVED = "ObjectRemoved"  # in the name of a bucket's event
SCHEDULES = ("Schedule", "ScheduleV2")
SCHEDULED = {"source": ["aws.events"], "detail-type": ["Scheduled Event"]}  # what a rule sends at its time
READ_ELSEWHERE = {  # than by their type: as APIs, mappings, subscriptions, targets and URLs of the model
    *apis.APIS,
    *("AWS::Events::Rule", "AWS::Scheduler::Schedule", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Url"),
    *("AWS::SNS::Subscription", "AWS::SNS::Topic"),
    "AWS::Lambda::Function",  # whoever it names is called by its code, so directly
}
TELLS_ITSELF = ("Custom::S3", "Custom::EventBridge", "Custom::CognitoUserPool")
HUMANS = ("email", "email-json", "sms", "application")  # protocols of subscriptions


def sources(body: dict[str, Any], folder: Path = Path()) -> list[Source]:
    """Everything that sets a function off, in the notation of SAM and in that of CloudFormation."""
    return sources_of(Model(body, folder / "template.yaml"))


def sources_of(template: Model) -> list[Source]:
    """In the order of the template, then what an API's definition adds, then the functions that nothing sets off."""
    listed_first = [*of_mappings(template), *of_subscriptions(template), *of_targets(template), *of_urls(template)]
    listed_first += of_events(template)
    listed_first += [source for resource in template.resources.values() for source in of_resource(resource)]
    all_sources = in_order(template, listed_first)
    events = {(source.function, source.route.method, source.route.path) for source in all_sources if source.route}
    for api in template.resources.values():
        for source in apis.routes_of_definition(api):
            if not source.route or (source.function, source.route.method, source.route.path) not in events:
                all_sources.append(source)  # SAM makes one definition of this and of its functions' events
    set_off = {source.function for source in all_sources} | brought(template)
    functions = {function.name for function in template.functions}
    all_sources += [Source(Kind.DIRECT, name, name) for name in sorted(functions - set_off)]
    return [replace(each, durable=True) if each.function in template.durable else each for each in all_sources]


def brought(template: Model) -> set[str]:
    """The functions behind the custom resources by which the Serverless Framework tells what other stacks make."""
    custom = [each for each in template.resources.values() if each.type in TELLS_ITSELF]
    return {template.function(each.written("ServiceToken")) for each in custom} - {""}


def in_order(template: Model, unordered: list[Source]) -> list[Source]:
    """By the resource that holds them, events of SAM first and in their own order."""
    places: dict[str, tuple[int, int]] = {}
    for number, resource in enumerate(template.resources.values()):
        events = list(as_dict(resource.only("Events")))
        places[resource.name] = (number, len(events))
        places |= {f"{resource.name}.{event}": (number, place) for place, event in enumerate(events)}
    return sorted(unordered, key=lambda source: places.get(source.name) or places[source.name.split(".")[0]])


def of_mappings(template: Model) -> Iterator[Source]:
    for mapping in template.mappings:
        yield of_event_mapping(mapping, mapping.event) if mapping.event else of_mapping(mapping)


def of_event_mapping(mapping: Mapping, event: Event) -> Source:
    kind, function = MAPPED.get(mapping.kind), event.owner.name
    if given := callers.handed_by(mapping):
        return Source(Kind.DIRECT, function, mapping.label, given=given)
    if not kind:
        return Source(Kind.OTHER, function, mapping.label, why=f"there are no trials for {mapping.kind} yet")
    origin = logical_id(mapping.written("Queue" if kind is Kind.QUEUE else "Stream"))
    return Source(kind, function, mapping.label, origin, batching(mapping, kind))


def of_mapping(mapping: Mapping) -> Source:
    """An event source mapping of CloudFormation."""
    origin = logical_id(mapping.written("EventSourceArn"))
    function, kind = mapping.template.function(mapping.written("FunctionName")), MAPPED.get(mapping.kind)
    if function and (given := callers.handed_by(mapping)):
        return Source(Kind.DIRECT, function, mapping.label, given=given)
    if not kind or (kind is Kind.QUEUE and origin not in mapping.template.resources):
        return Source(Kind.OTHER, function, mapping.label, origin, why="an event source mapping of another service")
    if not function:
        return Source(Kind.OTHER, "", mapping.label, origin, why=accounted.ELSEWHERE)
    return Source(kind, function, mapping.label, origin, batching(mapping, kind))


def of_subscriptions(template: Model) -> Iterator[Source]:
    for subscription in template.subscriptions:
        topic = logical_id(subscription.written("Topic" if subscription.event else "TopicArn"))
        if subscription.kind == "inline" and subscription.topic:
            topic = subscription.topic.name
        yield from of_subscription(subscription, topic)


def of_subscription(subscription: Subscription, topic: str) -> Iterator[Source]:
    name, event = subscription.label, subscription.event
    function = event.owner.name if event else subscription.template.function(subscription.written("Endpoint"))
    policy = as_dict(subscription.only("FilterPolicy"))
    by_body = subscription.only("FilterPolicyScope") == "MessageBody"
    if event and subscription.protocol == "sqs":
        yield Source(Kind.OTHER, function, name, topic, why="SNS through a queue that SAM makes")
    elif subscription.protocol == "lambda" and function:
        yield Source(Kind.TOPIC, function, name, topic, pattern=policy, by_body=by_body)
    elif subscription.protocol == "lambda":
        yield Source(Kind.OTHER, "", name, topic, why=accounted.ELSEWHERE)
    elif subscription.protocol not in HUMANS:
        begins = Source(Kind.ROUTE, "", name, topic, pattern=policy, by_body=by_body)
        yield way(subscription.template, name, subscription.written("Endpoint"), begins=begins if topic else None)


def of_targets(template: Model) -> Iterator[Source]:
    for target in template.targets:
        if target.event:
            if target.event.owner.is_function:
                yield of_event_target(target, target.event)
        elif target.written("Arn"):
            yield of_target(target)


def of_event_target(target: Target, event: Event) -> Source:
    """A function's event that SAM makes a rule or a schedule of."""
    pattern = as_dict(event.only("Pattern") or event.only("EventPattern"))
    kind, bus, given = RULES[event.kind], bus_of(event), input_of(target)
    if kind is Kind.BUS:
        return Source(kind, event.owner.name, event.label, bus, pattern=pattern, given=given)
    return Source(kind, event.owner.name, event.label, given=given, only_once=runs_once(target))


def of_target(target: Target) -> Source:
    """A target of a rule or a schedule of CloudFormation."""
    template, rule = target.template, target.template.resources[target.source]
    pattern = as_dict(rule.only("EventPattern"))
    if function := template.function(target.written("Arn")):
        kind, bus = Kind.BUS if pattern else Kind.SCHEDULE, bus_of(rule)
        once = runs_once(target)
        return Source(kind, function, target.label, bus, pattern=pattern, given=input_of(target), only_once=once)
    end = template.resources.get(logical_id(target.written("Arn")))
    why = accounted.MACHINE if end and end.type in MACHINES else accounted.ROUTE
    begins = on_a_bus(target.label, "", rule, pattern)
    if target.scheduled:
        begins = Source(Kind.ROUTE, "", target.label, pattern=SCHEDULED)
    number = target.path[-1]
    return way(template, target.label, target.written("Arn"), why, begins, number if isinstance(number, int) else 0)


def runs_once(target: Target) -> bool:
    """Whether a schedule has one time, as `at(…)` says."""
    return any(str(value).startswith("at(") for value in target.expression)


def on_a_bus(name: str, end: str, rule: Node, pattern: dict[str, Any]) -> Source | None:
    """A way that begins with an event on a bus of this template, on one that it names, or on the default one."""
    bus = rule.written("EventBusName")
    known = bus_of(rule)
    origin = "" if bus == "default" else known if known in rule.template.resources else text(bus)
    if not pattern or (bus and bus != "default" and not origin):
        return None
    return Source(Kind.ROUTE, end, name, origin, pattern=pattern)


def bus_of(rule: Node) -> str:
    """The logical id of the bus that a rule is on, by a reference to it or by the name that it has."""
    named = rule.written("EventBusName")
    own = [each.name for each in rule.template.of("AWS::Events::EventBus") if named and each.written("Name") == named]
    return own[0] if own else logical_id(named)


def way(
    template: Model,
    name: str,
    target: Any,
    why: str = accounted.ROUTE,
    begins: Source | None = None,
    number: int = 0,
) -> Source:
    """A way that ends in something else than a function; `begins` says where, if an event can be sent there.

    For an end that shows nothing here, a queue stands in: the way's `number`th target.
    """
    end = template.resources.get(logical_id(target))
    if begins and end and end.type in ENDS and not (end.type in UNKNOWN_TO_RULES and template.resources.get(name)):
        return replace(begins, kind=Kind.ROUTE, function=end.name, name=name)
    if begins and ":lambda:" not in text(target):
        named = end.name if end else logical_id(target) or accounted.SOMETHING
        return replace(begins, kind=Kind.ROUTE, function=named, name=name, elsewhere=number)
    return accounted.way(name, target, why)


def of_urls(template: Model) -> Iterator[Source]:
    for function, url in template.urls:
        authorizer = "iam" if url.only("AuthType") == "AWS_IAM" else ""
        yield Source(Kind.HTTP, function.name, str(url.path[1]), route=Route("ANY", "/", "2.0", authorizer))


def of_events(template: Model) -> Iterator[Source]:
    """Events of SAM that are neither a mapping, nor a target of a rule or schedule, nor a subscription."""
    for event in template.events:
        function, name = event.owner.name, event.label
        if not event.owner.is_function and event.kind == "Api":
            yield apis.route_of_machine(event)
        elif not event.owner.is_function:
            begins = on_a_bus(name, function, event, as_dict(event.only("Pattern")))
            if event.kind in SCHEDULES:
                begins = Source(Kind.ROUTE, function, name, pattern=SCHEDULED)
            yield begins or Source(Kind.OTHER, function, name, why=accounted.MACHINE)
        elif event.kind in ("Api", "HttpApi"):
            yield apis.route_of_event(event)
        elif event.kind == "S3":
            told = told_of(listed(event.only("Events")))
            origin = logical_id(event.written("Bucket"))
            yield Source(Kind.BUCKET, function, name, origin, pattern=key_rules(event), given=told)
        elif event.kind == "CloudWatchLogs":
            yield Source(Kind.LOGS, function, name, logical_id(event.written("LogGroupName")))
        elif event.kind == "Cognito":
            yield from of_triggers(event, [str(each) for each in listed(event.only("Trigger"))])
        elif event.kind not in (*MAPPED_BY_SAM, *TARGETED_BY_SAM, "SNS"):
            yield Source(Kind.OTHER, function, name, why=f"there are no trials for {event.kind} yet")


def of_resource(resource: Resource) -> Iterator[Source]:
    """What a resource sets off by its type."""
    name, kind, template = resource.name, resource.type, resource.template
    if kind == "AWS::Serverless::Function":
        yield from of_destinations(name, resource.child("EventInvokeConfig"))
    elif kind == "AWS::Lambda::EventInvokeConfig":
        yield from of_destinations(name, resource)
    elif kind == "AWS::S3::Bucket":
        yield from of_bucket(resource)
    elif kind == "AWS::Logs::SubscriptionFilter":
        if function := template.function(resource.written("DestinationArn")):
            yield Source(Kind.LOGS, function, name, logical_id(resource.written("LogGroupName")))
        else:
            yield of_log_lines(resource)
    elif kind == "AWS::ApiGatewayV2::Route":
        yield from apis.route_of_http_api(resource)
    elif kind == "AWS::ApiGateway::Method":
        yield from apis.route_of_rest_api(resource)
    elif kind in ("AWS::ApiGateway::Authorizer", "AWS::ApiGatewayV2::Authorizer"):
        yield from apis.authorizer(resource)
    elif kind in MACHINES:
        yield Source(Kind.MACHINE, name, name)
        for function, attempts in invocations(template, resource).items():
            yield Source(Kind.TASK, function, f"{name}.{function}", name, attempts=attempts)
    elif kind == "AWS::Cognito::UserPool":
        yield from of_user_pool(resource)
    elif kind == "AWS::CloudWatch::Alarm":
        yield from named(resource, "there are no trials for alarms", accounted.alarm_actions(resource))
    elif kind == "AWS::Pipes::Pipe":
        yield from pipes.of_pipe(resource)
    elif kind in LOCATIONS:
        functions = list(named(resource, accounted.NESTED, resource.body))
        yield from functions or [Source(Kind.OTHER, "", name, why=accounted.NESTED)]
    elif kind == "Custom::S3" and (told := list(of_existing_bucket(resource))):
        yield from told
    elif asks := list(callers.of_asker(resource)):
        yield from asks
    elif why := "" if kind in READ_ELSEWHERE else accounted.reason(kind):
        yield from named(resource, why, resource.body)


def of_log_lines(subscription: Resource) -> Source:
    """The way of log lines into something else than a function, for which a queue stands in."""
    group = subscription.template.resources.get(logical_id(subscription.written("LogGroupName")))
    passed_on = accounted.way(subscription.name, subscription.written("DestinationArn"))
    if not group or group.type != LOG_GROUP:
        return passed_on
    return replace(passed_on, kind=Kind.ROUTE, origin=group.name, elsewhere=0, why="")


def named(resource: Resource, why: str, within: Any) -> Iterator[Source]:
    """A row for each function that a resource without trials refers to."""
    functions = {resource.template.function({"Ref": name}) for name in references(within)}
    yield from (Source(Kind.OTHER, function, resource.name, why=why) for function in sorted(functions - {""}))


def of_destinations(name: str, config: Node) -> Iterator[Source]:
    """Where the outcome of a function's asynchronous invocation is sent."""
    for key, outcome in (("OnSuccess", "Success"), ("OnFailure", "RetriesExhausted")):
        if function := config.template.function(config.written("DestinationConfig", key, "Destination")):
            yield Source(Kind.DIRECT, function, f"{name}.destination", given=ended(outcome))


def of_bucket(bucket: Resource) -> Iterator[Source]:
    for notification in bucket.items("NotificationConfiguration", "LambdaConfigurations"):
        event = f"{bucket.name}.{notification.only('Event') or ''}"
        if function := bucket.template.function(notification.written("Function")):
            told = told_of([notification.only("Event")])
            yield Source(Kind.BUCKET, function, event, bucket.name, pattern=key_rules(notification), given=told)
        else:
            yield Source(Kind.OTHER, "", event, bucket.name, why=accounted.ELSEWHERE)
    for key, end in (("QueueConfigurations", "Queue"), ("TopicConfigurations", "Topic")):
        for notification in bucket.items("NotificationConfiguration", key):
            event = f"{bucket.name}.{notification.only('Event') or ''}"
            begins = Source(Kind.ROUTE, "", event, bucket.name, pattern=key_rules(notification))
            yield way(
                bucket.template,
                event,
                notification.written(end),
                begins=begins if "Created" in event or REMOVED in event else None,
            )


def of_triggers(event: Event, triggers: list[str]) -> Iterator[Source]:
    """An event of SAM for one trigger of a user pool, or for several."""
    for trigger in triggers:
        name = event.label if len(triggers) == 1 else f"{event.label}.{trigger}"
        if given := triggered(trigger):
            yield Source(Kind.DIRECT, event.owner.name, name, given=given)
        else:
            why = accounted.ENCRYPTED if trigger in callers.SENDERS else "there are no trials for Cognito yet"
            yield Source(Kind.OTHER, event.owner.name, name, why=why)


def of_user_pool(pool: Resource) -> Iterator[Source]:
    triggers = as_dict(pool.only("LambdaConfig"))
    for trigger, target in triggers.items():
        if trigger == "PreTokenGeneration" and "PreTokenGenerationConfig" in triggers:
            continue  # both name one trigger
        if function := pool.template.function(as_dict(target).get("LambdaArn") or target):
            version = as_dict(target).get("LambdaVersion", "V1_0")
            given, name = triggered(trigger, version if isinstance(version, str) else "V1_0"), f"{pool.name}.{trigger}"
            if trigger in callers.SENDERS:
                yield Source(Kind.OTHER, function, name, why=accounted.ENCRYPTED)
            elif given:
                yield Source(Kind.DIRECT, function, name, given=given)
            else:
                yield Source(Kind.OTHER, function, name, why=accounted.reason(pool.type))


def batching(mapping: Node, kind: Kind) -> Batching:
    return Batching(
        size=whole(mapping.only("BatchSize"), 10 if kind is Kind.QUEUE else 100),
        reports_failures="ReportBatchItemFailures" in listed(mapping.only("FunctionResponseTypes")),
        retries=whole(mapping.only("MaximumRetryAttempts"), -1),
        halves=flag(mapping.only("BisectBatchOnFunctionError")) is True,
        keeps_discarded=not mapping.absent("DestinationConfig"),
        filters=tuple(criterion.only("Pattern") for criterion in mapping.items("FilterCriteria", "Filters")),
    )


def whole(value: Any, default: int) -> int:
    """A literal number, also as text; the default for what only deployment tells."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def input_of(target: Node) -> str:
    """The constant input that a target writes itself; empty for none, and for one that only deployment tells."""
    written = target.only("Input")
    return written if isinstance(written, str) else ""
