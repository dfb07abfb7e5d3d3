"""A text that a regular expression takes."""

import importlib
import re
from typing import Any

CHARACTERS = {"DIGIT": "1", "SPACE": " ", "WORD": "a", "NOT_DIGIT": "a", "NOT_SPACE": "a", "NOT_WORD": "-"}


def fitting(pattern: str) -> str | None:
    """The least text that the expression takes as a whole; None where that needs more than its parts in a row."""
    try:
        parsed: Any = importlib.import_module("re._parser").parse(pattern)
        text = "".join(map(piece, parsed))
        return text if text and re.fullmatch(pattern, text) else None
    except (re.error, ValueError, OverflowError):
        return None


def piece(part: tuple[Any, Any]) -> str:
    """The text for one part of a parsed expression."""
    name, held = str(part[0]), part[1]
    if name == "LITERAL":
        return chr(held)
    if name == "IN":
        return piece(held[0])
    if name == "RANGE":
        return chr(held[0])
    if name == "CATEGORY":
        return CHARACTERS[str(held).removeprefix("CATEGORY_")]
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        least, most, inner = held
        return "".join(map(piece, inner)) * min(max(least, 1), int(most), 64)
    if name == "SUBPATTERN":
        return "".join(map(piece, held[-1]))
    if name == "BRANCH":
        return "".join(map(piece, held[1][0]))
    if name == "AT":
        return ""
    if name in ("ANY", "NOT_LITERAL"):
        return "a"
    raise ValueError(name)
