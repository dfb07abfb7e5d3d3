"""The registry of facts and the models that prove them."""

import functools
import tomllib
from dataclasses import dataclass
from datetime import date
from typing import Any

import botocore.loaders

from support.documents import ROOT

LOADER = botocore.loaders.Loader()


@dataclass(frozen=True)
class Fact:
    id: str
    says: str
    value: str | int | float
    botocore: str = ""
    url: str = ""
    read: str = ""


def facts() -> list[Fact]:
    return [Fact(**entry) for entry in tomllib.loads((ROOT / "tests" / "facts.toml").read_text())["fact"]]


@functools.cache
def model(service: str) -> Any:
    return LOADER.load_service_model(service, "service-2")


def shown(path: str) -> Any:
    """What a model has at `service/Shape.key.key` or `service/Operation!key`; `LookupError` when there is no such."""
    service, _, place = path.partition("/")
    if "!" in place:
        operation, _, key = place.partition("!")
        return model(service)["operations"][operation][key]
    found: Any = model(service)["shapes"]
    for key in place.split("."):
        found = found[key]
    return found


def agrees(fact: Fact) -> bool:
    """Whether the model still shows the value: the same number, or text and enumerations that contain it."""
    found = shown(fact.botocore)
    return fact.value in found if isinstance(found, str | list | dict) else fact.value == found


def months_old(fact: Fact, today: date) -> int:
    year, month = (int(part) for part in fact.read.split("-"))
    return (today.year - year) * 12 + today.month - month
