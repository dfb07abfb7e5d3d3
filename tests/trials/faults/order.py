"""An event and its successor in either order."""

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.project.sources import Source
from trials.samples.sample import Sample
from trials.samples.stranger import others_alike
from trials.stage import Stage
from trials.verdicts import Judgement, Verdict, unproved
from trials.verdicts.judge import VERSIONS, ordered
from trials.world import World, differences

SUCCESSOR = "nothing here: what the newer version of an event looks like, only its sender knows"
MOST_IDS = 3  # of a sample, each of which may be the event's own


def out_of_order(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    if stage.stack.resources.get(source.origin, "").endswith(".fifo"):
        return  # within a group the queue keeps the order, and one that is received again lets none pass
    older = reference.sample
    payload = successor(older.payload)
    if payload is None:
        return  # nothing in the sample says which of two events is the newer one
    newer = replace(older, payload=payload)
    worlds = in_either_order(stage, source, older, newer)
    if isinstance(worlds, str):
        yield unproved(f"a successor made of the sample was refused: {worlds}", supply=SUCCESSOR)
        return
    judgement = ordered(*worlds, reference)
    if judgement.verdict is not Verdict.BROKEN and not differences(reference.world, worlds[0], reference.noise):
        for named in own_ids(newer, source)[:MOST_IDS]:  # the id is the event's: a newer one under it is a repeat
            worlds = in_either_order(stage, source, older, named)
            if isinstance(worlds, str) or not differences(reference.world, worlds[0], reference.noise):
                continue
            judgement = ordered(*worlds, reference)
            if judgement.verdict is Verdict.BROKEN:
                break
    yield judgement


def in_either_order(stage: Stage, source: Source, older: Sample, newer: Sample) -> tuple[World, World] | str:
    """What two samples leave in their order and in the other, or why one of them was refused."""
    worlds = []
    for order in ([older, newer], [newer, older]):
        stage.fresh()
        for sample in order:
            result = deliver(stage, source, [sample])
            if result.failures:
                return result.error
        worlds.append(stage.world())
    return worlds[0], worlds[1]


def own_ids(sample: Sample, source: Source) -> list[Sample]:
    """The sample with another identity, each in turn: one of them may be the event's own."""
    return [others[0] for others in others_alike(sample, source, 1)]


def successor(payload: Any) -> Any:
    """The sample's next version: its version number and its other whole numbers one higher; None without one.

    The event may lie as a text in the object that a queue's sender made of it.
    """
    plain = next_version(payload)
    if plain is None and isinstance(payload, str):
        with suppress(ValueError, TypeError, AttributeError):
            for name, inner in (holder := json.loads(payload)).items():
                if isinstance(inner, str) and (newer := next_version(inner)) is not None:
                    return json.dumps({**holder, name: newer})
    return plain


def next_version(payload: Any) -> Any:
    text = payload
    if isinstance(payload, dict) and "data" in payload:
        text = b64decode(payload["data"]).decode(errors="replace")
    elif isinstance(payload, dict) and "data_text" in payload:
        text = payload["data_text"]
    with suppress(ValueError, TypeError):
        content = json.loads(text) if isinstance(text, str) else deepcopy(text)
        if not isinstance(content, dict) or not versioned(content.get("detail", content)):
            return None
        raise_numbers(content.get("detail", content))
        changed = content if not isinstance(text, str) else json.dumps(content)
        if isinstance(payload, dict) and text is not payload:
            return {"data_text": changed, "partitionKey": payload.get("partitionKey", "trial")}
        return changed
    return None


def versioned(content: Any) -> bool:
    if not isinstance(content, dict):
        return False
    return any(name in VERSIONS and type(value) is int for name, value in content.items())


def raise_numbers(content: dict[str, Any]) -> None:
    for name, value in content.items():
        if type(value) is int:
            content[name] = value + 1
        elif isinstance(value, dict):
            raise_numbers(value)
