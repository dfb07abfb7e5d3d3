"""Items that a request speaks of, laid into the tables before it comes: what was not found is found then."""

from typing import Any

from boto3.dynamodb.types import TypeSerializer

from trials.samples.derive import guess, words
from trials.samples.reads import JSON, Reads

BODY = ("body", JSON)


def item(keys: dict[str, str], named: dict[str, str], reads: Reads | None) -> dict[str, Any]:
    """An item as DynamoDB writes it: `keys` are the types of its key's attributes, `named` the request's path.

    A part of the key gets what the path calls so, else the first that the path names. The rest is what the function
    reads of a body.
    """
    fields = (
        {steps[2]: guess(steps[2], 1 if steps in reads.numbers else None) for steps in of_body(reads)} if reads else {}
    )
    values = {name: under(name, kind, named) for name, kind in keys.items()}
    return {name: TypeSerializer().serialize(value) for name, value in {**fields, **values}.items()}


def of_body(reads: Reads) -> list[tuple[str, ...]]:
    return sorted(steps for steps in reads.paths if len(steps) == 3 and steps[:2] == BODY)


def under(name: str, kind: str, named: dict[str, str]) -> Any:
    alike = [value for key, value in named.items() if words(key) == words(name)]
    value = next(iter([*alike, *named.values()]), "trial-1")
    if kind == "N":
        return int(value) if value.isdigit() else 1
    return value.encode() if kind == "B" else value
