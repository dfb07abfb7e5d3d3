"""What can be observed of a refused sample, and the ways by which its parts are named."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from trials.moment import DAY, TEXT
from trials.samples.reads import EACH, Steps

MISSING, VALUE, EXTRA = "missing", "value", "extra"
WHEN = "when"  # a date, wherever it stands
VALUES: dict[str, Any] = {  # by the word with which a framework names a type or a format, in lower case
    "int": 1,
    "integer": 1,
    "number": 1,
    "float": 1,
    "decimal": 1,
    "bigint": 1,
    "str": "trial-1",
    "string": "trial-1",
    "bool": True,
    "boolean": True,
    "list": [{}],
    "array": [{}],
    "dict": {},
    "object": {},
    "record": {},
    "model": {},
    "mapping": {},
    "datetime": TEXT,
    "date-time": TEXT,
    "date": DAY,
    "time": "08:00:00",
    "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "guid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "email": "trial@example.com",
    "url": "https://example.test/trial",
    "uri": "https://example.test/trial",
    "json": "{}",
}


@dataclass(frozen=True)
class Observation:
    """One thing that a sample lacks, or holds and must not; `absolute` paths begin at the event itself.

    `old` is a text wherever it stands, for a refusal that names no key.
    """

    kind: str
    path: Steps = ()
    value: Any = None
    absolute: bool = False
    old: str = ""
    place: str = ""  # query, header or path, of a request

    @property
    def name(self) -> str:
        return ".".join(step for step in self.path if step != EACH) or self.old


@dataclass(frozen=True)
class Refusal:
    """The texts in which a function refused a sample, the most telling first, and the line of code that raised."""

    texts: tuple[str, ...]
    line: str = ""
    fields: tuple[str, ...] = ()  # that the code lists, see `Reads`


@dataclass(frozen=True)
class Parser:
    framework: str
    known: re.Pattern[str]
    read: Callable[[str, str], Iterator[Observation]]

    def can_parse(self, text: str) -> bool:
        return bool(self.known.search(text))

    def parse(self, text: str, line: str = "") -> list[Observation]:
        observations: list[Observation] = []
        for observation in self.read(text, line) if self.can_parse(text) else ():
            if observation not in observations:
                observations.append(observation)
        return observations


PART = r"""(?:\.get\(\s*['"]([\w-]+)['"][^()]*\)|\??\.?\[['"]([\w-]+)['"]\]|!?\??\.(\w+))"""
CHAIN = re.compile(rf"([A-Za-z_$][\w$]*)((?:{PART})+)")


def chains(line: str) -> Iterator[tuple[str, list[str]]]:
    """The ways `event["detail"].get("id")` and `event.detail?.id` that a line of code goes: the variable, the keys."""
    for chain in CHAIN.finditer(line):
        yield chain[1], ["".join(part) for part in re.findall(PART, chain[2])]


def on_the_way(line: str, key: str) -> tuple[Steps, bool]:
    """The keys before `key` in a line of code, and whether they begin at the event."""
    for root, keys in chains(line):
        if key in keys:
            return tuple(keys[: keys.index(key)]), root in ("event", "evt")
    return (), False


def steps(path: str | list[Any]) -> Steps:
    """A path of a framework: `items.0.sku`, `items[0].sku`, `/items/0/sku`, `items -> 0 -> sku` or a list."""
    parts = path if isinstance(path, list) else re.split(r"\s*->\s*|[./\[\]'\"]+", path)
    return tuple(EACH if str(part).isdigit() else str(part) for part in parts if str(part) != "")


def missing(path: Steps, **more: Any) -> Observation:
    return Observation(MISSING, path, **more)


def value_named(word: str) -> Any:
    return VALUES.get(word.lower().removesuffix("_type").removesuffix("_parsing").split("_")[0])


def quoted(text: str) -> list[str]:
    return re.findall(r"['\"]([^'\"]+)['\"]", text)
