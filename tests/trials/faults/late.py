"""The same event again after somebody else has changed what it left."""

from collections.abc import Iterator
from typing import Any

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.project.sources import Kind, Source
from trials.samples.stranger import keys
from trials.stage import Stage
from trials.verdicts import Judgement, Promise, broken, held
from trials.verdicts.judge import refusal

STATES = ("status", "state", "stage", "phase")
FIRST = ("open", "opened", "new", "pending", "placed", "queued", "created", "submitted", "requested", "waiting")
MOVED_ON, MARK = "TRIAL-MOVED-ON", "trial_mark"


def late_repeat(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """A state in which something only begins goes on; what a request under a key has made is changed by others."""
    stage.fresh()
    before = list(stage.items())
    first = deliver(stage, source, [reference.sample])
    if refusal(first):
        return
    changed = [
        (table, key_of(stage, table, item), name)
        for table, item in list(stage.items())
        if (table, item) not in before and (name := may_change(source, reference, item))
    ]
    for table, key, name in changed:
        change(stage, table, key, name)
    if not changed:
        return
    stage.invoke(source.function, first.event)
    yield kept([(table, name, stored(stage, table, key).get(name)) for table, key, name in changed])


def may_change(source: Source, reference: Reference, item: dict[str, Any]) -> str:
    """The attribute that others may set, or set anew, in an item; empty if nothing says that there is one."""
    payload = reference.sample.payload
    if source.kind is Kind.HTTP and keys(payload) and method(payload) == "POST":
        return MARK
    for name in STATES:
        value = item.get(name, {}).get("S", "")
        if value.lower() in FIRST and f'"{value}"' not in str(payload).replace("'", '"').replace("\\", ""):
            return name
    return ""


def method(payload: Any) -> str:
    context = payload.get("requestContext") or {}
    return str(payload.get("httpMethod") or (context.get("http") or {}).get("method") or "")


def key_of(stage: Stage, table: str, item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in stage.keys()[table]}


def change(stage: Stage, table: str, key: dict[str, Any], name: str) -> None:
    named = {"ExpressionAttributeNames": {"#name": name}, "ExpressionAttributeValues": {":value": {"S": MOVED_ON}}}
    stage.local.client("dynamodb").update_item(
        TableName=stage.stack.resources[table], Key=key, UpdateExpression="SET #name = :value", **named
    )


def stored(stage: Stage, table: str, key: dict[str, Any]) -> dict[str, Any]:
    asked = {"TableName": stage.stack.resources[table], "Key": key, "ConsistentRead": True}
    item: dict[str, Any] = stage.local.client("dynamodb").get_item(**asked).get("Item", {})
    return item


def kept(changed: list[tuple[str, str, Any]]) -> Judgement:
    """By table and attribute: what stands there after the repeat."""
    for table, name, value in changed:
        if value != {"S": MOVED_ON}:
            if name == MARK:
                text = f"the repeat wrote the item of table {table} again, and what others had added to it is gone"
            else:
                text = f"the repeat set {name} of table {table} back to {value and value.get('S')!r}"
            return broken(Promise.LOST, f"after somebody else's change {text}")
    return held("what others changed since stays")
