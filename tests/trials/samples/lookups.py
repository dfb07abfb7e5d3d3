"""Items that a function looks for: what it asks DynamoDB says which key they have."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from trials.samples.dates import shifted
from trials.samples.derive import guess

NAME, VALUE = r"(#?[\w.\-]+)", r"(:\w+)"
HELD = re.compile(rf"(?:begins_with|contains)\s*\(\s*{NAME}\s*,\s*{VALUE}\s*\)")
COMPARED = re.compile(rf"{NAME}\s*(=|>=|<=|<|>)\s*{VALUE}")
AMONG = re.compile(rf"(?i){NAME}\s+(?:between\s+|in\s*\(\s*){VALUE}")
IS_THERE = re.compile(rf"attribute_(not_)?exists\s*\(\s*{NAME}\s*\)")
Item = dict[str, Any]  # as DynamoDB writes it; None for an attribute that must not be there


@dataclass(frozen=True)
class Lookup:
    """A request for items: the operation of DynamoDB, its table's name, and the request itself."""

    operation: str
    table: str
    request: dict[str, Any] = field(default_factory=dict)

    @property
    def compares(self) -> bool:
        """Whether an attribute of the item must have some value."""
        return bool(self._compared("ConditionExpression"))

    @property
    def known(self) -> list[Item]:
        """What each item that it asks for has for certain; of a query one item."""
        if self.operation == "BatchGetItem":
            return list(self.request.get("Keys") or [])
        if self.operation == "Scan":
            return [self._equal("FilterExpression")]
        if self.operation != "Query":
            key = self.request.get("Key")
            return [{**self._equal("ConditionExpression"), **key}] if isinstance(key, dict) else []
        asked = self._equal("KeyConditionExpression")
        asked |= {**self._equal("FilterExpression"), **asked} if asked else {}
        return [asked] if asked else []

    def _equal(self, expression: str) -> Item:
        """What attributes are compared with in an expression of the request, as an item that fits would hold it."""
        names = self.request.get("ExpressionAttributeNames") or {}
        there = IS_THERE.findall(str(self.request.get(expression, "")))
        called = [(str(names.get(name, name)), bool(absent)) for absent, name in there]
        item: Item = {name: None if absent else {"S": str(guess(name, None))} for name, absent in called}
        return item | self._compared(expression)

    def _compared(self, expression: str) -> Item:
        """The attributes that are compared with a value."""
        names = self.request.get("ExpressionAttributeNames") or {}
        values = self.request.get("ExpressionAttributeValues") or {}
        condition = str(self.request.get(expression, ""))
        compared = [(name, "=", value) for pattern in (HELD, AMONG) for name, value in pattern.findall(condition)]
        compared += COMPARED.findall(condition)
        return {str(names.get(name, name)): beyond(values[v], how) for name, how, v in compared if v in values}


def beyond(value: dict[str, Any], comparison: str) -> dict[str, Any]:
    """A value that is less or more than another, if that is what is asked for."""
    step = {"<": -1, ">": 1}.get(comparison, 0)
    (kind, held), *_ = value.items()
    if not step or kind not in ("N", "S"):
        return value
    if kind == "N":
        return {"N": str(Decimal(held) + step)}
    return {"S": shifted(held, step) or (held[:-1] if step < 0 else f"{held}0")}


def lookups(body: dict[str, Any], operation: str) -> list[Lookup]:
    """Those of one request to DynamoDB."""
    asked = body.get("RequestItems")
    if operation == "BatchGetItem" and isinstance(asked, dict):
        return [Lookup(operation, str(table), each) for table, each in asked.items() if isinstance(each, dict)]
    if operation == "TransactWriteItems":
        written = [each for entry in body.get("TransactItems") or [] for each in entry.values() if "Key" in each]
        return [Lookup("UpdateItem", str(each.get("TableName", "")), each) for each in written]
    return [Lookup(operation, str(body.get("TableName", "")), body)]


def wanted_items(
    asked: list[Lookup],
    tables: dict[str, str],
    keys: dict[str, dict[str, str]],
    more: Item | None = None,
    declared: dict[str, dict[str, str]] | None = None,
) -> list[tuple[str, dict[str, Any]]]:
    """By table: an item for each lookup. `tables` are logical ids by name, `keys` the types of each table's key.

    What it has besides is `more`. What an index holds has all attributes that are `declared` for the table's keys.
    """
    wanted: list[tuple[str, dict[str, Any]]] = []
    for lookup in asked:
        table = tables.get(lookup.table.rsplit("/", 1)[-1], "")
        types = keys.get(table, {})
        for known in lookup.known if table in keys else []:
            known = {name: value for name, value in known.items() if value is not None or name not in types}
            if any(name in known and kind not in known[name] for name, kind in types.items()):
                continue  # DynamoDB would refuse it
            typed = {**(declared or {}).get(table, {}), **types} if lookup.request.get("IndexName") else types
            others = {name: kind for name, kind in typed.items() if name not in known}
            made = {name: 1 if kind == "N" else guess(name, None) for name, kind in others.items()}
            indexed = {name: TypeSerializer().serialize(value) for name, value in made.items()}
            own = {name: value for name, value in indexed.items() if name in types}
            together = {**indexed, **(more or {}), **own, **known}
            item = {name: value for name, value in together.items() if value is not None}
            if (table, item) not in wanted:
                wanted.append((table, item))
    return wanted
