"""What a table's stream tells beside new items: that one is gone."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.project.graves import keeps_failures
from trials.project.sources import Source
from trials.stage import Stage
from trials.template.tables import lifetimes
from trials.verdicts import Judgement
from trials.verdicts.removed import of_a_removal

DELETES = re.compile(  # not the SDK's own words in a bundle
    r"""\bdelete_item\b|\bnew\s+(?:\w+\.)?Delete(?:Item)?Command\s*\(\s*(?!args\b)|\bDeleteRequest['"]?\s*:"""
)
SCRIPTS = (".py", ".js", ".mjs", ".cjs", ".ts", ".mts")


def item_removed(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Nothing to tell where the mapping has a filter, or where the sample was no new item."""
    record = reference.sample.payload
    if source.batching.filters or not isinstance(record, dict) or record.get("eventName") != "INSERT":
        return
    stage.fresh()
    result = deliver(stage, source, [replace(reference.sample, payload=gone(record))])
    kept = [place for place, records in stage.world().items() if place in stage.graves and records]
    declared = keeps_failures(stage.project.body, source.function)
    yield of_a_removal(result, who_deletes(stage, source), [*kept, *([declared] if declared else [])])


def gone(record: dict[str, Any]) -> dict[str, Any]:
    """The record of an item's end; its last image is there if the stream has old ones."""
    inner = {**record["dynamodb"]}
    image = inner.pop("NewImage", None)
    old = {"OldImage": image} if image and "OLD" in str(inner.get("StreamViewType", "OLD")) else {}
    return {**record, "eventName": "REMOVE", "dynamodb": {**inner, **old}}


def who_deletes(stage: Stage, source: Source) -> str:
    """What of the project takes items out of tables; empty if nothing is seen to."""
    if source.origin in lifetimes(stage.project.model):
        return f"the items of {source.origin} end by their TTL"
    for function in stage.project.model.functions:
        folder = stage.project.code(function.name)[0]
        if any(DELETES.search(path.read_text(encoding="utf-8", errors="replace")) for path in own_code(folder)):
            return f"{function.name} deletes items"
    return ""


def own_code(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.suffix in SCRIPTS and "node_modules" not in path.parts and path.is_file():
            yield path
