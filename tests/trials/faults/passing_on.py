"""A way without a function: what goes in at one end must come out at the other."""

import json
import re
import time
from typing import Any

from trials.project.sources import LOG_GROUP, REMOVED, SCHEDULED, Source
from trials.samples.made import ID, bus_event
from trials.samples.pattern import fill
from trials.stage import Stage
from trials.template.nodes import SCHEDULE
from trials.verdicts import Judgement
from trials.verdicts.judge import passed_on
from trials.world import PLACES

AT_ITS_TIME = "trial.schedule"


def pass_on(stage: Stage, source: Source) -> Judgement:
    """What became of one event that fits: sent where the way begins, looked for where it ends."""
    stage.fresh()
    place = f"{PLACES.get(stage.stack.types.get(source.function, ''), '')} {source.function}"
    if source.elsewhere is not None:
        place = f"stand-in for {source.function}"
        stage.stand_in = stage.probes.stand_in(source.function)
    before = stage.now()
    kind = stage.stack.types.get(source.origin, "")
    begins = "log group" if kind == LOG_GROUP else PLACES.get(kind, "bus")
    sent = SENDERS[begins](stage, source)
    return passed_on(place, sent, before, stage.world())


def to_topic(stage: Stage, source: Source) -> str:
    wanted = fill(with_names(source.pattern, stage))
    message = json.dumps(wanted if source.by_body else {"id": ID})
    given = {} if source.by_body else {name: attribute(value) for name, value in wanted.items()}
    topic = stage.stack.resources[source.origin]
    if source.elsewhere is not None:
        policy = json.dumps(with_names(source.pattern, stage))
        scope = "MessageBody" if source.by_body else "MessageAttributes"
        filtering = {"FilterPolicy": policy, "FilterPolicyScope": scope} if source.pattern else {}
        asked = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": stage.stand_in}
        stage.local.client("sns").subscribe(**asked, Attributes=filtering)
    stage.local.client("sns").publish(TopicArn=topic, Message=message, MessageAttributes=given)
    return "a message that fits the filter policy" if source.pattern else "a message"


def attribute(value: Any) -> dict[str, str]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"DataType": "Number" if number else "String", "StringValue": str(value)}


def to_bus(stage: Stage, source: Source) -> str:
    events = stage.local.client("events")
    if source.pattern == SCHEDULED:
        return by_schedule(stage, source)
    bus = stage.stack.resources.get(source.origin) or stage.project.bus(source.origin) or "default"
    rule = stage.stack.resources.get(source.name.replace(".", ""), "").rsplit("|", 1)[-1]
    pattern = with_names(source.pattern, stage)
    if rule:  # whose references are resolved
        pattern = json.loads(events.describe_rule(Name=rule, EventBusName=bus)["EventPattern"])
    event = bus_event(pattern)
    if str(event["source"]).startswith("aws.") and rule:  # only AWS itself may send those
        event["source"] = f"trial.{event['source']}"
        of_anybody = json.dumps({**pattern, "source": [event["source"]]})
        events.put_rule(Name=rule, EventBusName=bus, EventPattern=of_anybody)
    if source.elsewhere is not None:
        listed = events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
        target = {**sent(listed[source.elsewhere]), "Id": listed[source.elsewhere]["Id"], "Arn": stage.stand_in}
        target.pop("SqsParameters", None)
        events.put_targets(Rule=rule, EventBusName=bus, Targets=[target])
    entry = {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
    entry |= {"EventBusName": bus, "Resources": event["resources"]}
    events.put_events(Entries=[entry])
    return "an event that fits the pattern"


def by_schedule(stage: Stage, source: Source) -> str:
    """The targets of a schedule with their input, as those of a rule which hears an event: both are sent alike."""
    name, events = source.name.replace(".", ""), stage.local.client("events")
    told = targets_of_schedule if stage.stack.types.get(name) == SCHEDULE else targets_of_rule
    targets = [
        {"Id": f"trial-{number}", **target} for number, target in enumerate(told(stage, stage.stack.resources[name]))
    ]
    if source.elsewhere is not None:
        targets[source.elsewhere]["Arn"] = stage.stand_in
        targets[source.elsewhere].pop("SqsParameters", None)
    events.put_rule(Name=AT_ITS_TIME, EventPattern=json.dumps({"source": [AT_ITS_TIME]}))
    events.put_targets(Rule=AT_ITS_TIME, Targets=targets)
    events.put_events(Entries=[{"Source": AT_ITS_TIME, "DetailType": "Scheduled Event", "Detail": "{}"}])
    return "what its schedule sends"


def targets_of_schedule(stage: Stage, physical: str) -> list[dict[str, Any]]:
    group, _, name = physical.rpartition("/")
    told = {"Name": name, **({"GroupName": group.rsplit("/", 1)[-1]} if group else {})}
    return [sent(stage.local.client("scheduler").get_schedule(**told)["Target"])]


def targets_of_rule(stage: Stage, physical: str) -> list[dict[str, Any]]:
    targets = stage.local.client("events").list_targets_by_rule(Rule=physical.rsplit("|", 1)[-1])["Targets"]
    return [sent(each) for each in targets]


def sent(target: dict[str, Any]) -> dict[str, Any]:
    kept = ("Arn", "Input", "InputPath", "InputTransformer", "SqsParameters")
    return {key: target[key] for key in kept if key in target}


def to_bucket(stage: Stage, source: Source) -> str:
    key = f"{as_name(source.pattern, 'prefix')}trial{as_name(source.pattern, 'suffix')}"
    bucket, s3 = stage.stack.resources[source.origin], stage.local.client("s3")
    if source.elsewhere is not None:
        rules = [{"Name": end, "Value": as_name(source.pattern, end)} for end in source.pattern]
        heard: Any = {"Events": [source.name.split(".", 1)[1]], "QueueArn": stage.stand_in}
        heard |= {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}
        told = {"QueueConfigurations": [heard]}
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)
        stage.empty_queues()
    s3.put_object(Bucket=bucket, Key=key, Body=b"trial")
    if REMOVED not in source.name:
        return f"the object {key}"
    s3.delete_object(Bucket=bucket, Key=key)
    return f"the end of the object {key}"


def as_name(rule: dict[str, Any], end: str) -> str:
    value = rule.get(end)
    return value if isinstance(value, str) else ""


def with_names(pattern: Any, stage: Stage) -> Any:
    """A pattern in which the resources of the template stand by their physical names."""
    if isinstance(pattern, dict):
        if set(pattern) == {"Ref"} and pattern["Ref"] in stage.stack.resources:
            return stage.stack.resources[pattern["Ref"]]
        return {key: with_names(inner, stage) for key, inner in pattern.items()}
    return [with_names(inner, stage) for inner in pattern] if isinstance(pattern, list) else pattern


COMPARED = re.compile(r"""\$\.([\w.]+)\s*=\s*"?([^"\s{}()&|]+)""")
TERM = re.compile(r"""(?<![-\w])\??"?([\w.:/]+)"?""")


def line_for(pattern: str) -> str:
    """A log line that a filter pattern of CloudWatch Logs lets through, as far as its conditions are equalities."""
    if not pattern.strip().startswith("{"):
        return " ".join(TERM.findall(pattern)) or "trial"
    event: dict[str, Any] = {}
    for path, value in COMPARED.findall(pattern):
        *above, last = path.split(".")
        here = event
        for key in above:
            here = here.setdefault(key, {})
        here[last] = json.loads(value) if re.fullmatch(r"-?\d+|true|false", value) else value.replace("*", "trial")
    return json.dumps(event)


def to_log_group(stage: Stage, source: Source) -> str:
    """A line that the queue gets which stands in for the end, if the filter finds it: the local AWS sends none."""
    logs, group = stage.local.client("logs"), stage.stack.resources[source.origin]
    deployed = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    name = stage.stack.resources[source.name]
    pattern = next(each["filterPattern"] for each in deployed if each["filterName"] in name)
    line = {"timestamp": int(time.time() * 1000), "message": line_for(pattern)}
    logs.create_log_stream(logGroupName=group, logStreamName="trial")
    logs.put_log_events(logGroupName=group, logStreamName="trial", logEvents=[line])
    asked = {"logGroupName": group, "filterPattern": pattern} if pattern else {"logGroupName": group}
    queue = stage.local.client("sqs").get_queue_url(QueueName=stage.stand_in.rsplit(":", 1)[-1])["QueueUrl"]
    for event in logs.filter_log_events(**asked)["events"]:
        stage.local.client("sqs").send_message(QueueUrl=queue, MessageBody=event["message"])
    return "a line that fits the filter, carried by rule,"


SENDERS = {"topic": to_topic, "bus": to_bus, "bucket": to_bucket, "log group": to_log_group}
