"""Pipes: the functions that they ask, and those that carry from one end of this template to another."""

from collections.abc import Iterator
from typing import Any

from trials.project import callers
from trials.project.integrations import DEFAULT_BUS
from trials.project.source import Kind, Source
from trials.template import MACHINES, Resource, as_dict, logical_id, text
from trials.template.nodes import QUEUE, TOPIC

TABLES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
ORIGINS = (QUEUE, "AWS::Kinesis::Stream", *TABLES)  # where something can be put and taken again
ENDS = (QUEUE, TOPIC, "AWS::Kinesis::Stream", "AWS::Events::EventBus", *MACHINES)


def of_pipe(pipe: Resource) -> Iterator[Source]:
    """The functions that a pipe asks, and its way into something else."""
    template, asks_a_function = pipe.template, False
    origin = template.resources.get(logical_id(pipe.written("Source")))
    for end in ("Enrichment", "Target"):
        if function := template.function(pipe.written(end)):
            asks_a_function = True
            made_anew = not pipe.absent(f"{end}Parameters", "InputTemplate")
            made_anew = made_anew or (end == "Target" and not pipe.absent("Enrichment"))
            given = callers.piped(origin.type if origin else "", made_anew)
            yield Source(Kind.DIRECT, function, f"{pipe.name}.{end}", given=given)
    if carrying := way(pipe):
        yield carrying
    elif not asks_a_function:
        why = f"a pipe without a function {untold(pipe)}"
        yield Source(Kind.OTHER, logical_id(pipe.written("Target")), pipe.name, why=why)


def way(pipe: Resource) -> Source | None:
    """The way of a pipe whose ends are here, and whose enrichment, if it has one, is a function of this template."""
    template = pipe.template
    origin = template.resources.get(logical_id(pipe.written("Source")))
    end = template.resources.get(logical_id(pipe.written("Target")))
    named = DEFAULT_BUS if (text(pipe.written("Target")) or "").endswith(":event-bus/default") else ""
    ends = end.name if end and end.type in ENDS else named
    asked = pipe.absent("Enrichment") or bool(template.function(pipe.written("Enrichment")))
    if not origin or origin.type not in ORIGINS or not ends or not asked:
        return None
    return Source(Kind.ROUTE, ends, pipe.name, origin.name, pipe=written(pipe))


def untold(pipe: Resource) -> str:
    """Which part of a pipe keeps it from being tried."""
    origin = pipe.template.resources.get(logical_id(pipe.written("Source")))
    if not origin or origin.type not in ORIGINS:
        return f"that takes from {origin.type if origin else 'something elsewhere'}"
    if not pipe.absent("Enrichment") and not pipe.template.function(pipe.written("Enrichment")):
        return "whose enrichment is no function of this template"
    end = pipe.template.resources.get(logical_id(pipe.written("Target")))
    return f"into {end.type if end else 'something elsewhere'}"


def written(pipe: Resource) -> dict[str, Any]:
    """What a template writes of a pipe; its filters by their number."""
    filters = pipe.items("SourceParameters", "FilterCriteria", "Filters")
    return {
        "filters": {str(number): each.written("Pattern") for number, each in enumerate(filters)},
        "enrichment": as_dict(pipe.written("EnrichmentParameters")),
        "target": as_dict(pipe.written("TargetParameters")),
    }
