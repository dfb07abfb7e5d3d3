"""A table that takes part of each batch, or nothing: all is written once it can be, and it is said when it cannot."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evals.harness import TooLong, environment, graded, intercepted, items, table, text
from trials.local_aws import LocalAws

MOST = 120  # requests, after which nobody would still be trying


class Table:
    """Takes the first ten puts of a request, `busy` times; then all of them, through the real table."""

    def __init__(self, busy: int, takes: int = 10) -> None:
        self.busy, self.takes = busy, takes
        self.requests = 0

    def __call__(self, operation: str, parameters: dict[str, Any], really: Callable[[], Any]) -> Any:
        if operation != "BatchWriteItem":
            return really()
        self.requests += 1
        if self.requests > MOST:
            raise TooLong(f"more than {MOST} requests")
        ((name, puts),) = parameters["RequestItems"].items()
        if not self.busy:
            return really()
        self.busy -= 1
        if not self.takes:
            return {"UnprocessedItems": {name: puts}}
        parameters["RequestItems"] = {name: puts[: self.takes]}
        answer = really()
        left = puts[self.takes :]
        return {**answer, "UnprocessedItems": {name: left} if left else {}}


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "load.py")
    name = table(aws, sku="S")
    with environment(answer, aws, PRICES_TABLE=name) as here:
        put_all = here.load("load").put_all

        def missing(prices: list[dict[str, Any]]) -> int:
            there = {item["sku"]: int(item["cents"]) for item in items(aws, name)}
            return len([price for price in prices if there.get(price["sku"]) != price["cents"]])

        def attempt(prices: list[dict[str, Any]], busy: int) -> str:
            try:
                with intercepted(Table(busy)):
                    put_all(prices)
            except Exception as error:
                return f"{type(error).__name__}: {error}"
            return ""

        many = [{"sku": f"s-{number}", "cents": number + 1} for number in range(60)]
        if (error := attempt(many, 0)) or missing(many):
            yield f"60 prices: {missing(many)} missing {error}"
        many = [{"sku": f"u-{number}", "cents": number + 1} for number in range(60)]
        if (error := attempt(many, 3)) or missing(many):
            yield f"60 prices, part of them unprocessed three times: {missing(many)} missing {error}"
        elif not any(wait > 0 for wait in here.waits):
            yield "sends again without a pause"
        twice = [{"sku": "twice", "cents": 1}, {"sku": "other", "cents": 2}, {"sku": "twice", "cents": 3}]
        if (error := attempt(twice, 0)) or missing(twice[1:]):
            yield f"the last price of a sku does not win: {error}"
        try:
            with intercepted(Table(10**6, takes=0)):
                put_all([{"sku": "never", "cents": 1}])
            yield "a price that the table never took raises nothing"
        except TooLong as error:
            yield f"never gives up: {error}"
        except Exception:
            return
