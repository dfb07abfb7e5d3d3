"""How two worlds differ: two states of a stack, apart from times and from what two equal runs do not agree on."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from trials.moment import present

World = dict[str, list[Any]]  # place, such as "table Orders": its records
Noise = set[tuple[str, str]]  # place and path of what no two equal runs agree on
SINKS = (  # places of messages: the receiver can see repeats
    *("queue", "topic", "bus", "machine", "outside", "stream"),
    "service",  # one that is not here
)
TIME = "<time>"
ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
MADE_ANEW = re.compile(r"(?:Batch)?(?:Send|Start|Create|Publish|Submit|Post)")  # else the same state is set again
LIFE = 400 * 86_400  # seconds around the run in which a number is taken for a time


@dataclass(frozen=True)
class Difference:
    """How one place differs: the records that only the first world has, and those that only the second has."""

    place: str
    gone: list[Any]
    new: list[Any]

    def __str__(self) -> str:
        what = f"{self.place}:"
        if not self.gone:
            return f"{what} {len(self.new)} more, {short(self.new[0])}"
        if not self.new:
            return f"{what} {len(self.gone)} missing, {short(self.gone[0])}"
        before, after = flat(timeless(self.gone[0])), flat(timeless(self.new[0]))
        changed = [path for path in sorted(before | after) if before.get(path) != after.get(path)]
        told = "; ".join(f"{path} {short(before.get(path))} → {short(after.get(path))}" for path in changed[:4])
        return f"{what} {told or 'other records'}"


def short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 100 else text[:97] + "…"


def flat(record: Any, path: str = "") -> dict[str, Any]:
    if isinstance(record, dict):
        return {k: v for key, inner in record.items() for k, v in flat(inner, f"{path}.{key}".strip(".")).items()}
    if isinstance(record, list):
        return {k: v for n, inner in enumerate(record) for k, v in flat(inner, f"{path}[{n}]").items()}
    return {path: record}


def is_time(value: Any) -> bool:
    if isinstance(value, str) and ISO.fullmatch(value):
        return True
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        return False
    return any(abs(number / unit - present()) < LIFE for unit in (1, 1e3, 1e6, 1e9))


def timeless(value: Any) -> Any:
    """A record with its times blanked out, also where they stand within texts."""
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [timeless(inner) for inner in value]
    if is_time(value):
        return TIME
    return ISO.sub(TIME, value) if isinstance(value, str) else value


def noise(first: World, second: World) -> Noise:
    """Paths that differ between two worlds made in the same way: random ids, request ids, hashes."""
    noisy: Noise = set()
    for place in first.keys() | second.keys():
        ours, theirs = values(first.get(place, [])), values(second.get(place, []))
        noisy |= {(place, path) for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)}
    return noisy


def values(records: list[Any]) -> dict[str, Counter[str]]:
    counted: dict[str, Counter[str]] = {}
    for record in records:
        for path, value in flat(timeless(record)).items():
            counted.setdefault(path, Counter())[repr(value)] += 1
    return counted


def masked(record: Any, place: str, noisy: Noise) -> str:
    kept = {path: "<differs>" if (place, path) in noisy else value for path, value in flat(timeless(record)).items()}
    return json.dumps(kept, sort_keys=True, default=str)


def differences(before: World, after: World, noisy: Noise) -> list[Difference]:
    changed = []
    for place in sorted(before.keys() | after.keys()):
        ours = [(masked(each, place, noisy), each) for each in before.get(place, [])]
        theirs = [(masked(each, place, noisy), each) for each in after.get(place, [])]
        gone, new = only(ours, theirs), only(theirs, ours)
        if gone or new:
            changed.append(Difference(place, gone, new))
    return changed


def only(ours: list[tuple[str, Any]], theirs: list[tuple[str, Any]]) -> list[Any]:
    """The records of the first list that have no equal in the second."""
    left = Counter(key for key, _ in theirs)
    unmatched = []
    for key, record in ours:
        if left[key]:
            left[key] -= 1
        else:
            unmatched.append(record)
    return unmatched


def needs_key(kind: str, record: Any) -> bool:
    """Whether a receiver knows a repeat by a key alone, for it may be meant twice."""
    if kind == "service":
        return bool(MADE_ANEW.match(str(record.get("operation"))))
    return kind == "outside" and record.get("method") == "POST"


def content(record: Any) -> str:
    return json.dumps(timeless(record), sort_keys=True)


def recurring(world: World) -> World:
    """What is in a world more than once."""
    counted = {place: Counter(map(content, records)) for place, records in world.items()}
    return {place: [each for each in records if counted[place][content(each)] > 1] for place, records in world.items()}


def tellable(difference: Difference, before: World) -> bool:
    """Whether all that is new is a repeat that its receiver can tell by its content: the same message once more."""
    kind = difference.place.split(" ")[0]
    known = set(map(content, before.get(difference.place, [])))
    return (
        kind in SINKS
        and not difference.gone
        and all(content(each) in known for each in difference.new)
        and all(each.get("key") for each in difference.new if needs_key(kind, each))
    )
