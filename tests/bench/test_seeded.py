"""A request for what is not there is made again with an item under its key, and only then."""

from dataclasses import replace
from typing import Any

import pytest

from trials.deliveries.history import Answer, Delivery
from trials.faults import once
from trials.faults.once import Try, not_found, with_its_item
from trials.project import Kind, Source
from trials.project.sources import Route
from trials.samples.derive import item
from trials.samples.made import made
from trials.samples.reads import JSON, Reads
from trials.samples.sample import Sample

GET = Source(Kind.HTTP, "Work", "Work.Get", route=Route("GET", "/orders/{orderId}"))
LIST = Source(Kind.HTTP, "Work", "Work.List", route=Route("GET", "/orders"))


def test_an_item_has_the_path_s_names_in_its_key_and_what_a_body_would_hold() -> None:
    reads = Reads(paths={("body", JSON, "sku"), ("body", JSON, "price"), ("body", JSON, "a", "b"), ("headers", "x")})

    assert item({"order_id": "S", "pk": "S", "year": "N"}, {"year": "2026", "orderId": "7"}, reads) == {
        "order_id": {"S": "7"},
        "pk": {"S": "2026"},
        "year": {"N": "2026"},
        "sku": {"S": "trial-1"},
        "price": {"N": "1"},
    }
    assert item({"id": "S"}, {}, None) == {"id": {"S": "trial-1"}}


def fared(source: Source, status: int) -> Try:
    sample = made({"Resources": {}}, source)
    return Try(sample, Delivery(answers=[Answer({"statusCode": status})]), [], [], {}, refused=str(status))


@pytest.mark.parametrize(
    ("source", "status", "looked", "lacks"),
    [
        (GET, 404, False, True),
        (GET, 500, True, True),  # it did not expect to find nothing
        (GET, 500, False, False),
        (GET, 400, True, False),
        (LIST, 404, True, False),
        (GET, 200, True, False),
    ],
)
def test_only_a_request_whose_path_names_what_is_not_there_lacks_an_item(
    source: Source, status: int, looked: bool, lacks: bool
) -> None:
    tried = replace(fared(source, status), calls=[("dynamodb", "GetItem")] if looked else [])

    assert not_found(tried if status >= 400 else replace(tried, refused=""), source) is lacks


class OneTable:
    """Stands in for a stage whose one table has the key `id`."""

    def __init__(self) -> None:
        self.seeds: list[Any] = []
        self.project = self

    def keys(self) -> dict[str, dict[str, str]]:
        return {"Orders": {"id": "S"}}

    def code(self, function: str) -> tuple[Any, str, str]:
        raise AssertionError(function)


@pytest.mark.parametrize("answer", [200, 404])
def test_the_items_stay_only_if_the_request_is_taken_with_them(monkeypatch: pytest.MonkeyPatch, answer: int) -> None:
    stage: Any = OneTable()
    stage.code = lambda _: (None, "", "")
    monkeypatch.setattr(once, "of_code", lambda *_: None)

    def again(_: Any, source: Source, sample: Sample) -> Try:
        return replace(fared(source, answer), sample=sample, refused="" if answer == 200 else "404")

    monkeypatch.setattr(once, "deliveries", again)
    better = with_its_item(stage, GET, fared(GET, 404))

    assert bool(stage.seeds) is (answer == 200)
    assert ("with an item of that key" in better.sample.origin) is (answer == 200)
