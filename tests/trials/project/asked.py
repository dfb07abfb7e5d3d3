"""Functions that a service asks directly: targets of pipes, resolvers, transformations, targets of load balancers."""

from collections.abc import Iterator

from trials.project import accounted
from trials.project.callers import BALANCED, piped, polled, resolves, transforms
from trials.project.source import Kind, Source
from trials.template import Resource, logical_id, references
from trials.template.nodes import Mapping


def of_pipe(pipe: Resource) -> Iterator[Source]:
    """The functions that a pipe asks; a pipe without one is a row."""
    template, found = pipe.template, False
    origin = template.resources.get(logical_id(pipe.written("Source")))
    for end in ("Enrichment", "Target"):
        if function := template.function(pipe.written(end)):
            found = True
            made_anew = not pipe.absent(f"{end}Parameters", "InputTemplate")
            made_anew = made_anew or (end == "Target" and not pipe.absent("Enrichment"))
            given = piped(origin.type if origin else "", made_anew)
            yield Source(Kind.DIRECT, function, f"{pipe.name}.{end}", given=given)
    if not found:
        why = accounted.reason(pipe.type)
        yield Source(Kind.OTHER, logical_id(pipe.written("Target")), pipe.name, why=why)


def of_asker(resource: Resource) -> Iterator[Source]:
    """The function that a service asks and waits for, and what it is asked."""
    template, function, given = resource.template, "", ""
    if resource.type == "AWS::AppSync::Resolver":
        origin = template.resources.get(logical_id(resource.written("DataSourceName")))
        function = template.function(origin.written("LambdaConfig", "LambdaFunctionArn")) if origin else ""
        given = resolves(str(resource.only("TypeName")), str(resource.only("FieldName")))
    elif resource.type == "AWS::KinesisFirehose::DeliveryStream":
        meant = {template.function({"Ref": name}) for name in references(resource.body)} - {""}
        function, given = (meant.pop() if len(meant) == 1 else ""), transforms()
    elif resource.type == "AWS::ElasticLoadBalancingV2::TargetGroup":
        ends = [template.function(target.written("Id")) for target in resource.items("Targets")]
        function, given = next(filter(None, ends), ""), BALANCED
    if function:
        yield Source(Kind.DIRECT, function, resource.name, given=given)


def handed_by(mapping: Mapping) -> str:
    """What a mapping of Kafka or of Amazon MQ hands to its function; nothing for another."""
    broker = mapping.template.resources.get(
        logical_id(mapping.written("Broker" if mapping.event else "EventSourceArn"))
    )
    engine = str(broker.only("EngineType") or "") if broker and broker.type == "AWS::AmazonMQ::Broker" else ""
    kind = "SelfManagedKafka" if not mapping.absent("SelfManagedEventSource") else mapping.kind
    return polled(kind, engine)
