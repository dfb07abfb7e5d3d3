"""What sets functions, state machines, queues and topics of a template off, in SAM's notation and CloudFormation's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trials.template.nodes import (
    BUCKET,
    FUNCTIONS,
    MACHINES,
    QUEUE,
    RULE,
    SCHEDULE,
    TOPIC,
    Delivery,
    Event,
    Mapping,
    Node,
    Resource,
    Subscription,
    Target,
)
from trials.template.values import as_dict, is_intrinsic, listed, service

if TYPE_CHECKING:
    from trials.template.model import Model

SOURCES = {  # of event source mappings, by the type that they refer to and by their ARN's service
    "AWS::SQS::Queue": "SQS",
    "AWS::Kinesis::Stream": "Kinesis",
    "AWS::Kinesis::StreamConsumer": "Kinesis",
    "AWS::DynamoDB::Table": "DynamoDB",
    "AWS::DynamoDB::GlobalTable": "DynamoDB",
    "AWS::Serverless::SimpleTable": "DynamoDB",
    "sqs": "SQS",
    "kinesis": "Kinesis",
    "dynamodb": "DynamoDB",
    "kafka": "MSK",
    "mq": "MQ",
    "AWS::MSK::Cluster": "MSK",
    "AWS::MSK::ServerlessCluster": "MSK",
    "AWS::AmazonMQ::Broker": "MQ",
}
EVERY = {"$or", "awsRegion", "eventSource", "eventSourceARN"}
RECORD_KEYS = {  # what a record of a mapping's source has at its top, for a filter to read
    "SQS": {"attributes", "body", "md5OfBody", "messageAttributes", "messageId", "receiptHandle"} | EVERY,
    "Kinesis": EVERY
    | {"approximateArrivalTimestamp", "data", "kinesisSchemaVersion", "partitionKey", "sequenceNumber"},
    "DynamoDB": {"dynamodb", "eventID", "eventName", "eventVersion", "userIdentity"} | EVERY,
    "MSK": {"headers", "key", "offset", "partition", "timestamp", "timestampType", "topic", "value"} | EVERY,
}
RECORD_KEYS["SelfManagedKafka"] = RECORD_KEYS["MSK"]
MAPPED = ("SQS", "Kinesis", "DynamoDB", "MSK", "MQ", "SelfManagedKafka", "DocumentDB")  # events that SAM makes mappings
TARGETED = ("EventBridgeRule", "CloudWatchEvent", "Schedule", "ScheduleV2")  # and those that it makes targets


def sam_events(template: Model) -> Iterator[Event]:
    for owner in template.of(*FUNCTIONS, *MACHINES):
        for name, body in as_dict(owner.only("Events")).items():
            if isinstance(body, dict) and isinstance(body.get("Type"), str):
                path = owner.at("Events", name, "Properties")
                yield Event(template, as_dict(body.get("Properties")), path, owner, name, body["Type"])


def mappings(template: Model) -> Iterator[Mapping]:
    for event in template.events:
        if event.kind in MAPPED:
            source = event.refers("Queue" if event.kind == "SQS" else "Stream")
            yield Mapping(template, event.body, event.path, event.kind, source, event.owner, event=event)
    for mapping in template.of("AWS::Lambda::EventSourceMapping"):
        source, function = mapping.refers("EventSourceArn"), mapping.refers("FunctionName")
        kind = SOURCES.get(source.type if source else service(mapping.only("EventSourceArn")), "")
        if not mapping.absent("SelfManagedEventSource"):
            kind = "SelfManagedKafka"
        elif not mapping.absent("Topics"):
            kind = "MSK"
        yield Mapping(template, mapping.body, mapping.path, kind, source, function)


def targets(template: Model) -> Iterator[Target]:
    for event in template.events:
        if event.kind in TARGETED:
            kind = "schedule" if event.kind == "ScheduleV2" else "rule"
            expression = event.values("ScheduleExpression" if kind == "schedule" else "Schedule")
            name = event.owner.name + event.name
            yield Target(template, event.body, event.path, kind, name, event.owner, None, expression, event=event)
    for rule in template.of(RULE):
        for target in rule.items("Targets"):
            yield _target(target, "rule", rule)
    for schedule in template.of(SCHEDULE):
        target = schedule.child("Target")
        if isinstance(target.body, dict) and not is_intrinsic(target.body):
            yield _target(target, "schedule", schedule)


def _target(node: Node, kind: str, source: Resource) -> Target:
    arn, expression = node.only("Arn"), source.values("ScheduleExpression")
    destination = node.template.resource(arn)
    return Target(node.template, node.body, node.path, kind, source.name, destination, arn, expression)


def urls(template: Model) -> Iterator[tuple[Resource, Node]]:
    """Functions of this template and their URLs."""
    for function in template.functions:
        url = function.child("FunctionUrlConfig")
        if isinstance(url.body, dict) and not is_intrinsic(url.body):
            yield function, url
    for resource in template.of("AWS::Lambda::Url"):
        target = resource.refers("TargetFunctionArn")
        if target and target.is_function:
            yield target, resource


def subscriptions(template: Model) -> Iterator[Subscription]:
    for event in template.events:
        if event.kind == "SNS":
            protocol = "lambda" if event.absent("SqsSubscription") else "sqs"
            topic = event.refers("Topic")
            yield Subscription(template, event.body, event.path, "event", protocol, topic, event.owner, event=event)
    for subscription in template.of("AWS::SNS::Subscription"):
        yield _subscription(subscription, "subscription", subscription.refers("TopicArn"))
    for owner in template.of(TOPIC):
        for inline in owner.items("Subscription"):
            yield _subscription(inline, "inline", owner)


def _subscription(node: Node, kind: str, topic: Resource | None) -> Subscription:
    protocol, endpoint = str(node.only("Protocol")), node.refers("Endpoint")
    return Subscription(node.template, node.body, node.path, kind, protocol, topic, endpoint)


def deliveries(template: Model) -> Iterator[Delivery]:
    """What EventBridge rules, topics, buckets and alarms send to queues and topics of this template."""
    for node, kind, principal, sender, sender_type, value in _sent(template):
        receiver = template.resource(value)
        if receiver and receiver.type in (QUEUE, TOPIC):
            yield Delivery(template, node.body, node.path, kind, principal, sender, sender_type, receiver)


def _sent(template: Model) -> Iterator[tuple[Node, str, str, str, str, Any]]:
    """What is sent, in which way, as which service, by whom, of which type, and the reference to its receiver."""
    for target in template.targets:
        if target.kind == "rule":
            dead = target.child("DeadLetterConfig", "Arn")
            yield dead, "dead-letter", "events.amazonaws.com", target.source, RULE, dead.body
            rule = template.resources.get(target.source)  # whose role its targets may be sent to under as well
            if target.absent("RoleArn") and (rule is None or rule.absent("RoleArn")):
                yield target, "target", "events.amazonaws.com", target.source, RULE, target.arn
    for one in template.subscriptions:
        sender = one.topic.name if one.topic else ""
        dead = one.child("RedrivePolicy", "deadLetterTargetArn")
        yield dead, "redrive", "sns.amazonaws.com", sender, TOPIC, dead.body
        if one.kind != "event" and one.protocol == "sqs":
            yield one, "subscription", "sns.amazonaws.com", sender, TOPIC, one.only("Endpoint")
    for bucket in template.of(BUCKET):
        for key, name in (("QueueConfigurations", "Queue"), ("TopicConfigurations", "Topic")):
            for item in bucket.items("NotificationConfiguration", key):
                yield item, "notification", "s3.amazonaws.com", bucket.name, BUCKET, item.only(name)
    for alarm in template.of("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
        for key in ("AlarmActions", "OKActions", "InsufficientDataActions"):
            for action in listed(alarm.only(key)):
                where = Node(template, alarm.body, alarm.at(key))
                yield where, "alarm", "cloudwatch.amazonaws.com", alarm.name, alarm.type, action
