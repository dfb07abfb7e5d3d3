"""What a table's stream tells beside new items: that one is gone."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.project.configured import code_of
from trials.project.graves import keeps_failures
from trials.project.sources import Source
from trials.stage import Stage
from trials.template import references
from trials.template.policies import reaches
from trials.template.tables import lifetimes
from trials.verdicts import Judgement
from trials.verdicts.removed import of_a_removal

DELETES = re.compile(  # not the SDK's own words in a bundle
    r"""\bdelete_item\b|\bnew\s+(?:\w+\.)?Delete(?:Item)?Command\s*\(\s*(?!args\b)|\bDeleteRequest['"]?\s*:"""
)
DELETING = ("dynamodb:DeleteItem", "dynamodb:BatchWriteItem")


def item_removed(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Nothing to tell where the mapping has a filter, or where the sample was no new item."""
    record = reference.sample.payload
    if source.batching.filters or not isinstance(record, dict) or record.get("eventName") != "INSERT":
        return
    stage.fresh()
    result = deliver(stage, source, [replace(reference.sample, payload=gone(record))])
    kept = [place for place, records in stage.world().items() if place in stage.graves and records]
    declared = keeps_failures(stage.project.body, source.function)
    deletes = who_deletes(stage, source) if result.failures else ""
    yield of_a_removal(result, deletes, [*kept, *([declared] if declared else [])])


def gone(record: dict[str, Any]) -> dict[str, Any]:
    """The record of an item's end; its last image is there if the stream has old ones."""
    inner = {**record["dynamodb"]}
    image = inner.pop("NewImage", None)
    old = {"OldImage": image} if image and "OLD" in str(inner.get("StreamViewType", "OLD")) else {}
    return {**record, "eventName": "REMOVE", "dynamodb": {**inner, **old}}


def who_deletes(stage: Stage, source: Source) -> str:
    """What of the project takes items out of the table; empty if nothing is seen to."""
    model = stage.project.model
    if source.origin in lifetimes(model):
        return f"the items of {source.origin} end by their TTL"
    for function in model.functions:
        named = source.origin in references(function.body.get("Environment"))
        granted = [each for each in model.of_function(function)[0] if each.only("Effect") != "Deny"]
        table = model.resources.get(source.origin)
        if not table or not any(reaches(each, table, named, DELETING) for each in granted):
            continue
        if DELETES.search(code_of(stage.project.code(function.name)[0])):
            return f"{function.name} deletes items, and may delete those of {source.origin}"
    return ""
