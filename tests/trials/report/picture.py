"""The system as a graph, for every output that draws: what sets functions off, what they reach, and what broke."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trials.project.graves import KEYS, graves
from trials.project.source import Kind, Source
from trials.report.events import SourceEnded
from trials.report.result import Result
from trials.template import FUNCTIONS, MACHINES, Model, Resource, as_dict, references
from trials.template.policies import reaches
from trials.verdicts import Status, Verdict
from trials.verdicts.permissions import owner as owner_of

KINDS = {  # of nodes, by resource type
    **dict.fromkeys(FUNCTIONS, "function"),
    **dict.fromkeys(MACHINES, "state machine"),
    **dict.fromkeys(("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::Serverless::SimpleTable"), "table"),
    **dict.fromkeys(("AWS::Serverless::Api", "AWS::ApiGateway::RestApi"), "API"),
    **dict.fromkeys(("AWS::Serverless::HttpApi", "AWS::ApiGatewayV2::Api"), "API"),
    "AWS::SQS::Queue": "queue",
    "AWS::SNS::Topic": "topic",
    "AWS::Events::EventBus": "bus",
    "AWS::Kinesis::Stream": "stream",
    "AWS::S3::Bucket": "bucket",
}
DEAD = "dead-letter queue"
WITHOUT_ORIGIN = {  # what is drawn for a source that names no resource where it begins
    Kind.HTTP: ("an API", "API"),
    Kind.BUS: ("default", "bus"),
    Kind.ROUTE: ("default", "bus"),
    Kind.DIRECT: ("a caller", "caller"),
    Kind.LOGS: ("log lines", "logs"),
}


NAMED_ONLY = "only named"
ACTIONS = {  # that read or write what a node of a kind holds; who polls it for a function is a source, and no call
    "table": (
        *("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PutItem"),
        *("dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:PartiQLSelect"),
        *("dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete", "dynamodb:ConditionCheckItem"),
    ),
    "queue": ("sqs:SendMessage", "sqs:ChangeMessageVisibility"),
    "topic": ("sns:Publish",),
    "bus": ("events:PutEvents",),
    "stream": ("kinesis:PutRecord", "kinesis:PutRecords"),
    "bucket": ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:GetObjectVersion"),
    "function": (
        *("lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "lambda:SendDurableExecutionCallbackSuccess"),
        *("lambda:SendDurableExecutionCallbackFailure", "lambda:SendDurableExecutionCallbackHeartbeat"),
    ),
    "state machine": (
        *("states:StartExecution", "states:StartSyncExecution", "states:ListExecutions", "states:StopExecution"),
        "states:RedriveExecution",
    ),
}
POLLED = {"queue": "sqs:ReceiveMessage", "stream": "kinesis:GetRecords"}  # by its code, where it is no source


class State(StrEnum):
    """What is known of an edge, from best to worst."""

    PLAIN = "plain"  # the template says it, no trial is about it
    HELD = "held"
    OPEN = "open"  # unproved or untried
    BROKEN = "broken"


@dataclass(frozen=True)
class Node:
    name: str
    label: str
    kind: str


@dataclass(frozen=True)
class Edge:
    """From node to node, by name; `label` is what broke or is open on it, else where it comes from."""

    start: str
    end: str
    label: str = ""
    state: State = State.PLAIN
    failed_only: bool = False  # only what failed goes this way
    named_only: bool = False  # its start has the end's name, and whether it may call it is not in the template

    @property
    def words(self) -> str:
        return f": {self.label}" if self.label else ""


@dataclass
class Picture:
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[tuple[str, str], Edge] = field(default_factory=dict)

    def add_node(self, name: str, label: str, kind: str) -> None:
        self.nodes.setdefault(name, Node(name, label, kind))

    def add_edge(self, new: Edge) -> None:
        """Add an edge between known nodes; of two for the same pair the worse one is told, with what both say."""
        if new.start == new.end or new.start not in self.nodes or new.end not in self.nodes:
            return
        old = self.edges.get((new.start, new.end))
        if old:
            worse = max(old, new, key=lambda edge: list(State).index(edge.state))
            both = old.state is new.state
            if old.named_only is not new.named_only:
                worse, both = (new if old.named_only else old), False
            label = merged(old.label, new.label) if both else worse.label
            only = (old.failed_only and new.failed_only, old.named_only and new.named_only)
            new = Edge(new.start, new.end, label, worse.state, *only)
        self.edges[new.start, new.end] = new

    def in_words(self) -> list[str]:
        """A sentence for each edge, for who cannot see it."""
        return [f"{self.nodes[e.start].label} → {self.nodes[e.end].label}{e.words}" for e in self.edges.values()]


def merged(first: str, second: str) -> str:
    words = [word for word in first.split(", ") if word]
    return ", ".join([*words, *(word for word in second.split(", ") if word and word not in words)])


def picture(result: Result) -> Picture:
    """The graph of what a result is about; without a template that could be read, an empty one."""
    drawn, model = Picture(), Model(result.body)
    dead = graves(result.body) if model.resources else set()
    for name, resource in model.resources.items():
        if kind := KINDS.get(resource.type):
            drawn.add_node(name, label(resource), DEAD if name in dead and kind == "queue" else kind)
    ended = {each.source.name: each for each in result.sources}
    for source in [*result.listed, *(each.source for each in result.sources)]:
        drawn.add_node(*end_of(source))
        drawn.add_node(*beginning(source))
        drawn.add_edge(way(source, beginning(source)[0], ended.get(source.name), result))
    for edge in [*calls(model, drawn), *called(result, drawn), *seen(result, drawn), *failures(model, drawn)]:
        drawn.add_edge(edge)
    joined = {name for pair in drawn.edges for name in pair}
    drawn.nodes = {name: node for name, node in drawn.nodes.items() if name in joined or node.kind != "bucket"}
    return drawn


def label(resource: Resource) -> str:
    """The name that its author gave it: of what CDK made, the construct's."""
    path = as_dict(resource.template.raw(resource.resource_path).get("Metadata")).get("aws:cdk:path")
    parts = [part for part in str(path or "").split("/")[1:] if part not in ("Resource", "Default")]
    return "/".join(parts) or resource.name


def end_of(source: Source) -> tuple[str, str, str]:
    return source.function or source.name, source.function or source.name, "elsewhere"


def beginning(source: Source) -> tuple[str, str, str]:
    """Name, label and kind of the node where a source begins."""
    if source.origin:
        return source.origin, source.origin, str(source.kind)
    if source.kind in WITHOUT_ORIGIN:
        label, kind = WITHOUT_ORIGIN[source.kind]
        return f"{kind} {label}", label, kind
    label = source.name.rsplit(".", 1)[-1]
    return f"{source.kind} {source.name}", label, "source" if source.kind is Kind.OTHER else str(source.kind)


def way(source: Source, start: str, ended: SourceEnded | None, result: Result) -> Edge:
    """The edge of a source, with the promises that broke on it."""
    end = end_of(source)[0]
    judged = [each.judgement for each in result.findings if each.source == str(source)]
    if broke := dict.fromkeys(str(each.promise) for each in judged if each.verdict is Verdict.BROKEN):
        return Edge(start, end, ", ".join(broke), State.BROKEN)
    if not ended or ended.status in (Status.UNPROVED, Status.UNTRIED):
        return Edge(start, end, str(ended.status if ended else Status.UNTRIED), State.OPEN)
    return Edge(start, end, "", State.HELD)


def calls(model: Model, drawn: Picture) -> Iterator[Edge]:
    """What state machines name or may call, and what functions may read or write by their policies."""
    origins = set(drawn.edges)
    for machine in model.machines:
        own = {key: value for key, value in machine.body.items() if key not in ("Events", "Role", *KEYS)}
        for name in sorted((references(own) | of_its_roles(model, machine)) & drawn.nodes.keys()):
            if drawn.nodes[name].kind not in ("API", DEAD) and (name, machine.name) not in origins:
                yield Edge(machine.name, name)
    for function in model.functions:
        named = references(function.body.get("Environment"))
        told, whole = model.of_function(function)
        granted = [each for each in told if each.only("Effect") != "Deny" and each.path != function.path]  # but SAM's
        succeeded = references([each.get("OnSuccess") for each in destinations(function)])
        for name, node in drawn.nodes.items():
            if name not in model.resources or node.kind not in ACTIONS:
                continue
            set_off = (name, function.name) in origins
            if set_off and name not in named:
                continue
            resource, polled = model.resources[name], "" if set_off else POLLED.get(node.kind, "")
            allowed = any(reaches(each, resource, name in named, ACTIONS[node.kind], polled) for each in granted)
            if allowed or name in succeeded or model.connected(function.name, name):
                yield Edge(function.name, name)
            elif name in named and not whole:
                yield Edge(function.name, name, NAMED_ONLY, named_only=True)


def of_its_roles(model: Model, owner: Resource) -> set[str]:
    """What the policies of a role name."""
    names: set[str] = set()
    policies = model.of("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    for role in (model.resources[name] for name in references(owner.body.get("Role")) if name in model.resources):
        names |= references(role.body.get("Policies"))
        for policy in policies:
            if role.name in references(policy.body.get("Roles")):
                names |= references(policy.body.get("PolicyDocument"))
    return names


def destinations(function: Resource) -> list[dict[str, Any]]:
    return [as_dict(as_dict(config).get("DestinationConfig")) for config in function.values("EventInvokeConfig")]


def called(result: Result, drawn: Picture) -> Iterator[Edge]:
    """What functions called under their roles, and were allowed to."""
    for function, used in result.policies.items():
        for call in used.calls:
            name = owner_of(call.resource, used.known)
            kind = drawn.nodes[name].kind if name in drawn.nodes else ""
            if call.decision == "Allow" and call.action in ACTIONS.get(kind, ()):
                yield Edge(function, name)


def seen(result: Result, drawn: Picture) -> Iterator[Edge]:
    """What an undisturbed delivery of each source changed."""
    functions = {str(ended.source): ended.source.function for ended in result.sources}
    for finding in result.findings:
        if finding.trial != "once" or finding.judgement.verdict is not Verdict.HELD:
            continue
        for detail in finding.judgement.details:
            place = detail.partition(":")[0]
            if place == "outside":
                drawn.add_node("outside of AWS", "outside of AWS", "outside")
            name = "outside of AWS" if place == "outside" else place.partition(" ")[2]
            yield Edge(functions.get(finding.source, ""), name, "", State.HELD)


def failures(model: Model, drawn: Picture) -> Iterator[Edge]:
    """Where what failed is kept: redrive policies, dead-letter configurations, on-failure destinations."""
    for resource in model.resources.values():
        owner = resource.name
        if owner not in drawn.nodes:  # a mapping, a rule, a subscription: what it calls fails
            owner = next(
                (
                    name
                    for name in sorted(references(resource.body))
                    if name in model.resources and model.resources[name].is_function
                ),
                "",
            )
        for name in sorted(kept(resource.body)):
            yield Edge(owner, name, "what failed", failed_only=True)


def kept(value: Any) -> set[str]:
    if isinstance(value, dict):
        here = {name for key in KEYS if key in value for name in references(value[key])}
        return here.union(*map(kept, value.values()))
    return set().union(*map(kept, value)) if isinstance(value, list) else set()
