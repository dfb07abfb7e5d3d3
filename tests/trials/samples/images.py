"""Items as DynamoDB's streams write them, each value with its type, also where an event hands one on."""

import json
from collections.abc import Iterator
from typing import Any

IMAGE = "{image}"  # a step of a path: the item that an image holds
TYPES = {"S", "N", "B", "SS", "NS", "BS", "M", "L", "BOOL", "NULL"}


def images(value: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The ways to the images within a value, whose items they open; the new ones first."""
    for name in ("NewImage", "OldImage") if isinstance(value, dict) else ():
        image = value.get(name)
        if isinstance(image, dict) and all(is_typed(inner) for inner in image.values()):
            yield (*way, name, IMAGE)
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield from images(inner, (*way, name))


def is_typed(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and set(value) <= TYPES


def opened(image: Any) -> dict[str, Any]:
    """The item of an image, its values without their types."""
    return {name: untyped(value) for name, value in image.items()} if isinstance(image, dict) else {}


def closed(item: dict[str, Any], image: Any) -> dict[str, Any]:
    """The image of an item; what did not change since `image` keeps its type, also within a map."""
    before, made = image if isinstance(image, dict) else {}, {}
    for name, value in item.items():
        kept = before.get(name)
        if kept is not None and untyped(kept) == value:
            made[name] = kept
        elif isinstance(value, dict) and isinstance(kept, dict) and kept.keys() == {"M"}:
            made[name] = {"M": closed(value, kept["M"])}
        else:
            made[name] = typed_value(value)
    return made


def untyped(value: Any) -> Any:
    if not is_typed(value):
        return value
    ((kind, inner),) = value.items()
    if kind == "N":
        return json.loads(inner)
    if kind == "M":
        return opened(inner)
    return [untyped(each) for each in inner] if kind == "L" else None if kind == "NULL" else inner


def typed_images(record: dict[str, Any]) -> dict[str, Any]:
    """A stream record whose images hold typed values only: what was added by name gets its type."""
    inner = dict(record.get("dynamodb") or {})
    for name in ("NewImage", "OldImage", "Keys"):
        if not isinstance(inner.get(name), dict):
            inner.pop(name, None)
        else:
            inner[name] = {key: typed_value(value) for key, value in inner[name].items()}
    image = inner.get("NewImage") or inner.get("OldImage") or {}
    if "Keys" in inner:  # what the code wants of a key is that of the item, too
        inner["Keys"] = {key: image.get(key, value) for key, value in inner["Keys"].items()}
    return {**record, "dynamodb": inner}


def typed_value(value: Any) -> Any:
    if is_typed(value):
        return value
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float):
        return {"N": str(value)}
    if isinstance(value, dict):
        return {"M": {key: typed_value(inner) for key, inner in value.items()}}
    return {"L": [typed_value(inner) for inner in value]} if isinstance(value, list) else {"S": str(value)}
