"""A good event with another content: one value replaced by another of its form."""

import re
from typing import Any

DIGITS = re.compile(r"\d+$")


def varied(content: Any) -> list[dict[str, Any]]:
    """The content with one number one higher, or one text that ends in a number, each in turn."""
    if not isinstance(content, dict):
        return []
    others = {name: another(value) for name, value in content.items()}
    return [{**content, name: other} for name, other in others.items() if other is not None]


def another(value: Any) -> Any:
    if type(value) is int:
        return value + 1
    digits = DIGITS.search(value) if isinstance(value, str) else None
    if not digits or not isinstance(value, str):
        return None
    number = int(digits[0])
    other = number + 1 if len(str(number + 1)) <= len(digits[0]) else number - 1
    return value[: digits.start()] + str(other).zfill(len(digits[0]))
