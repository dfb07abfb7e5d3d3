"""What a template says, read the same way from SAM and from plain CloudFormation.

cfn-lint loads every module of this folder whose name starts with a letter, so this one is no rule module. It loads them
by path, so a rule module finds this one through two lines:

    sys.path.append(str(Path(__file__).parent))
    import _model as model

A class that a rule module imports by name is taken for a rule: say `model.Rule`, never `from _model import Rule`.

The law of every rule: what cannot be resolved is no finding. A value stands for all that it may become (`Node.values`):
each branch of an `Fn::If`, each row of a mapping, each of a parameter's `AllowedValues`. A rule speaks only if all of
them break it.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from cfnlint.rules._rule import CloudFormationLintRule, RuleMatch
from cfnlint.template.template import Template

ROOT = Path(__file__).resolve().parent.parent.parent
Where = list[str | int]
FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
MACHINES = ("AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine")
QUEUE, TOPIC, KEY, BUCKET = "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::KMS::Key", "AWS::S3::Bucket"
RULE, SCHEDULE = "AWS::Events::Rule", "AWS::Scheduler::Schedule"
GLOBALS = {  # resource types and their section of Globals
    "AWS::Serverless::Function": "Function",
    "AWS::Serverless::Api": "Api",
    "AWS::Serverless::HttpApi": "HttpApi",
    "AWS::Serverless::SimpleTable": "SimpleTable",
    "AWS::Serverless::StateMachine": "StateMachine",
}
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
}
POLICIES = {  # resource types that attach a policy, and the property that names what they attach it to
    "AWS::SQS::QueuePolicy": "Queues",
    "AWS::SQS::QueueInlinePolicy": "Queue",
    "AWS::SNS::TopicPolicy": "Topics",
    "AWS::SNS::TopicInlinePolicy": "TopicArn",
    "AWS::S3::BucketPolicy": "Bucket",
}


class Opaque:
    """A value that is there and that nobody can know before deployment."""

    def __repr__(self) -> str:
        return "OPAQUE"


OPAQUE = Opaque()


class Rule(CloudFormationLintRule):
    """A rule yields the places that break its law, each with a message that ends with the remedy."""

    section = ""  # of our references, which explains the law
    tags: list[str] = []

    def __init__(self) -> None:
        super().__init__()
        self.source_url = f"{ROOT.as_uri()}/{self.section}"  # opens in the reader's own copy, wherever cfn-lint runs

    def check(self, template: "Model") -> Iterator[tuple[Where, str]]:
        raise NotImplementedError

    def match(self, cfn: Template) -> list[RuleMatch]:
        return [RuleMatch(path, message) for path, message in self.check(read(cfn))]


@lru_cache(maxsize=1)
def read(cfn: Template) -> "Model":
    return Model(cfn)


def is_intrinsic(value: Any) -> bool:
    return isinstance(value, dict) and (
        "Fn::Transform" in value
        or (len(value) == 1 and str(next(iter(value))).startswith(("Fn::", "Ref", "Condition")))
    )


def number(value: Any) -> int | None:
    """The whole number that a literal is, also as text; `None` if it is anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def flag(value: Any) -> bool | None:
    """The truth that a literal is, also as text; `None` if it is anything else."""
    return {"true": True, "false": False}.get(str(value).lower())


def listed(value: Any) -> list[Any]:
    """A list as it is, nothing as an empty one, anything else as a list of itself."""
    return value if isinstance(value, list) else [] if value is None else [value]


def text(value: Any) -> str:
    """A string with its references left as `${Name.Attribute}`; empty for what is no string."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref":
            return f"${{{argument}}}"
        if function == "Fn::GetAtt":
            return f"${{{'.'.join(map(str, listed(argument)))}}}"
        if function == "Fn::Sub":
            whole, own = (argument, {}) if isinstance(argument, str) else [*listed(argument), {}, {}][:2]
            own = own if isinstance(own, dict) else {}
            return re.sub(r"\$\{([^!}]+)\}", lambda m: text(own.get(m[1])) or m[0], text(whole))
        if (
            function == "Fn::Join"
            and isinstance(argument, list)
            and len(argument) == 2
            and isinstance(argument[1], list)
        ):
            return str(argument[0]).join(text(part) for part in argument[1])
    return ""


def lacks(value: Any, word: str) -> bool:
    """A list of words that are all known, none of which is this one."""
    return isinstance(value, list) and all(isinstance(each, str) and each != word for each in value)


def meant(rule: str, resource: "Resource") -> str:
    """How a template says that what a rule objects to is so on purpose."""
    return f"say so in {resource.name}: Metadata: {{ cfn-lint: {{ config: {{ ignore_checks: [{rule}] }} }} }}"


def service(arn: Any) -> str:
    """The service of an ARN that is written out, whatever stands for its partition."""
    match = re.match(r"arn:(?:\$\{AWS::Partition\}|[^:]*):([a-z0-9-]+):", text(arn))
    return match[1] if match else ""


def references(value: Any) -> set[str]:
    """Every name that an expression refers to, however deep, pseudo parameters left out."""
    if isinstance(value, list):
        return {name for each in value for name in references(each)}
    if not isinstance(value, dict):
        return set()
    found = {name for key, each in value.items() if key not in ("Ref", "Fn::GetAtt") for name in references(each)}
    if is_intrinsic(value):
        found |= set(re.findall(r"\$\{([A-Za-z0-9]+)", text(value)))
    return found - {"AWS"}


def logical_id(value: Any) -> str:
    """The one name that `!Ref X`, `!GetAtt X.Arn`, or a `!Sub` or `!Join` with one `${X.Arn}` refers to, or nothing."""
    names = set(re.findall(r"\$\{([A-Za-z0-9]+)(?![:A-Za-z0-9])", text(value))) if isinstance(value, dict) else set()
    return names.pop() if len(names) == 1 else ""


@dataclass(frozen=True, eq=False)
class Node:
    """An object of the template: what it says, Globals included, and where it stands."""

    template: "Model"
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
        found = self.values(*keys)
        return found[0] if all(each == found[0] for each in found) else OPAQUE

    def refers(self, *keys: str) -> "Resource | None":
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

    def child(self, *keys: str) -> "Node":
        return Node(self.template, self.only(*keys), self.at(*keys))

    def items(self, *keys: str) -> Iterator["Node"]:
        """The members of a list, as nodes; those behind an intrinsic function are left out."""
        for index, each in enumerate(listed(self.only(*keys))):
            if isinstance(each, dict) and not is_intrinsic(each):
                yield Node(self.template, each, self.at(*keys, index))


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


@dataclass(frozen=True, eq=False)
class Mapping(Node):
    """What feeds a function from a queue or a stream: a SAM event or an event source mapping."""

    kind: str  # SQS, Kinesis, DynamoDB, MSK, MQ, …; empty if unknown
    source: Resource | None
    function: Resource | None


@dataclass(frozen=True, eq=False)
class Target(Node):
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
class Subscription(Node):
    kind: str  # subscription, inline (in the topic), event (SAM)
    protocol: str
    topic: Resource | None
    endpoint: Resource | None


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


@dataclass(frozen=True, eq=False)
class State(Node):
    """A state of a state machine; its path is its own, or that of the text that holds it."""

    name: str
    machine: Resource
    outer: tuple[dict[str, Any], ...]  # the Map and Parallel states around it
    express: bool

    @property
    def resource(self) -> str:
        """What a task calls, references left as `${Name.Attribute}`."""
        return text(self.body.get("Resource"))


class Model:
    def __init__(self, cfn: Template) -> None:
        self.cfn = cfn
        sections = cfn.template if isinstance(cfn.template, dict) else {}
        self.parameters = _dict(sections.get("Parameters"))
        self.mappings_section = _dict(sections.get("Mappings"))
        shared = _dict(sections.get("Globals"))
        self.resources: dict[str, Resource] = {}
        for name, resource in cfn.get_resources().items():
            properties = _merged(
                _dict(shared.get(GLOBALS.get(resource["Type"], ""))), _dict(resource.get("Properties"))
            )
            path: Where = ["Resources", name, *(["Properties"] if "Properties" in resource else [])]
            self.resources[name] = Resource(self, properties, path, name, str(resource["Type"]))

    def of(self, *types: str) -> list[Resource]:
        return [each for each in self.resources.values() if each.type in types]

    def raw(self, path: Where) -> Any:
        here: Any = self.cfn.template
        for key in path:
            here = here[key]
        return here

    def possible(self, value: Any) -> list[Any]:
        """All that an expression may become; nothing as `None`, a reference as it is written."""
        if isinstance(value, dict) and len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Fn::If" and isinstance(argument, list) and len(argument) == 3:
                return self.possible(argument[1]) + self.possible(argument[2])
            if function == "Fn::FindInMap" and isinstance(argument, list) and len(argument) == 3:
                return self._rows(*argument) or [value]
            if function == "Ref" and argument == "AWS::NoValue":
                return [None]
            if function == "Ref" and isinstance(argument, str) and argument in self.parameters:
                return _dict(self.parameters[argument]).get("AllowedValues") or [value]
        return [value]

    def _rows(self, name: Any, first: Any, second: Any) -> list[Any]:
        rows = _dict(self.mappings_section.get(name) if isinstance(name, str) else None)
        chosen = [rows.get(first)] if isinstance(first, str) else list(rows.values())
        return [
            value for row in chosen for key, value in _dict(row).items() if key == second or not isinstance(second, str)
        ]

    def values(self, value: Any, *keys: str) -> list[Any]:
        found: list[Any] = []
        for each in self.possible(value):
            if not keys or each is None:
                found.append(each)
            elif isinstance(each, dict) and not is_intrinsic(each):
                found += self.values(each.get(keys[0]), *keys[1:])
            else:
                found.append(OPAQUE)
        return found

    def resource(self, value: Any) -> Resource | None:
        """The resource that a reference means; a function for its alias or version."""
        found = self.resources.get(logical_id(value))
        if found and found.type in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
            return self.resource(found.only("FunctionName"))
        return found

    @cached_property
    def functions(self) -> list[Resource]:
        return self.of(*FUNCTIONS)

    @cached_property
    def events(self) -> list[Event]:
        found = []
        for owner in self.of(*FUNCTIONS, *MACHINES):
            for name, body in _dict(owner.only("Events")).items():
                if isinstance(body, dict) and isinstance(body.get("Type"), str):
                    path = owner.at("Events", name, "Properties")
                    found.append(Event(self, _dict(body.get("Properties")), path, owner, name, body["Type"]))
        return found

    @cached_property
    def mappings(self) -> list[Mapping]:
        found = []
        for event in self.events:
            if event.kind in ("SQS", "Kinesis", "DynamoDB", "MSK", "MQ", "SelfManagedKafka", "DocumentDB"):
                source = self.resource(event.only("Queue" if event.kind == "SQS" else "Stream"))
                found.append(Mapping(self, event.body, event.path, event.kind, source, event.owner))
        for each in self.of("AWS::Lambda::EventSourceMapping"):
            source, function = each.refers("EventSourceArn"), each.refers("FunctionName")
            kind = SOURCES.get(source.type if source else service(each.only("EventSourceArn")), "")
            found.append(Mapping(self, each.body, each.path, kind, source, function))
        return found

    @cached_property
    def targets(self) -> list[Target]:
        found = []
        for event in self.events:
            if event.kind in ("EventBridgeRule", "CloudWatchEvent", "Schedule", "ScheduleV2"):
                kind = "schedule" if event.kind == "ScheduleV2" else "rule"
                expression = event.values("ScheduleExpression" if kind == "schedule" else "Schedule")
                made = event.owner.name + event.name
                found.append(Target(self, event.body, event.path, kind, made, event.owner, None, expression))
        for rule in self.of(RULE):
            for each in rule.items("Targets"):
                arn, expression = each.only("Arn"), rule.values("ScheduleExpression")
                found.append(Target(self, each.body, each.path, "rule", rule.name, self.resource(arn), arn, expression))
        for schedule in self.of(SCHEDULE):
            each = schedule.child("Target")
            arn, expression = each.only("Arn"), schedule.values("ScheduleExpression")
            if isinstance(each.body, dict) and not is_intrinsic(each.body):
                found.append(
                    Target(self, each.body, each.path, "schedule", schedule.name, self.resource(arn), arn, expression)
                )
        return found

    @cached_property
    def urls(self) -> list[tuple[Resource, Node]]:
        """Functions of this template and their URLs."""
        found: list[tuple[Resource, Node]] = []
        for each in self.functions:
            url = each.child("FunctionUrlConfig")
            if isinstance(url.body, dict) and not is_intrinsic(url.body):
                found.append((each, url))
        for resource in self.of("AWS::Lambda::Url"):
            function = resource.refers("TargetFunctionArn")
            if function and function.is_function:
                found.append((function, resource))
        return found

    @cached_property
    def subscriptions(self) -> list[Subscription]:
        found = []
        for event in self.events:
            if event.kind == "SNS":
                topic = event.refers("Topic")
                protocol = "lambda" if event.absent("SqsSubscription") else "sqs"
                found.append(Subscription(self, event.body, event.path, "event", protocol, topic, event.owner))
        for each in self.of("AWS::SNS::Subscription"):
            topic, protocol = each.refers("TopicArn"), str(each.only("Protocol"))
            found.append(
                Subscription(self, each.body, each.path, "subscription", protocol, topic, each.refers("Endpoint"))
            )
        for topic in self.of(TOPIC):
            for inline in topic.items("Subscription"):
                protocol, endpoint = str(inline.only("Protocol")), inline.refers("Endpoint")
                found.append(Subscription(self, inline.body, inline.path, "inline", protocol, topic, endpoint))
        return found

    def statements(self, document: Node) -> tuple[list[Node], bool]:
        """The statements of a policy document, and whether those are all of them."""
        found: list[Node] = []
        whole = True
        for body in document.values():
            if body is None:
                continue
            if not isinstance(body, dict) or is_intrinsic(body):
                return found, False
            for index, entry in enumerate(listed(body.get("Statement"))):
                for each in self.possible(entry):
                    if isinstance(each, dict) and not is_intrinsic(each):
                        path = document.at("Statement", index)
                        found.append(Node(self, each, path))
                    elif each is not None:
                        whole = False
        return found, whole

    def attached(self, resource: Resource) -> tuple[list[Node], bool]:
        """The statements of the policies on a queue, topic, key or bucket, and whether those are all of them."""
        found: list[Node] = []
        whole = True
        if resource.type == KEY:
            return self.statements(resource.child("KeyPolicy"))
        for policy in self.of(*POLICIES):
            names = [each for value in policy.values(POLICIES[policy.type]) for each in listed(value)]
            holders = [self.resources.get(logical_id(each)) for name in names for each in self.possible(name)]
            if resource in holders:
                more, all_of_it = self.statements(policy.child("PolicyDocument"))
                found += more
                whole = whole and all_of_it
            elif None in holders:  # on something that this template does not tell
                whole = False
        return found, whole

    def connected(self, source: str, destination: str) -> bool:
        """A SAM connector leads from one to the other; SAM writes the policy."""
        for name, resource in self.cfn.get_resources().items():
            for connector in _dict(resource.get("Connectors")).values():
                ends = _dict(_dict(connector).get("Properties")).get("Destination")
                if name == source and any(destination in _end(each) for each in listed(ends)):
                    return True
        return any(
            source in _end(each.only("Source"))
            and any(destination in _end(end) for end in listed(each.only("Destination")))
            for each in self.of("AWS::Serverless::Connector")
        )

    @cached_property
    def deliveries(self) -> list[Delivery]:
        """What EventBridge rules, topics, buckets and alarms send to queues and topics of this template."""
        found: list[Delivery] = []

        def add(node: Node, kind: str, principal: str, sender: str, sender_type: str, value: Any) -> None:
            receiver = self.resource(value)
            if receiver and receiver.type in (QUEUE, TOPIC):
                found.append(Delivery(self, node.body, node.path, kind, principal, sender, sender_type, receiver))

        for each in self.targets:
            if each.kind == "rule":
                dead = each.child("DeadLetterConfig", "Arn")
                add(dead, "dead-letter", "events.amazonaws.com", each.source, RULE, dead.body)
                if each.absent("RoleArn"):
                    add(each, "target", "events.amazonaws.com", each.source, RULE, each.arn)
        for topic in self.subscriptions:
            sender = topic.topic.name if topic.topic else ""
            dead = topic.child("RedrivePolicy", "deadLetterTargetArn")
            add(dead, "redrive", "sns.amazonaws.com", sender, TOPIC, dead.body)
            if topic.kind != "event" and topic.protocol == "sqs":
                add(topic, "subscription", "sns.amazonaws.com", sender, TOPIC, topic.only("Endpoint"))
        for bucket in self.of(BUCKET):
            for key, name in (("QueueConfigurations", "Queue"), ("TopicConfigurations", "Topic")):
                for item in bucket.items("NotificationConfiguration", key):
                    add(item, "notification", "s3.amazonaws.com", bucket.name, BUCKET, item.only(name))
        for alarm in self.of("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
            for key in ("AlarmActions", "OKActions", "InsufficientDataActions"):
                for action in listed(alarm.only(key)):
                    where = Node(self, alarm.body, alarm.at(key))
                    add(where, "alarm", "cloudwatch.amazonaws.com", alarm.name, alarm.type, action)
        return found

    def refused(self, each: Delivery) -> bool:
        """No statement of the receiver's policies lets the sender in, and those are all that it has."""
        statements, whole = self.attached(each.receiver)
        return (
            whole
            and not any(admits(one, each.principal, each.action, each) for one in statements)
            and not self.connected(each.sender, each.receiver.name)
        )

    @cached_property
    def machines(self) -> list[Resource]:
        return self.of(*MACHINES)

    def definition(self, machine: Resource) -> Node | None:
        """A state machine's definition: inline, as text, or in a file beside the template."""
        for key in ("Definition", "DefinitionString", "DefinitionUri", "DefinitionS3Location"):
            value = machine.only(key)
            if key == "Definition" and isinstance(value, dict) and not is_intrinsic(value):
                return Node(self, value, machine.at(key))
            written = text(value)
            if key in ("DefinitionUri", "DefinitionS3Location"):
                written = self._file(written)
            if written:
                parsed = _parsed(written)
                return Node(self, parsed, machine.at(key)) if isinstance(parsed, dict) else None
        return None

    def _file(self, name: str) -> str:
        if not name or "${" in name or "://" in name or not self.cfn.filename:
            return ""
        path = Path(self.cfn.filename).parent / name
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    def states(self, machine: Resource) -> Iterator[State]:
        definition = self.definition(machine)
        if definition:
            inline = definition.path[-1:] == ["Definition"]
            kind = machine.only("Type" if machine.type.startswith("AWS::Serverless") else "StateMachineType")
            yield from self._states(machine, definition, inline, (), bool(kind == "EXPRESS"))

    def _states(
        self, machine: Resource, within: Node, inline: bool, outer: tuple[dict[str, Any], ...], express: bool
    ) -> Iterator[State]:
        for name, state in _dict(_dict(within.body).get("States")).items():
            if not isinstance(state, dict):
                continue
            path = [*within.path, "States", name] if inline else within.path
            yield State(self, state, path, str(name), machine, outer, express)
            inner: list[tuple[Where, Any]] = [([key], state.get(key)) for key in ("ItemProcessor", "Iterator")]
            inner += [(["Branches", index], branch) for index, branch in enumerate(listed(state.get("Branches")))]
            for keys, body in inner:
                children = _dict(_dict(body).get("ProcessorConfig")).get("ExecutionType")
                node = Node(self, body, [*path, *keys] if inline else path)
                yield from self._states(machine, node, inline, (*outer, state), express or children == "EXPRESS")


def certain(breaks: Callable[..., bool], *choices: list[Any]) -> bool:
    """Every combination of what the values may become breaks the law, and none of them is unknown."""
    return all(None not in each and OPAQUE not in each and breaks(*each) for each in product(*choices))


def principals(statement: Node) -> list[str]:
    """The services that a statement is for; "*" is everyone; one that is unknown is OPAQUE's name."""
    found = []
    for value in statement.values("Principal"):
        members = [value] if not isinstance(value, dict) or is_intrinsic(value) else []
        if not members:
            members = [value.get("Service")] + (["*"] if "*" in listed(value.get("AWS")) else [])
        for member in members:
            for each in statement.template.possible(member):
                for one in listed(each):
                    name = re.sub(r"\$\{AWS::URLSuffix\}", "amazonaws.com", text(one))
                    found.append(name if name and "${" not in name else repr(OPAQUE))
    return found


def conditions(statement: Node) -> dict[str, list[Any]]:
    """Condition keys in lower case and the values they are compared with; OPAQUE as a key for what is unknown."""
    found: dict[str, list[Any]] = {}
    for block in statement.values("Condition"):
        if block is None:
            continue
        if not isinstance(block, dict) or is_intrinsic(block):
            found[repr(OPAQUE)] = []
            continue
        for operator in block.values():
            for tests in statement.template.possible(operator):
                if isinstance(tests, dict) and not is_intrinsic(tests):
                    for key, value in tests.items():
                        found.setdefault(str(key).lower(), []).extend(listed(value))
                else:
                    found[repr(OPAQUE)] = []
    return found


def admits(statement: Node, principal: str, action: str, delivery: Delivery | None = None) -> bool:
    """A statement lets a service do something, or may do so as far as the template tells."""
    if statement.only("Effect") == "Deny":
        return False
    if statement.absent("NotPrincipal") and not {principal, "*", repr(OPAQUE)} & set(principals(statement)):
        return False
    actions = [text(each).lower() for value in statement.values("Action") for each in listed(value)]
    if actions and not any(not each or "${" in each or fnmatchcase(action.lower(), each) for each in actions):
        return False
    if not delivery:
        return True
    resources = [each for value in statement.values("Resource") for each in listed(value)]
    named = [statement.template.resource(each) for each in resources]
    if named and None not in named and delivery.receiver not in named:
        return False
    template = statement.template
    senders = [
        logical_id(each)
        for value in conditions(statement).get("aws:sourcearn", [])
        for each in template.possible(value)
    ]
    same = {each.name for each in template.of(delivery.sender_type)}
    same |= {each.source for each in template.targets if each.kind == "rule"} if delivery.sender_type == RULE else set()
    return not (senders and set(senders) <= same - {delivery.sender})


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _end(value: Any) -> set[str]:
    ends = _dict(value)
    return {str(ends.get("Id", ""))} | references(list(ends.values()))


def _merged(shared: Any, own: Any) -> Any:
    """As SAM merges Globals: objects key by key, lists one after the other, anything else replaced."""
    if isinstance(shared, dict) and isinstance(own, dict) and not is_intrinsic(shared) and not is_intrinsic(own):
        if not shared:
            return own
        return {key: _merged(shared[key], own[key]) if key in shared and key in own else own.get(key, shared.get(key))
                for key in {**shared, **own}}  # fmt: skip
    if isinstance(shared, list) and isinstance(own, list):
        return shared + own
    return own


def _parsed(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        try:
            return yaml.safe_load(written)
        except yaml.YAMLError:
            return None
