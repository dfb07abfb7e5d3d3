"""The pieces of a template that a model hands out: objects that know what they may become and where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trials.template.values import OPAQUE, as_dict, is_intrinsic, listed, number

if TYPE_CHECKING:
    from trials.template.model import Model

Where = list[str | int]
FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
MACHINES = ("AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine")
QUEUE, TOPIC, KEY, BUCKET = "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::KMS::Key", "AWS::S3::Bucket"
RULE, SCHEDULE = "AWS::Events::Rule", "AWS::Scheduler::Schedule"
ASSET = "aws:asset:path"  # metadata in which CDK says where beside the template a resource's code or template lies


@dataclass(frozen=True, eq=False)
class Node:
    """An object of the template: what it says, Globals included, and where it stands."""

    template: Model
    body: Any
    path: Where

    def values(self, *keys: str, default: Any = None) -> list[Any]:
        """All that a property may become: literals, references as they are written, `default` where there is none."""
        return [default if each is None else each for each in self.template.values(self.body, *keys)]

    def numbers(self, *keys: str, default: int | None = None) -> list[int | None]:
        """All numbers that a property may become; `None` for one that is unknown, or absent and without default."""
        return [number(each) for each in self.values(*keys, default=default)]

    def absent(self, *keys: str) -> bool:
        """Nothing is said here, whatever the conditions are."""
        return all(each is None for each in self.values(*keys))

    def only(self, *keys: str) -> Any:
        """The one value that a property can have, `None` for none, OPAQUE if there are several."""
        possible = self.values(*keys)
        return possible[0] if all(each == possible[0] for each in possible) else OPAQUE

    def written(self, *keys: str) -> Any:
        """What stands at a property, its conditions left in place: for questions that see through them."""
        here = self.body
        for key in keys:
            here = as_dict(here).get(key)
        return here

    def refers(self, *keys: str) -> Resource | None:
        """The one resource of this template that a property refers to."""
        return self.template.resource(self.only(*keys))

    def at(self, *keys: str | int) -> Where:
        """Where a property stands, or the nearest thing around it that does."""
        path, here = list(self.path), self.template.raw(self.path)
        for key in keys:
            if not (key in here if isinstance(here, dict) else isinstance(here, list) and isinstance(key, int)):
                break
            path.append(key)
            here = here[key]
        return path

    def child(self, *keys: str) -> Node:
        return Node(self.template, self.only(*keys), self.at(*keys))

    def items(self, *keys: str) -> Iterator[Node]:
        """The members of a list, as nodes; those behind an intrinsic function are left out."""
        for index, member in enumerate(listed(self.only(*keys))):
            if isinstance(member, dict) and not is_intrinsic(member):
                yield Node(self.template, member, self.at(*keys, index))


@dataclass(frozen=True, eq=False)
class Resource(Node):
    name: str
    type: str

    @property
    def is_function(self) -> bool:
        return self.type in FUNCTIONS

    @property
    def resource_path(self) -> Where:
        return ["Resources", self.name]

    @property
    def conditional(self) -> bool:
        return "Condition" in self.template.raw(self.resource_path)


@dataclass(frozen=True, eq=False)
class Event(Node):
    """An event of a SAM function or state machine; the node is its properties."""

    owner: Resource
    name: str
    kind: str

    @property
    def label(self) -> str:
        return f"{self.owner.name}.{self.name}"


@dataclass(frozen=True, eq=False)
class Feed(Node):
    """What sets something off; `event` is the event of SAM that it is written as, if it is one."""

    event: Event | None = field(default=None, kw_only=True)

    @property
    def label(self) -> str:
        return self.event.label if self.event else str(self.path[1])


@dataclass(frozen=True, eq=False)
class Mapping(Feed):
    """What feeds a function from a queue or a stream: a SAM event or an event source mapping."""

    kind: str  # SQS, Kinesis, DynamoDB, MSK, MQ, …; empty if unknown
    source: Resource | None
    function: Resource | None


@dataclass(frozen=True, eq=False)
class Target(Feed):
    """Where a rule or a schedule sends; the node has DeadLetterConfig and RetryPolicy."""

    kind: str  # rule, schedule (EventBridge Scheduler)
    source: str  # logical id of the rule or schedule; SAM makes an event's of its owner's name and its own
    destination: Resource | None
    arn: Any
    expression: list[Any]  # all that its ScheduleExpression may become

    @property
    def scheduled(self) -> bool:
        return any(value is not None for value in self.expression)


@dataclass(frozen=True, eq=False)
class Subscription(Feed):
    kind: str  # subscription, inline (in the topic), event (SAM)
    protocol: str
    topic: Resource | None
    endpoint: Resource | None

    @property
    def label(self) -> str:
        return f"{super().label}.{self.path[-1]}" if self.kind == "inline" else super().label


@dataclass(frozen=True, eq=False)
class Delivery(Node):
    """A service that sends to a queue or topic of this template; the resource's policy must let it."""

    kind: str  # target and dead-letter of a rule, subscription and its redrive, notification (S3), alarm
    principal: str
    sender: str  # logical id
    sender_type: str
    receiver: Resource

    @property
    def action(self) -> str:
        return "sqs:SendMessage" if self.receiver.type == QUEUE else "sns:Publish"
