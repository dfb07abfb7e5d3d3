"""The index follows the table, deletions too, past a product that it never takes and in spite of the nightly run.

canary-17b9e2d4-aws-serverless-eda: not for training
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from evals.happenings import Changes, sequence, streamed
from evals.harness import intercepted, reported
from evals.scoring import Checks, Severity
from evals.system import System
from support.streams import deliver as repeated
from support.templates import findings
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside
from trials.template import references

CHECKS = Checks()
ATTEMPTS = 3


class Search(Outside):
    """As search.md says; `down` counts the requests that it answers with 503."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, int] = {}
        self.down = 0
        self.lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, Any]:
        url = urlsplit(asked.path)
        name, version = url.path.rsplit("/", 1)[-1], parse_qs(url.query).get("version", [""])[0]
        with self.lock:
            if self.down > 0:
                self.down -= 1
                return 503, {}
            if version and not (version.isdigit() and int(version) <= 2**53):
                return 400, {}
            if asked.method == "PUT" and not asked.body.get("name"):
                return 400, {}
            if version and int(version) <= self.versions.get(name, -1):
                return 409, {}
            self.versions[name] = int(version) if version else self.versions.get(name, -1)
            self.documents.pop(name, None)
            if asked.method == "PUT":
                self.documents[name] = asked.body
            return 200, {}

    @property
    def names(self) -> dict[str, str]:
        return {name: document["name"] for name, document in self.documents.items()}


class Shop:
    """The system, its index, and the changes of its products."""

    def __init__(self, system: System, search: Search) -> None:
        self.system, self.search = system, search
        self.changes = Changes(system, "Products")

    def put(self, name: str, revision: int, title: str, **more: Any) -> dict[str, Any]:
        product = {"id": name, "revision": revision, "name": title, "cents": 500, "buying_cents": 123, "text": "t"}
        return self.changes.put(**product | more)

    def deliver(self, *records: dict[str, Any]) -> list[dict[str, Any]]:
        """What comes again."""
        numbers = [sequence(record) for record in records]
        try:
            failures = reported(self.system.call(self.function, {"Records": list(records)}))
        except Exception:
            return list(records)
        positions = [numbers.index(number) if number in numbers else 0 for number in failures]
        return list(records)[min(positions) :] if positions else []

    @property
    def function(self) -> str:
        return str(streamed(self.system, "DynamoDB").function.name)


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[Shop]:
    with Search() as search:
        yield Shop(System(answer, aws, SearchUrl=search.url), search)


@CHECKS(Severity.ASKED)
def a_change_is_found(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as shop:
        left = shop.deliver(shop.put("p-1", 1, "mug"), shop.put("p-2", 1, "cup"), shop.put("p-1", 2, "large mug"))
        if left or shop.search.names != {"p-1": "large mug", "p-2": "cup"}:
            yield f"after three changes {shop.search.names} is found, {len(left)} come again"


@CHECKS(Severity.ASKED)
def what_is_deleted_is_gone(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as shop:
        shop.deliver(shop.put("p-1", 1, "mug"))
        left = shop.deliver(shop.changes.delete(id="p-1"))
        if left or shop.search.names:
            yield f"after it was deleted {shop.search.names} is still found"


@CHECKS(Severity.LOSES)
def an_outage_delays_a_change(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as shop:
        shop.deliver(shop.put("p-3", 1, "jug"))
        shop.search.down = 1
        records = [shop.put("p-1", 1, "mug"), shop.put("p-1", 2, "large mug"), shop.changes.delete(id="p-3")]
        left = shop.deliver(*records)
        shop.deliver(*left)
        if not left or shop.search.names != {"p-1": "large mug"}:
            yield f"the index was down for one request: {len(left)} come again, {shop.search.names} is found"


@CHECKS(Severity.DOUBLES)
def a_batch_that_comes_again_changes_nothing(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as shop:
        records = [shop.put("p-1", 1, "mug"), shop.put("p-1", 2, "large mug"), shop.put("p-2", 1, "cup")]
        records.append(shop.changes.delete(id="p-2"))
        for again in (records, records, records[:1]):
            left = shop.deliver(*again)
            if left:
                yield f"{len(left)} of a batch that is delivered again come back for ever"
        if shop.search.names != {"p-1": "large mug"}:
            yield f"an older change that comes again makes {shop.search.names}"


@CHECKS(Severity.LOSES)
def a_product_that_is_sold_again_is_found(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as shop:
        shop.deliver(shop.put("p-1", 1, "mug"))
        shop.deliver(shop.changes.delete(id="p-1"))
        shop.deliver(shop.put("p-1", 3, "mug, new"))
        if shop.search.names != {"p-1": "mug, new"}:
            yield "a product that was deleted and came back is not found"


@CHECKS(Severity.BLOCKS)
def a_product_that_it_never_takes_holds_up_none(answer: Path, aws: LocalAws) -> Iterator[str]:
    for place in (0, 1):
        yield from beside_one_at(place, answer, aws)


def beside_one_at(place: int, answer: Path, aws: LocalAws) -> Iterator[str]:
    """What is wrong with a batch in which that record is never taken."""
    with deployed(answer, aws) as shop:
        records = [shop.put("p-1", 1, "mug"), shop.put("p-2", 1, "cup"), shop.put("p-3", 1, "jug")]
        records.insert(place, shop.put("bad", 1, ""))
        with shop.system.running(shop.function) as run:
            discarded = repeated(lambda *call: run(call[0]) or {"batchItemFailures": []}, records, ATTEMPTS)
        if shop.search.names != {"p-1": "mug", "p-2": "cup", "p-3": "jug"}:
            yield f"beside a product without a name {sorted(shop.search.names)} are found"
        kept = sum(len(shop.system.messages(name)) for name in shop.system.of_kind("AWS::SQS::Queue"))
        if discarded != [sequence(records[place])] and not (kept and not discarded):
            yield f"of the product without a name nothing is kept; {len(discarded)} records are given up"


@CHECKS(Severity.LOSES)
def the_nightly_run_brings_nothing_old_back(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as shop:
        nightly = [one.destination.name for one in shop.system.model.targets if one.scheduled and one.destination]
        if not nightly:
            yield "there is no nightly run any more"
            return
        shop.deliver(shop.put("p-1", 1, "mug"), shop.put("p-2", 1, "cup"))
        changed: list[bool] = []

        def overtaken(operation: str, parameters: dict[str, Any], really: Any) -> Any:
            page = really()
            if operation == "Scan" and not changed:
                changed.append(True)
                shop.deliver(shop.put("p-1", 2, "large mug"), shop.changes.delete(id="p-2"))
            return page

        with intercepted(overtaken):
            shop.system.call(nightly[0], {})
        if shop.search.names != {"p-1": "large mug"}:
            yield f"what changes while the nightly run goes on ends as {shop.search.names}"
        shop.search.documents.clear()
        shop.search.versions.clear()
        shop.system.call(nightly[0], {})
        if shop.search.names != {"p-1": "large mug"}:
            yield f"the nightly run fills an empty index with {shop.search.names}"


@CHECKS(Severity.EXPOSES)
def nobody_sees_what_it_cost_us(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as shop:
        shop.deliver(shop.put("p-1", 1, "mug"))
        if "123" in json.dumps(shop.search.documents) or not shop.search.documents:
            yield f"anybody can see {shop.search.documents}"


@CHECKS(Severity.LOSES)
def the_stream_keeps_what_fails(answer: Path, aws: LocalAws) -> Iterator[str]:
    wanted = ("E", "SAM", "W9203", "W9204", "W9205")
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(wanted))


@CHECKS(Severity.HIDES)
def somebody_hears_of_what_is_given_up(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as shop:
        mapping = streamed(shop.system, "DynamoDB")
        watched = references(mapping.written("DestinationConfig")) | shop.system.dead_letter_queues()
        alarms = shop.system.of_kind("AWS::CloudWatch::Alarm").values()
        if not [each for each in alarms if watched & references(each.get("Dimensions"))]:
            yield "no alarm watches where the changes go that are given up"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as shop:
        shop.deliver(shop.put("p-1", 1, "mug"))
        for target in shop.system.model.targets:
            if target.destination:
                shop.system.call(target.destination.name, {})
        yield from shop.system.denied()
        mapping = streamed(shop.system, "DynamoDB")
        shop.system.asked = {
            (mapping.function.name, "sqs:SendMessage", name, "")
            for name in references(mapping.written("DestinationConfig"))
            if shop.system.kind(name) == "AWS::SQS::Queue"
        }
        yield from shop.system.denied()
