"""What a rule, a schedule, a pipe, a notification and a topic need so that an event arrives, from where it may."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
import _model as model

ROUTER = "references/eda-patterns.md#event-router"
INVOKE = "references/security-best-practices.md#who-may-invoke"
JOB = "references/serverless-patterns.md#scheduled-job"
FAN_OUT = "references/eda-patterns.md#fan-out"
TAGS = ["eventbridge", "design for failures and duplicates"]
TOPIC_TAGS = ["sns", "sqs", "design for failures and duplicates"]
MANAGED = ("alias/aws/sqs", "alias/aws/sns")
UNITS = {"minute": 60, "hour": 3600, "day": 86400}
HOLDERS = (
    "AWS::SQS::QueuePolicy",
    "AWS::SQS::QueueInlinePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SNS::TopicInlinePolicy",
    "AWS::S3::BucketPolicy",
)
# Services known to send aws:SourceArn or aws:SourceAccount. No load balancer: its target needs the permission first.
DEPUTIES = {
    *("apigateway", "appsync", "bedrock", "cloudfront", "cloudtrail", "cloudwatch", "codestar-notifications"),
    *("cognito-idp", "config", "connect", "delivery.logs", "events", "guardduty", "iot", "lambda.alarms.cloudwatch"),
    *("lex", "lexv2", "logging.s3", "logs", "s3", "secretsmanager", "ses", "sns"),
}
BINDING = ("aws:source", "aws:referer", "aws:principalorg", "opaque")  # how the condition keys begin that bind a source


class RuleDeadLetters(model.Rule):
    id = "E9301"
    shortdesc = "A rule's target has a dead-letter queue"
    description = "EventBridge drops an event that it may not deliver at once, and any other after a day."
    section = ROUTER
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for target in template.targets:
            rule = target.kind == "rule" and not target.scheduled
            if rule and target.absent("DeadLetterConfig") and not _keeps(target):
                yield target.path, "events that cannot be delivered are dropped: add DeadLetterConfig"


class RuleToQueueDeadLetters(model.Rule):
    id = "I9309"
    shortdesc = "A rule's target has a dead-letter queue, even if it is a queue itself"
    description = "A queue fails as seldom as its dead-letter queue, but its policy and its key may change one day."
    section = ROUTER
    tags = ["sqs", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for target in template.targets:
            queue = target.destination and target.destination.type == model.QUEUE
            if target.kind == "rule" and queue and target.absent("DeadLetterConfig"):
                yield target.path, "events are dropped once the queue's policy or key is wrong: add DeadLetterConfig"


def _keeps(target: model.Target) -> bool:
    """It goes where events are kept: to a queue of this template, whose policy E9304 checks, or to a log."""
    kept = target.destination and target.destination.type in (model.QUEUE, "AWS::Logs::LogGroup")
    return bool(kept) or model.service(target.arn) == "logs"


class ScheduleDeadLetters(model.Rule):
    id = "W9302"
    shortdesc = "A schedule has a dead-letter queue"
    description = "A run that could not be started is otherwise missed and noticed by nobody."
    section = JOB
    tags = ["scheduler", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for target in template.targets:
            if target.scheduled and target.absent("DeadLetterConfig"):
                yield target.path, "a run that cannot be started is lost unseen: add DeadLetterConfig"


class PipeDeadLetters(model.Rule):
    id = "E9303"
    shortdesc = "A pipe from a stream has a dead-letter queue and bounded retries, one from a queue has the queue's"
    description = (
        "By default a stream's record has no bound: a bad one stops its shard, and one that is given up is gone."
    )
    section = "references/serverless-patterns.md#stream-processor"
    tags = ["pipes", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for pipe in template.of("AWS::Pipes::Pipe"):
            source = pipe.refers("Source")
            kind = model.SOURCES.get(source.type if source else model.service(pipe.only("Source")), "")
            if kind in ("Kinesis", "DynamoDB"):
                key = "KinesisStreamParameters" if kind == "Kinesis" else "DynamoDBStreamParameters"
                settings = ("SourceParameters", key)
                bounds = [
                    pipe.values(*settings, name) for name in ("MaximumRetryAttempts", "MaximumRecordAgeInSeconds")
                ]
                if pipe.absent(*settings, "DeadLetterConfig"):
                    yield pipe.at(*settings), f"records that are given up vanish: add {key}.DeadLetterConfig"
                elif all(value is None or str(value) == "-1" for bound in bounds for value in bound):
                    yield pipe.at(*settings), f"a bad record stops its shard: set {key}.MaximumRetryAttempts"
            if source and source.type == model.QUEUE and source.absent("RedrivePolicy"):
                message = f"what the pipe {pipe.name} cannot deliver goes round until it expires"
                yield source.resource_path, f"{message}: give {source.name} a RedrivePolicy"


def refusals(template: model.Model, *kinds: str) -> Iterator[tuple[model.Where, str]]:
    for delivery in template.deliveries:
        if delivery.kind in kinds and template.refused(delivery):
            name, who = delivery.receiver.name, delivery.principal
            policy = "AWS::SQS::QueuePolicy" if delivery.receiver.type == model.QUEUE else "AWS::SNS::TopicPolicy"
            source = f" from {delivery.sender}" if delivery.sender else ""
            yield delivery.path, f"{name} does not admit {who}{source}: allow it {delivery.action} in an {policy}"


class RuleTarget(model.Rule):
    id = "E9304"
    shortdesc = "A queue or topic that a rule sends to admits EventBridge"
    description = "Without a resource policy for events.amazonaws.com nothing arrives, and only a metric tells."
    section = ROUTER
    tags = ["sqs", "sns", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from refusals(template, "target")


class RuleDeadLetterPolicy(model.Rule):
    id = "E9305"
    shortdesc = "A rule's dead-letter queue admits EventBridge"
    description = "Without a queue policy for events.amazonaws.com it stays empty, and the events are gone."
    section = ROUTER
    tags = ["sqs", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from refusals(template, "dead-letter")


class Notification(model.Rule):
    id = "E9306"
    shortdesc = "A queue or topic that a bucket notifies admits S3"
    description = "S3 tests the destination when the notification is set, and the deployment fails."
    section = ROUTER
    tags = ["s3", "sqs", "sns", *TAGS[1:]]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from refusals(template, "notification")


class SourceCondition(model.Rule):
    id = "E9307"
    shortdesc = "A service that a policy admits is bound to a source: aws:SourceArn or aws:SourceAccount"
    description = "Otherwise anybody's rule, topic or bucket may have that service send here: the confused deputy."
    section = ROUTER
    tags = ["sqs", "sns", "s3", "lambda", "speedy, simple, singular"]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for policy in template.of(*HOLDERS):
            for statement in template.statements(policy.child("PolicyDocument"))[0]:
                services = [name for name in model.principals(statement) if _deputy(name)]
                if policy.type.startswith("AWS::SNS::"):  # EventBridge matches no topic policy that has a condition
                    services = [name for name in services if name != "events.amazonaws.com"]
                bound = any(key.lower().startswith(BINDING) for key in model.conditions(statement))
                if services and not bound and statement.only("Effect") == "Allow":
                    message = f"{services[0]} may act here for any account"
                    yield statement.path, f"{message}: add a Condition on aws:SourceArn or aws:SourceAccount"
        for permission in template.of("AWS::Lambda::Permission"):
            keys = ("SourceArn", "SourceAccount", "PrincipalOrgID", "EventSourceToken")
            service = str(permission.only("Principal"))
            if _deputy(service) and all(permission.absent(key) for key in keys):
                message = f"{service} may invoke the function for any account"
                yield permission.path, f"{message}: add SourceArn or SourceAccount"


def _deputy(principal: str) -> bool:
    return principal.partition(".amazonaws.com")[0] in DEPUTIES and ".amazonaws.com" in principal


class Rate(model.Rule):
    id = "W9308"
    shortdesc = "A function's rate is no shorter than its timeout"
    description = "Otherwise a slow run is overtaken by the next, and two do the same work at once."
    section = JOB
    tags = ["scheduler", "lambda", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for target in template.targets:
            function = target.destination
            if function and function.is_function and function.absent("DurableConfig"):
                rates = [_seconds(value) for value in target.expression]
                timeouts = function.numbers("Timeout", default=3)
                if model.certain(lambda rate, timeout: rate < timeout, rates, timeouts):
                    message = f"a run of {function.name} may last {timeouts[0]} s, the next starts after {rates[0]} s"
                    yield target.path, f"{message}: lower its Timeout or the rate"


def _seconds(expression: object) -> int | None:
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", str(expression).strip())
    return int(match[1]) * UNITS[match[2]] if match else None


class RoleDeadLetters(model.Rule):
    id = "E9310"
    shortdesc = "The role of a schedule or a pipe may send to its dead-letter queue"
    description = (
        "Schedule and pipe send under their role, whatever the queue's policy says: may it not, the queue stays empty."
    )
    section = INVOKE
    tags = ["scheduler", "pipes", "sqs", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        senders: list[tuple[str, model.Node, model.Resource | None]] = [
            (target.source, target, target.refers("RoleArn"))
            for target in template.targets
            if target.kind == "schedule"
        ]
        for pipe in template.of("AWS::Pipes::Pipe"):
            for kind in ("KinesisStreamParameters", "DynamoDBStreamParameters"):
                parameters = pipe.child("SourceParameters", kind)
                if isinstance(parameters.body, dict):
                    senders.append((pipe.name, parameters, pipe.refers("RoleArn")))
        for name, sender, role in senders:
            letters = sender.refers("DeadLetterConfig", "Arn")
            if role and role.type == "AWS::IAM::Role" and letters and letters.type in (model.QUEUE, "AWS::SNS::Topic"):
                action = "sqs:SendMessage" if letters.type == model.QUEUE else "sns:Publish"
                if model.allows(template, role, action, letters) is False:
                    message = f"{role.name} may not send what {name} gives up to {letters.name}"
                    yield sender.at("DeadLetterConfig"), f"{message}: allow the role {action} on {letters.name}"


class LogGroupTarget(model.Rule):
    id = "W9311"
    shortdesc = "A log group that a rule sends to admits EventBridge"
    description = "Without a resource policy of CloudWatch Logs nothing arrives, and only a metric tells."
    section = INVOKE
    tags = ["logs", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        policies = [model.text(each.only("PolicyDocument")) for each in template.of("AWS::Logs::ResourcePolicy")]
        told = any(not each or "events.amazonaws.com" in each for each in policies)
        if told or "utResourcePolicy" in json.dumps(template.body.get("Resources"), default=str):  # a custom resource
            return
        for target in template.targets:
            group = target.destination.name if target.destination else model.text(target.arn)
            logs = target.destination and target.destination.type == "AWS::Logs::LogGroup"
            if target.kind == "rule" and (logs or (not target.destination and model.service(target.arn) == "logs")):
                remedy = "add an AWS::Logs::ResourcePolicy for events.amazonaws.com and delivery.logs.amazonaws.com"
                yield target.path, f"nothing here lets EventBridge write to {group}: {remedy}"


class MessageGroup(model.Rule):
    id = "E9312"
    shortdesc = "What sends to a FIFO queue names a message group"
    description = "SQS refuses a message to a FIFO queue that has no MessageGroupId: nothing arrives."
    section = "references/eda-patterns.md#ordered-consumer"
    tags = ["sqs", "scheduler", "pipes", "stepfunctions", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        sent = []
        for target in template.targets:
            bare = target.absent("SqsParameters", "MessageGroupId")
            sent.append((target.path, target.source, target.destination, bare, "SqsParameters."))
        for pipe in template.of("AWS::Pipes::Pipe"):
            parameters = pipe.child("TargetParameters", "SqsQueueParameters")
            bare = pipe.absent("TargetParameters", "SqsQueueParameters", "MessageGroupId")
            sent.append((parameters.path, pipe.name, pipe.refers("Target"), bare, "SqsQueueParameters."))
        for machine in template.machines:
            for state in template.states(machine):
                call = state.body.get("Arguments", state.body.get("Parameters"))
                if re.search(r":states:::sqs:sendMessage\b", state.resource) and isinstance(call, dict):
                    bare = not {"MessageGroupId", "MessageGroupId.$"} & set(call)
                    sent.append((state.path, state.name, _queue(state, call.get("QueueUrl")), bare, ""))
        for path, sender, queue, bare, within in sent:
            fifo = queue and queue.type == model.QUEUE and all(model.flag(each) for each in queue.values("FifoQueue"))
            if queue and fifo and bare:
                yield path, f"{queue.name} refuses what {sender} sends without a group: set {within}MessageGroupId"


def _queue(state: model.State, url: object) -> model.Resource | None:
    """The queue that a task names, through the substitutions of its machine too."""
    name = re.fullmatch(r"\$\{(\w+)(\.\w+)?\}", model.text(url))
    if not name:
        return None
    given = state.machine.only("DefinitionSubstitutions", name[1])
    return state.template.resource(given) if given is not None else state.template.resources.get(name[1])


class SubscriptionDeadLetters(model.Rule):
    id = "E9401"
    shortdesc = "A subscription of a function, an endpoint or a delivery stream has a dead-letter queue"
    description = "SNS discards at once what it has no permission for, and the rest when its retries end."
    section = FAN_OUT
    tags = TOPIC_TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from _dropped(template, "lambda", "http", "https", "firehose")


class QueueSubscriptionDeadLetters(model.Rule):
    id = "W9406"
    shortdesc = "A queue's subscription has a dead-letter queue"
    description = (
        "A wrong queue policy or key is no fault that SNS tries again: it discards, and publishing still succeeds."
    )
    section = FAN_OUT
    tags = TOPIC_TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from _dropped(template, "sqs")


def _dropped(template: model.Model, *protocols: str) -> Iterator[tuple[model.Where, str]]:
    for subscription in template.subscriptions:
        if subscription.protocol in protocols and subscription.absent("RedrivePolicy"):
            remedy = "make it an AWS::SNS::Subscription with" if subscription.kind == "inline" else "add"
            yield subscription.path, f"messages that cannot be delivered are discarded: {remedy} RedrivePolicy"


def _refusals(template: model.Model, kind: str) -> Iterator[tuple[model.Where, str]]:
    for delivery in template.deliveries:
        if delivery.kind == kind and template.refused(delivery):
            name, source = delivery.receiver.name, f" from {delivery.sender}" if delivery.sender else ""
            message = f"{name} does not admit sns.amazonaws.com{source}"
            yield delivery.path, f"{message}: allow it sqs:SendMessage in an AWS::SQS::QueuePolicy"


class SubscribedQueue(model.Rule):
    id = "E9402"
    shortdesc = "A subscribed queue admits SNS"
    description = "Without a queue policy for sns.amazonaws.com nothing arrives, and publishing still succeeds."
    section = FAN_OUT
    tags = TOPIC_TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from _refusals(template, "subscription")


class SubscriptionDeadLetterPolicy(model.Rule):
    id = "E9403"
    shortdesc = "A subscription's dead-letter queue admits SNS"
    description = "Without a queue policy for sns.amazonaws.com it stays empty, and the messages are gone."
    section = FAN_OUT
    tags = TOPIC_TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from _refusals(template, "redrive")


class Key(model.Rule):
    id = "E9404"
    shortdesc = "The key of a queue or topic admits the service that sends to it"
    description = (
        "Encryption is done for the sender: one whose key policy lacks the service gets nothing, without an error."
    )
    section = FAN_OUT
    tags = ["kms", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for delivery in template.deliveries:
            key = delivery.receiver.refers("KmsMasterKeyId")
            if key and key.type == "AWS::KMS::Alias":
                key = key.refers("TargetKeyId")
            if key and key.type == model.KEY:
                statements, whole = template.attached(key)
                for action in ("kms:GenerateDataKey", "kms:Decrypt"):
                    if whole and not any(model.admits(one, delivery.principal, action) for one in statements):
                        message = f"{key.name} of {delivery.receiver.name} does not admit {delivery.principal}"
                        yield key.at("KeyPolicy"), f"{message}: allow it kms:GenerateDataKey* and kms:Decrypt"
                        break


class ManagedKey(model.Rule):
    id = "E9405"
    shortdesc = "A queue or topic that a service sends to is not under the key that AWS manages"
    description = (
        "The policy of alias/aws/sqs and alias/aws/sns admits no service and cannot be changed: nothing arrives."
    )
    section = FAN_OUT
    tags = ["kms", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for delivery in template.deliveries:
            receiver = delivery.receiver
            keys = [model.text(value) for value in receiver.values("KmsMasterKeyId")]
            if all(key.endswith(MANAGED) for key in keys):
                own = "SqsManagedSseEnabled: true or a key" if receiver.type == model.QUEUE else "a key"
                message = f"{delivery.principal} cannot use {keys[0]}"
                yield receiver.at("KmsMasterKeyId"), f"{message}: take {own} of your own whose policy admits it"
