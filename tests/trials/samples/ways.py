"""Ways in which items may lie in the tables, so that a function finds what it looks for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from trials.project.sources import Kind, Source
from trials.samples.dates import LONG_AGO, SOON, TO_COME, at_another_time
from trials.samples.derive import ID, decimal, guess, item, words
from trials.samples.lookups import Item, Lookup, wanted_items
from trials.samples.owners import everywhere, of_whoever_asks
from trials.samples.reads import Reads, Steps, at_end_of
from trials.samples.sample import Sample
from trials.samples.shape import Shape
from trials.verdicts.integrations import READS


def asks_only(source: Source) -> bool:
    return source.route is not None and source.route.method in ("GET", "HEAD")


def goes_further(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> bool:
    """Whether all calls were made that were made before, or at least all that write, and more of these."""
    written = [{call for call in calls if not call[1].startswith(READS)} for calls in (before, after)]
    return set(before) <= set(after) or written[0] < written[1]


def part(value: Any, steps: Steps) -> Any:
    """What stands at the end of a path in a request; None where that is no text or number."""
    value = at_end_of(steps, value)
    return value if isinstance(value, str | int) else None


def path_of(sample: Sample) -> dict[str, str]:
    return sample.payload.get("pathParameters") or {}


STORED = "what another request stored"
SOUGHT = "the item that it looks for"
TIMES = {"of long ago": LONG_AGO, "of tomorrow": SOON, "of a time to come": TO_COME}
OF_TIME = re.compile(r"(?i)expire|\bpast\b|future|\blate\b|overdue|too early|not yet|ended|started|closed|cutoff")
Seeds = list[tuple[str, Item]]


@dataclass
class Looked:
    """What a function looked for, and what is known of the tables and of its code.

    `names` are logical ids of tables by name, `keys` the types of each table's key, `declared` those of indexes too.
    """

    asked: list[Lookup]
    names: dict[str, str]
    keys: dict[str, dict[str, str]]
    declared: dict[str, dict[str, str]]
    reads: Reads | None
    classes: dict[str, Shape] = field(default_factory=dict)  # those of which it made objects out of items

    def more(self) -> Item:
        """What an item may have besides what was asked for: what code reads of items, and what its classes take."""
        told = item({}, {}, self.reads)
        for shape in self.classes.values():
            made = {name: valued(name, inner) for name, inner in shape.inner.items() if not inner.optional}
            told = {**{name: TypeSerializer().serialize(decimal(value)) for name, value in made.items()}, **told}
        return told

    def compared(self, sample: Sample) -> Item:
        """The same with those parts that the code compares with a part of the request."""
        if self.reads is None:
            return self.more()
        told = {at: value for at, there in self.reads.same.items() if (value := part(sample.payload, there))}
        reads = replace(self.reads, values={**self.reads.values, **told})
        return {**self.more(), **item({}, {}, reads)}

    def seeds(self, more: Item) -> Seeds:
        """An item for each lookup, with more attributes; of its class alone those that the class takes."""
        items = wanted_items(self.asked, self.names, self.keys, more, self.declared)
        return [(table, self.fitted(table, each)) for table, each in items]

    def fitted(self, table: str, held: Item) -> Item:
        """The item with the attributes of the class that has those of the table's key, and no others.

        Of several that is the one that is called as the table is, then the one that has the key first.
        """
        own = self.keys.get(table, {})
        known = [(name, shape) for name, shape in self.classes.items() if own.keys() <= shape.inner.keys()]
        ranks = [(words(name) not in words(table), *map([*shape.inner].index, own)) for name, shape in known]
        if not known:
            return held
        shape = known[ranks.index(min(ranks))][1]
        kept = {name: value for name, value in held.items() if name in shape.inner}
        for name, inner in shape.inner.items():
            made_up = name not in kept or (kept[name] == {"S": ID} and name not in own)
            if made_up and (not inner.optional or name in kept) and (name not in kept or inner.value is not None):
                kept[name] = TypeSerializer().serialize(decimal(valued(name, inner)))
        return kept


def valued(name: str, shape: Shape) -> Any:
    """A value of a shape, by what a field is called."""
    if shape.value is not None:
        return shape.value
    if shape.inner:
        return {inner: valued(inner, held) for inner, held in shape.inner.items() if not held.optional}
    if shape.members is not None:
        return [valued(name, shape.members)] if shape.members.inner else []
    return guess(name, 1 if shape.number else None)


@dataclass
class Way:
    told: str
    seeds: Seeds
    more: Item | None = None  # that further items get, once these are found


def ways(looked: Looked, sample: Sample, source: Source, named: dict[str, str] | None, said: str) -> Iterator[Way]:
    """All of them, the likeliest first; `named` is what the path names, if that may be what is not there.

    `said` is in which words the function refused the sample, if it did.
    """
    more = looked.more()
    yield Way(SOUGHT, looked.seeds(more), more)
    if source.kind is Kind.SCHEDULE or OF_TIME.search(said):
        for when, days in TIMES.items():
            moved = at_another_time(more, days)
            if moved != more:
                yield Way(f"{SOUGHT}, {when}", looked.seeds(moved), moved)
    more = looked.more()  # its classes may be known by now
    compared = looked.compared(sample)
    if compared != more:
        yield Way(f"{SOUGHT}, that holds what the request says", looked.seeds(compared), compared)
    if source.kind is Kind.HTTP:
        for own in [*of_whoever_asks(more, sample), *everywhere(more, sample)]:
            yield Way(f"{SOUGHT}, as one of whoever asks", looked.seeds({**more, **own}), {**more, **own})
    if named is not None:
        items = [(table, item(types, named, looked.reads)) for table, types in looked.keys.items()]
        yield Way("an item of that key in each table", [(table, looked.fitted(table, each)) for table, each in items])
