"""What a path may name because the code's own data has it: records in JSON beside the code, or in the code itself."""

import re
from dataclasses import replace
from pathlib import Path

from trials.project.sources import Route
from trials.samples.derive import words
from trials.samples.sample import Sample
from trials.samples.sought import CODE
from trials.samples.stored import sent_to

ENDINGS = (*CODE, ".json")
OTHERS = ("node_modules", "package.json", "package-lock.json", "tsconfig.json")
LARGEST = 1_000_000
VALUE = re.compile(r"""[{,]\s*['"]?(\w+)['"]?\s*:\s*(?:(['"])([\w.-]+)\2|(\d+)\b)""")


def values(folder: Path) -> dict[str, str]:
    """By the words of a key: the first value that a record in data or code has under it."""
    named: dict[str, str] = {}
    for path in sorted(folder.rglob("*"), key=lambda path: (path.suffix != ".json", path)):
        if path.suffix in ENDINGS and not set(OTHERS) & set(path.parts) and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace") if path.stat().st_size <= LARGEST else ""
            for key, _, value, number in VALUE.findall(text):
                named.setdefault(words(key), value or number)
    return named


def asking_for_known(sample: Sample, route: Route, folder: Path) -> Sample | None:
    """The request with names in its path that the code's data has; None if it has none."""
    known, path = values(folder), dict(sample.payload.get("pathParameters") or {})
    for name in path:
        called = words(name)
        also = "id" if called.endswith(" id") else ""
        path[name] = known.get(called) or known.get(also) or path[name]
    if path == (sample.payload.get("pathParameters") or {}):
        return None
    origin = f"{sample.origin}, with {', '.join(path.values())} of the code's own data"
    return replace(sample, payload=sent_to(sample.payload, route, path), origin=origin)
