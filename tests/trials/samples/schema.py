"""A value that a JSON schema takes, as API Gateway's models and OpenAPI write one."""

from typing import Any

from trials.samples.derive import guess
from trials.samples.refused.observation import VALUES
from trials.template import as_dict
from trials.template.fitting import fitting

DEEPEST = 8
MOST = 20  # members of a list, characters of a text


def example(schema: Any, name: str = "id", depth: int = 0) -> Any:
    """The smallest value; of an object, every property that a schema demands, and all where it demands none."""
    schema = whole(schema)
    if (stated := given(schema)) is not None:
        return stated
    kind = schema.get("type")
    kind = next((each for each in kind if each != "null"), "null") if isinstance(kind, list) else kind
    if depth > DEEPEST or kind == "null":
        return None
    if kind == "object" or (kind is None and "properties" in schema):
        properties = as_dict(schema.get("properties"))
        needed = schema.get("required")
        wanted = needed if isinstance(needed, list) and needed else list(properties)
        return {str(key): example(properties.get(key), str(key), depth + 1) for key in wanted}
    if kind == "array" or (kind is None and "items" in schema):
        number = min(max(1, least(schema, "minItems")), MOST)
        return [example(schema.get("items"), name.removesuffix("s"), depth + 1) for _ in range(number)]
    if kind in ("integer", "number"):
        return amount(schema)
    if kind == "boolean":
        return True
    return string(schema, name)


def whole(schema: Any) -> dict[str, Any]:
    """A schema with all parts of an `allOf`, and the first of what else it may be."""
    schema = as_dict(schema)
    for part in schema.get("allOf") or []:
        part = whole(part)
        properties = {**as_dict(schema.get("properties")), **as_dict(part.get("properties"))}
        required = [*(schema.get("required") or []), *(part.get("required") or [])]
        schema = {**part, **schema, "properties": properties, "required": required}
    for key in ("oneOf", "anyOf"):
        if isinstance(among := schema.get(key), list) and among:
            schema = {**schema, **whole(among[0])}
    return schema


def given(schema: dict[str, Any]) -> Any:
    """A value that the schema itself states; None if it states none."""
    among = [schema.get("const"), *(schema.get("enum") or []), schema.get("example"), schema.get("default")]
    listed = schema.get("examples")
    among += listed if isinstance(listed, list) else []
    return next((value for value in among if value is not None), None)


def least(schema: dict[str, Any], key: str) -> int:
    value = schema.get(key)
    return int(value) if isinstance(value, int | float) else 0


def amount(schema: dict[str, Any]) -> int | float:
    low, high = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    if isinstance(above, bool) or above is None:
        above = low if above else None
    if isinstance(above, int | float):
        return int(above) + 1
    if isinstance(low, int | float) and low > 1:
        return low
    return high if isinstance(high, int | float) and high < 1 else 1


def string(schema: dict[str, Any], name: str) -> str:
    if isinstance(pattern := schema.get("pattern"), str) and (fit := fitting(pattern)):
        return fit
    if isinstance(form := schema.get("format"), str) and isinstance(VALUES.get(form), str):
        return str(VALUES[form])
    text = guess(name, None)
    text = text if isinstance(text, str) else str(text)
    longest = schema.get("maxLength")
    text = text.ljust(min(least(schema, "minLength"), MOST * MOST), "x")
    return text[:longest] if isinstance(longest, int) else text
