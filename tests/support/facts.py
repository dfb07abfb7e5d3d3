"""The registry of facts, the models that prove them, and the numbers in prose that need one."""

import functools
import http
import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import botocore.loaders
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from support.documents import ROOT, parsed

LOADER = botocore.loaders.Loader()
NODE = ROOT / "tests" / "node" / "node_modules"
PROOFS = ("botocore", "cfn", "package", "node", "test", "url")
NUMBER = re.compile(r"(?<![\w.])\d[\d,.]*(?:xx)?")
STATUSES = {str(status.value) for status in http.HTTPStatus} | {"2xx", "3xx", "4xx", "5xx"}
NAMES = re.compile(
    r"RFC \d+|ISO \d+|OAuth 2\.0|HTTP/[\d.]+|TLS [\d.]+|cfn-lint@[\d.]+"
)  # digits that are part of a name
LINES = re.compile(r"\b\d+\+\d+|, lines \d+-\d+:")  # where a section stands, which support.contents keeps true


@dataclass(frozen=True)
class Fact:
    id: str
    says: str
    value: str | int | float
    botocore: str = ""
    cfn: str = ""
    package: str = ""
    node: str = ""
    test: str = ""
    url: str = ""
    read: str = ""

    @property
    def proof(self) -> str:
        """The kind of its proof; raises `ValueError` unless it has exactly one."""
        given = [kind for kind in PROOFS if getattr(self, kind)]
        if len(given) != 1 or bool(self.read) != bool(self.url):
            raise ValueError(f"{self.id}: give one of {', '.join(PROOFS)}, and the month read with a url only")
        return given[0]


def facts() -> list[Fact]:
    return [Fact(**entry) for entry in tomllib.loads((ROOT / "tests" / "facts.toml").read_text())["fact"]]


def agrees(fact: Fact) -> bool:
    """Whether the proof shows the value: the same number, or text, names and enumerations that contain it.

    Raises `LookupError` or `OSError` when the proof names nothing that exists.
    """
    look = {"botocore": _api, "cfn": _schema, "package": _installed, "node": _node, "test": _test}[fact.proof]
    found = look(getattr(fact, fact.proof))
    return bool(found) if fact.proof == "test" else shows(fact, found)


def shows(fact: Fact, found: Any) -> bool:
    """Whether what stands at its proof is its value, or contains it."""
    return fact.value in found if isinstance(found, str | list | dict) else fact.value == found


@functools.cache
def _model(service: str) -> Any:
    return LOADER.load_service_model(service, "service-2")


def _api(path: str) -> Any:
    """What a botocore model has at `service/Shape.key.key` or `service/Operation!key`."""
    service, _, place = path.partition("/")
    return found_at(_model(service), place)


def found_at(model: Any, place: str) -> Any:
    """What stands in a model at `Shape.key.key`, `Operation!key` or `documentation`, which is the service's own.

    Raises `LookupError` where nothing does.
    """
    if place == "documentation":
        return model[place]
    if "!" in place:
        operation, _, key = place.partition("!")
        return model["operations"][operation][key]
    found: Any = model["shapes"]
    for key in place.split("."):
        found = found[key]
    return found


def _schema(path: str) -> Any:
    """What the CloudFormation schema of a type has at `AWS::Service::Type/key.key`."""
    kind, _, place = path.partition("/")
    found: Any = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    for key in place.split("."):
        found = found[key]
    return found


def _installed(path: str) -> str:
    """The text of `distribution/file` as installed."""
    distribution, _, file = path.partition("/")
    return Path(str(importlib.metadata.distribution(distribution).locate_file(file))).read_text()


def _node(path: str) -> str:
    return (NODE / path).read_text()


def _test(name: str) -> bool:
    """Whether `path::test_name` exists; the suite runs it."""
    file, _, function = name.partition("::")
    return f"\ndef {function}(" in (ROOT / file).read_text()


def months_old(fact: Fact, today: date) -> int:
    year, month = (int(part) for part in fact.read.split("-"))
    return (today.year - year) * 12 + today.month - month


def prose(path: Path) -> Iterator[str]:
    """The paragraphs, headings and table cells of a document, without fences and without where links lead."""
    text = path.read_text()
    if text.startswith("---\n"):
        text = text.split("---\n", 2)[2]
    for token in parsed(text):
        if token.type == "inline":
            yield " ".join(re.sub(r"\]\([^)]*\)", "]", token.content).split())


def unproved(path: Path, known: list[str]) -> list[str]:
    """Numbers in a document's prose that no known wording covers, each with the words around it."""
    found = []
    for text in (LINES.sub("", each) for each in prose(path)):
        covered = [match.span() for says in known if says in text for match in re.finditer(re.escape(says), text)]
        covered += [match.span() for match in NAMES.finditer(text)]
        for number in NUMBER.finditer(text):
            value, place = number[0].rstrip(".,"), number.start()
            if value not in STATUSES and not any(first <= place < last for first, last in covered):
                found.append(f"{value}: …{text[max(0, place - 30) : place + 30]}…")
    return found
