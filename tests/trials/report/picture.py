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
from trials.verdicts import Status, Verdict

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
            label = merged(old.label, new.label) if both else worse.label
            new = Edge(new.start, new.end, label, worse.state, old.failed_only and new.failed_only)
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
    for edge in [*calls(model, drawn), *seen(result, drawn), *failures(model, drawn)]:
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
    """What functions and state machines reach: what their properties and their roles' policies name, if it is drawn."""
    origins = set(drawn.edges)
    policies = model.of("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    for owner in [*model.functions, *model.machines]:
        own = {key: each for key, each in owner.body.items() if key not in ("Events", "Role", *KEYS)}
        named = references(own)
        roles = references(owner.body.get("Role"))
        for role in (model.resources[name] for name in sorted(roles) if name in model.resources):
            named |= references(role.body.get("Policies"))
            named |= {
                target
                for policy in policies
                if role.name in references(policy.body.get("Roles"))
                for target in references(policy.body.get("PolicyDocument"))
            }
        for name in sorted(named & drawn.nodes.keys()):
            environment = references(owner.body.get("Environment"))
            if drawn.nodes[name].kind not in ("API", DEAD) and (
                (name, owner.name) not in origins or name in environment
            ):
                yield Edge(owner.name, name)


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
