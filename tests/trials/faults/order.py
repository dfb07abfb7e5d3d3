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
from trials.stage import Stage
from trials.verdicts import Judgement, unproved
from trials.verdicts.judge import VERSIONS, ordered


def out_of_order(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    if stage.stack.resources.get(source.origin, "").endswith(".fifo"):
        return  # within a group the queue keeps the order, and one that is received again lets none pass
    older = reference.sample
    payload = successor(older.payload)
    if payload is None:
        return  # nothing in the sample says which of two events is the newer one
    newer = replace(older, payload=payload)
    worlds = []
    for order in ([older, newer], [newer, older]):
        stage.fresh()
        for sample in order:
            result = deliver(stage, source, [sample])
            if result.failures:
                yield unproved(f"a successor made of the sample was refused: {result.error}")
                return
        worlds.append(stage.world())
    yield ordered(worlds[0], worlds[1], reference)


def successor(payload: Any) -> Any:
    """The sample's next version: its version number and its other whole numbers one higher; None without one."""
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
