"""What an SQS queue that feeds a Lambda function must have so that no message is lost or done twice needlessly.

Use on any template:  uvx cfn-lint -a tests/rules -t template.yaml
"""

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
import _model as model

RETENTION, MOST, DAY = 345_600, 1_209_600, 86_400  # four days, the default, and fourteen
NEVER = 10**9  # seconds
BATCHES = 1_250  # that a mapping of a standard queue works on at once unless it is told otherwise
REPORTS = "ReportBatchItemFailures"
SECTION = "references/eda-patterns.md#queue-worker"
TAGS = ["sqs", "lambda", "design for failures and duplicates"]


def consumed(template: model.Model) -> Iterator[tuple[model.Mapping, model.Resource]]:
    """Mappings and the queues of this template that they read."""
    for mapping in template.mappings:
        if mapping.kind == "SQS" and mapping.source and mapping.source.type == model.QUEUE:
            yield mapping, mapping.source


class VisibilityTimeout(model.Rule):
    id = "E9101"
    shortdesc = "A queue hides a message at least six times as long as its function may run, plus the batching window"
    description = "Otherwise a throttled or slow batch reappears while it is still being worked on."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for mapping, queue in consumed(template):
            if not mapping.function or not mapping.function.is_function:
                continue
            timeouts = mapping.function.numbers("Timeout", default=3)
            ends = _ends(mapping.function)
            windows = mapping.numbers("MaximumBatchingWindowInSeconds", default=0)
            visible = queue.numbers("VisibilityTimeout", default=30)
            if model.certain(lambda t, end, w, v: v < _hidden(t, end, w), timeouts, ends, windows, visible):
                least = max(
                    _hidden(t, end, w)
                    for t, end, w in product(timeouts, ends, windows)
                    if t is not None and end is not None and w is not None
                )
                runs = min(timeouts[0] or 0, ends[0] or 0)
                why = f"6 x {runs} + {windows[0]} needs {least}"
                if least == timeouts[0]:
                    why = f"Lambda refuses less than the function's Timeout of {least}"
                yield queue.resource_path, f"{queue.name}: VisibilityTimeout is {visible[0]}, {why}"


def _ends(function: model.Resource) -> list[int | None]:
    """A durable execution ends, whatever an invocation may, after its ExecutionTimeout."""
    if function.absent("DurableConfig"):
        return [NEVER]
    return function.numbers("DurableConfig", "ExecutionTimeout")


def _hidden(timeout: int, end: int, window: int) -> int:
    """How long a message must stay hidden: as long as six batches may take, and never less than Lambda demands."""
    return max(6 * min(timeout, end) + window, timeout)


class PartialBatch(model.Rule):
    id = "E9102"
    shortdesc = "An SQS mapping reports single failed messages"
    description = (
        "Otherwise an exception sends the whole batch back, and what the handler names as failed is deleted unseen."
    )
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for mapping in template.mappings:
            types = mapping.values("FunctionResponseTypes", default=[])
            sizes = mapping.numbers("BatchSize", default=10)
            if mapping.kind == "SQS" and 1 not in sizes and all(model.lacks(kind, REPORTS) for kind in types):
                message = (
                    "an exception sends the whole batch back, a message named in batchItemFailures is deleted unseen"
                )
                yield mapping.path, f"{message}: add FunctionResponseTypes: [{REPORTS}]"


class Redrive(model.Rule):
    id = "E9103"
    shortdesc = "A queue that feeds a function has a dead-letter queue and gives a message at least three receives"
    description = "Without one, poison is retried until it expires and is deleted unseen."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for _, queue in consumed(template):
            receives = queue.numbers("RedrivePolicy", "maxReceiveCount")
            if queue.absent("RedrivePolicy"):
                message = f"give {queue.name} a RedrivePolicy with a dead-letter queue"
                if model.flag(queue.only("FifoQueue")):
                    message += f", or, where its order must not be skipped, {model.meant(self.id, queue)}"
                else:
                    message += f" that has MessageRetentionPeriod {MOST}"
                    if (_kept(queue) or 0) >= MOST:
                        message += f", and lower its own to {_longest(template, queue)}, which is below that"
                yield queue.resource_path, message
            elif model.certain(lambda count: count < 3, receives):
                message = f"{queue.name}: maxReceiveCount {receives[0]}: throttled receives count too, allow at least 3"
                yield queue.resource_path, message


class DeadLetterRetention(model.Rule):
    id = "E9104"
    shortdesc = "A dead-letter queue keeps a message longer than its source does"
    description = (
        "A message of a standard queue brings its age along: one that waited is deleted from the other sooner."
    )
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for _, queue in consumed(template):
            dead = queue.refers("RedrivePolicy", "deadLetterTargetArn")
            if not dead or dead.type != model.QUEUE or model.flag(queue.only("FifoQueue")):  # FIFO: its age starts anew
                continue
            kept = dead.numbers("MessageRetentionPeriod", default=RETENTION)
            source = queue.numbers("MessageRetentionPeriod", default=RETENTION)
            if model.certain(lambda mine, its: mine <= its, kept, source):
                message = f"{dead.name}: MessageRetentionPeriod {kept[0]} is not above the {source[0]} of {queue.name}"
                longest, remedies = _longest(template, dead), []
                if (kept[0] or 0) < longest:
                    remedies.append(f"set {longest}{_why_not_the_most(dead, longest)}")
                if (source[0] or 0) >= longest:
                    remedies.append(f"lower that of {queue.name} to {longest - DAY}")
                yield dead.resource_path, f"{message}: {' and '.join(remedies)}"


def _kept(queue: model.Resource) -> int | None:
    return queue.numbers("MessageRetentionPeriod", default=RETENTION)[0]


def _longest(template: model.Model, queue: model.Resource) -> int:
    """How long a queue may keep a message so that its own dead-letter queue, which it needs if it is read, outlives it.

    That one stays as it is where it keeps longer already; where it does not, the rule has it raised.
    """
    passed: list[model.Resource] = []
    while queue not in passed and any(read is queue for _, read in consumed(template)):
        passed.append(queue)
        dead, own = queue.refers("RedrivePolicy", "deadLetterTargetArn"), _kept(queue)
        if not dead or dead.type != model.QUEUE:
            break
        keeps = _kept(dead)
        if own is not None and keeps is not None and keeps > own:
            return keeps - DAY * len(passed)
        queue = dead
    return MOST - DAY * len(passed)


def _why_not_the_most(dead: model.Resource, longest: int) -> str:
    if longest == MOST:
        return ""
    return f" and no more, since {dead.name} feeds a function and its own dead-letter queue must keep still longer"


class BatchWindow(model.Rule):
    id = "E9105"
    shortdesc = "An SQS mapping with a batch above ten has a batching window"
    description = "Lambda refuses the mapping: without a window there is no batch above ten to wait for."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for mapping in template.mappings:
            if mapping.kind == "SQS" and not _fifo(mapping):
                sizes = mapping.numbers("BatchSize", default=10)
                windows = mapping.numbers("MaximumBatchingWindowInSeconds", default=0)
                if model.certain(lambda size, window: size > 10 and window == 0, sizes, windows):
                    message = f"BatchSize {sizes[0]} without a window: set MaximumBatchingWindowInSeconds to 1 or more"
                    yield mapping.at("BatchSize"), message


class FifoBatch(model.Rule):
    id = "E9106"
    shortdesc = "A mapping of a FIFO queue has a batch of at most ten and no batching window"
    description = "Lambda refuses the mapping, and the deployment rolls back."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for mapping in template.mappings:
            if mapping.kind == "SQS" and _fifo(mapping):
                sizes = mapping.numbers("BatchSize", default=10)
                windows = mapping.numbers("MaximumBatchingWindowInSeconds", default=0)
                event = "Events" in mapping.path  # the batch of a plain mapping is cfn-lint's E3705
                if event and model.certain(lambda size: size > 10, sizes):
                    yield mapping.at("BatchSize"), f"BatchSize {sizes[0]} on a FIFO queue: set at most 10"
                if model.certain(lambda window: window > 0, windows):
                    message = "a FIFO queue has no batching window: remove MaximumBatchingWindowInSeconds"
                    yield mapping.at("MaximumBatchingWindowInSeconds"), message


def _fifo(mapping: model.Mapping) -> bool:
    return bool(mapping.source and mapping.source.type == model.QUEUE and model.flag(mapping.source.only("FifoQueue")))


class TwoModes(model.Rule):
    id = "E9107"
    shortdesc = "An SQS mapping has either MaximumConcurrency or provisioned pollers"
    description = "Lambda refuses both: with provisioned pollers, MaximumPollers is the cap."
    section = SECTION
    tags = [*TAGS[:2], "concurrent requests, not total"]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for mapping in template.mappings:
            caps = mapping.values("ScalingConfig", "MaximumConcurrency")
            pollers = mapping.values("ProvisionedPollerConfig")
            if mapping.kind == "SQS" and None not in caps and None not in pollers:
                message = (
                    "MaximumConcurrency and ProvisionedPollerConfig exclude each other: cap with MaximumPollers alone"
                )
                yield mapping.at("ScalingConfig"), message


class Reserved(model.Rule):
    id = "W9108"
    shortdesc = "What a function's SQS mappings may use together is no more than its reserved concurrency"
    description = (
        "Above it Lambda throttles; each throttled receive counts, and good messages end in the dead-letter queue."
    )
    section = SECTION
    tags = [*TAGS[:2], "concurrent requests, not total"]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for function in template.functions:
            reserved = function.numbers("ReservedConcurrentExecutions")
            mine = [each for each in template.mappings if each.kind == "SQS" and each.function is function]
            caps = [_at_once(each) for each in mine]
            if mine and model.certain(lambda most, *at_once: 0 < most < sum(at_once), reserved, *caps):
                total = sum(cap[0] or 0 for cap in caps)
                path, says = function.at("ReservedConcurrentExecutions"), f"{function.name} reserves {reserved[0]}"
                if any(BATCHES in cap for cap in caps):
                    least = max(2 * len(mine), reserved[0] or 0)  # no mapping may have less than 2
                    message = (
                        f"{says}, Lambda reads up to {total} batches at once, what is throttled counts as received"
                    )
                    raised = f"reserve {least} and " if least != reserved[0] else ""
                    remedy = f"{raised}set MaximumConcurrency on its SQS mappings, together at most {least}"
                    yield path, f"{message}: {remedy}"
                else:
                    message = f"{says}, its mappings' MaximumConcurrency sum up to {total}"
                    yield path, f"{message}: reserve {total} or lower them"


def _at_once(mapping: model.Mapping) -> list[int | None]:
    """How many batches a mapping may work on at once; 0, the least, where pollers or message groups decide."""
    standard = mapping.source and mapping.source.type == model.QUEUE and not _fifo(mapping)
    known = standard and mapping.absent("ProvisionedPollerConfig")
    return mapping.numbers("ScalingConfig", "MaximumConcurrency", default=BATCHES if known else 0)


class OnePolicy(model.Rule):
    id = "E9109"
    shortdesc = "A queue or topic has one policy"
    description = (
        "A policy replaces the one before it: of two, the last deployed counts, and whom the other let in is not."
    )
    section = "references/eda-patterns.md#fan-out"
    tags = ["sqs", "sns", TAGS[2]]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        first: dict[str, str] = {}
        for policy in template.of("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
            if policy.conditional:
                continue
            holders = model.listed(policy.only(model.POLICIES[policy.type]))
            for name in dict.fromkeys(each.name for each in map(template.resource, holders) if each):
                if name in first:
                    message = f"{policy.name} and {first[name]} replace each other on {name}: write one policy"
                    yield policy.resource_path, message
                first.setdefault(name, policy.name)
