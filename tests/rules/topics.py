"""What an SNS topic needs so that each subscriber gets its message, through policies and keys."""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
import _model as model

SECTION = "references/eda-patterns.md#fan-out"
TAGS = ["sns", "sqs", "design for failures and duplicates"]
MANAGED = ("alias/aws/sqs", "alias/aws/sns")


class SubscriptionDeadLetters(model.Rule):
    id = "E9401"
    shortdesc = "A subscription of a function, an endpoint or a delivery stream has a dead-letter queue"
    description = "SNS discards at once what it has no permission for, and the rest when its retries end."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from _dropped(template, "lambda", "http", "https", "firehose")


class QueueSubscriptionDeadLetters(model.Rule):
    id = "W9406"
    shortdesc = "A queue's subscription has a dead-letter queue"
    description = (
        "A wrong queue policy or key is no fault that SNS tries again: it discards, and publishing still succeeds."
    )
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from _dropped(template, "sqs")


def _dropped(template: model.Model, *protocols: str) -> Iterator[tuple[model.Where, str]]:
    for each in template.subscriptions:
        if each.protocol in protocols and each.absent("RedrivePolicy"):
            remedy = "make it an AWS::SNS::Subscription with" if each.kind == "inline" else "add"
            yield each.path, f"messages that cannot be delivered are discarded: {remedy} RedrivePolicy"


def _refusals(template: model.Model, kind: str) -> Iterator[tuple[model.Where, str]]:
    for each in template.deliveries:
        if each.kind == kind and template.refused(each):
            name, source = each.receiver.name, f" from {each.sender}" if each.sender else ""
            message = f"{name} does not admit sns.amazonaws.com{source}"
            yield each.path, f"{message}: allow it sqs:SendMessage in an AWS::SQS::QueuePolicy"


class SubscribedQueue(model.Rule):
    id = "E9402"
    shortdesc = "A subscribed queue admits SNS"
    description = "Without a queue policy for sns.amazonaws.com nothing arrives, and publishing still succeeds."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from _refusals(template, "subscription")


class SubscriptionDeadLetterPolicy(model.Rule):
    id = "E9403"
    shortdesc = "A subscription's dead-letter queue admits SNS"
    description = "Without a queue policy for sns.amazonaws.com it stays empty, and the messages are gone."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        yield from _refusals(template, "redrive")


class Key(model.Rule):
    id = "E9404"
    shortdesc = "The key of a queue or topic admits the service that sends to it"
    description = (
        "Encryption is done for the sender: one whose key policy lacks the service gets nothing, without an error."
    )
    section = SECTION
    tags = ["kms", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for each in template.deliveries:
            key = each.receiver.refers("KmsMasterKeyId")
            if key and key.type == "AWS::KMS::Alias":
                key = key.refers("TargetKeyId")
            if key and key.type == model.KEY:
                statements, whole = template.attached(key)
                for action in ("kms:GenerateDataKey", "kms:Decrypt"):
                    if whole and not any(model.admits(one, each.principal, action) for one in statements):
                        message = f"{key.name} of {each.receiver.name} does not admit {each.principal}"
                        yield key.at("KeyPolicy"), f"{message}: allow it kms:GenerateDataKey* and kms:Decrypt"
                        break


class ManagedKey(model.Rule):
    id = "E9405"
    shortdesc = "A queue or topic that a service sends to is not under the key that AWS manages"
    description = (
        "The policy of alias/aws/sqs and alias/aws/sns admits no service and cannot be changed: nothing arrives."
    )
    section = SECTION
    tags = ["kms", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for each in template.deliveries:
            keys = [model.text(value) for value in each.receiver.values("KmsMasterKeyId")]
            if all(key.endswith(MANAGED) for key in keys):
                own = "SqsManagedSseEnabled: true or a key" if each.receiver.type == model.QUEUE else "a key"
                message = f"{each.principal} cannot use {keys[0]}"
                yield each.receiver.at("KmsMasterKeyId"), f"{message}: take {own} of your own whose policy admits it"
