"""Items that a function looks for: what it asks DynamoDB says which key they have."""

import re
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from trials.samples.derive import guess

NAME, VALUE = r"(#?[\w.\-]+)", r"(:\w+)"
CONDITIONS = re.compile(rf"begins_with\s*\(\s*{NAME}\s*,\s*{VALUE}\s*\)|{NAME}\s*(?:=|>=|<=)\s*{VALUE}")
BETWEEN = re.compile(rf"(?i){NAME}\s+between\s+{VALUE}")


@dataclass(frozen=True)
class Lookup:
    """A request for items: the operation of DynamoDB, its table's name, and the request itself."""

    operation: str
    table: str
    request: dict[str, Any] = field(default_factory=dict)

    @property
    def compares(self) -> bool:
        """Whether an attribute of the item must have some value."""
        return bool(self._equal("ConditionExpression"))

    @property
    def known(self) -> list[dict[str, Any]]:
        """What each item that it asks for has for certain, in DynamoDB's own form; of a query one item."""
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

    def _equal(self, expression: str) -> dict[str, Any]:
        """What attributes are compared with in an expression of the request, as an item would hold it."""
        names = self.request.get("ExpressionAttributeNames") or {}
        values = self.request.get("ExpressionAttributeValues") or {}
        condition = str(self.request.get(expression, ""))
        pairs = [(equal[1] or equal[3], equal[2] or equal[4]) for equal in CONDITIONS.finditer(condition)]
        pairs += BETWEEN.findall(condition)
        return {str(names.get(name, name)): values[value] for name, value in pairs if value in values}


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
    asked: list[Lookup], tables: dict[str, str], keys: dict[str, dict[str, str]]
) -> list[tuple[str, dict[str, Any]]]:
    """By table: an item for each lookup. `tables` are logical ids by name, `keys` the types of each table's key."""
    wanted: list[tuple[str, dict[str, Any]]] = []
    for lookup in asked:
        table = tables.get(lookup.table.rsplit("/", 1)[-1], "")
        types = keys.get(table, {})
        for known in lookup.known if table in keys else []:
            if any(name in known and kind not in known[name] for name, kind in types.items()):
                continue  # DynamoDB would refuse it
            others = {name: kind for name, kind in keys[table].items() if name not in known}
            made = {name: 1 if kind == "N" else guess(name, None) for name, kind in others.items()}
            item = {**{name: TypeSerializer().serialize(value) for name, value in made.items()}, **known}
            if (table, item) not in wanted:
                wanted.append((table, item))
    return wanted
