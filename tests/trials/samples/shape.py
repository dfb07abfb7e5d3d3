"""What stands in one place of an event, as a class, a schema or a type declares it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Shape:
    """`inner` are the fields of an object, `members` what a list holds."""

    number: bool = False
    value: Any = None  # the only one, or one of those that are allowed
    optional: bool = False
    called: str = ""  # by the code, where a marshaller renames it
    inner: dict[str, "Shape"] = field(default_factory=dict)
    members: "Shape | None" = None
