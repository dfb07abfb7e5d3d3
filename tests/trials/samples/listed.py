"""Names that code lists as those of the fields that it wants or lets through."""

import re
from collections.abc import Iterable

from trials.samples.derive import words

REQUIRED = re.compile(r"\b(?:required|mandatory)(?: (?:field|key|attribute|param|propertie|prop|column|body)s?)?$")
ALLOWED = re.compile(
    r"\b(?:editable|allowed|updatable|update|updateable|writable|mutable|permitted|accepted) "
    r"(?:field|key|attribute|param|propertie|prop|column)s$"
)


def fields(lists: Iterable[tuple[str, list[str]]]) -> list[str]:
    """Of lists of names with what each is called: the names of fields, those first that are required."""
    known = [(words(name), names) for name, names in lists]
    required = [field for called, names in known if REQUIRED.search(called) for field in names]
    allowed = [field for called, names in known if ALLOWED.search(called) for field in names]
    return list(dict.fromkeys([*required, *allowed]))
