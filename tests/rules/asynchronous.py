"""What a function needs that is invoked asynchronously, by an event that is not sent again."""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
import _model as model

TAGS = ["lambda", "design for failures and duplicates"]
ROUTER = "references/eda-patterns.md#event-router"
JOB = "references/serverless-patterns.md#scheduled-job"
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
    for each in template.targets:
        if each.destination and each.destination.is_function:
            yield each.destination, "a schedule" if each.scheduled else "a rule", each.scheduled
    for topic in template.subscriptions:
        if topic.kind != "event" and topic.protocol == "lambda" and topic.endpoint and topic.endpoint.is_function:
            yield topic.endpoint, "SNS", False
    found = [
        (item.refers("Function"), "S3")
        for bucket in template.of(model.BUCKET)
        for item in bucket.items("NotificationConfiguration", "LambdaConfigurations")
    ]
    found += [
        (each.refers("DestinationArn"), "CloudWatchLogs") for each in template.of("AWS::Logs::SubscriptionFilter")
    ]
    found += [
        (action.refers("Lambda", "FunctionArn"), "IoTRule")
        for rule in template.of("AWS::IoT::TopicRule")
        for action in rule.items("TopicRulePayload", "Actions")
    ]
    for function, caller in found:
        if function and function.is_function:
            yield function, caller, False


def caught(template: model.Model, function: model.Resource) -> bool:
    """Something receives what the function failed at, as far as the template tells."""
    for key in ("DeadLetterQueue", "DeadLetterConfig", "DurableConfig"):  # a durable execution is its own record
        if not function.absent(key):
            return True
    if not function.absent("EventInvokeConfig", "DestinationConfig", "OnFailure"):
        return True
    for each in template.of("AWS::Lambda::EventInvokeConfig"):
        mine = each.refers("FunctionName") in (function, None)
        if mine and not each.absent("DestinationConfig", "OnFailure"):
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
