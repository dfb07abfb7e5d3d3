"""What one request stored is asked for by the next: its item lies in the table, and the path names it."""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from boto3.dynamodb.types import TypeDeserializer

from trials.project.sources import Route
from trials.samples.derive import words
from trials.samples.sample import Sample

Item = dict[str, Any]  # as DynamoDB writes it


def place(table: str) -> str:
    """Under which name what a request stored in a table is passed on."""
    return f"table {table}"


def put(dynamodb: Any, table: str, item: Item) -> None:
    """Lay an item into a table, by its physical name, as far as that takes it."""
    if laid := taken(item, dynamodb.describe_table(TableName=table)["Table"]):
        dynamodb.put_item(TableName=table, Item=laid)


def taken(item: Item, table: dict[str, Any]) -> Item:
    """The item without a key of an index that has another type; empty if it lacks the table's own key."""
    declared = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    kept = {name: value for name, value in item.items() if declared.get(name, next(iter(value))) in value}
    return kept if all(each["AttributeName"] in kept for each in table["KeySchema"]) else {}


def as_sent(message: dict[str, Any], origin: str, beside: tuple[tuple[str, Item], ...]) -> Sample:
    """A message that waits in a queue, with the attributes that are texts."""
    texts = {name: each for name, each in message["MessageAttributes"].items() if "StringValue" in each}
    return Sample(message["Body"], origin, texts, beside=beside)


def asking_for(sample: Sample, route: Route, items: list[Item], origin: str) -> Sample:
    """The request with the names in its path taken from items that are there."""
    named = dict(sample.payload.get("pathParameters") or {})
    for name in named:
        if value := next(filter(None, (attribute(item, name) for item in items)), ""):
            named[name] = value
    return replace(sample, payload=sent_to(sample.payload, route, named), origin=origin)


def attribute(item: Item, name: str) -> str:
    """The value that an item holds under a name of a path; an `id` in the path may be one with more words."""
    plain = {key: TypeDeserializer().deserialize(value) for key, value in item.items()}
    texts = {key: str(value) for key, value in plain.items() if isinstance(value, str | int) or key == name}
    alike = [value for key, value in texts.items() if words(key) == words(name)]
    ids = [value for key, value in texts.items() if words(key) == "id"] if words(name).endswith("id") else []
    longer = [value for key, value in texts.items() if words(key).endswith(" id")] if words(name) == "id" else []
    return next(iter([*alike, *ids, *longer]), "")


def sent_to(payload: dict[str, Any], route: Route, named: dict[str, str]) -> dict[str, Any]:
    """A request for the route whose path names something else."""
    path = re.sub(r"\{(.*?)\+?\}", lambda parameter: quote(named.get(parameter[1], "1")), route.path)
    context = dict(payload.get("requestContext") or {})
    more: dict[str, Any] = {"pathParameters": named}
    if route.payload == "1.0":
        more["path"] = path
        context["path"] = path
    else:
        more["rawPath"] = path
        context["http"] = {**(context.get("http") or {}), "path": path}
    return {**payload, **more, "requestContext": context}
