"""The faults that every function meets, and what each must leave behind: what one undisturbed call leaves.

A pattern gets them by naming its function, a genuine event and malformed ones in `tests/patterns/NAME/faults.py`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import time_machine
import urllib3
from botocore.client import BaseClient

from support.handlers import Context, Died, Example
from trials.local_aws.outside import Outside
from trials.world import Noise, World, differences, noise, snapshot, without_envelope

THROTTLED = {
    "dynamodb": {"code": "ProvisionedThroughputExceededException"},
    "s3": {"code": "SlowDown", "status": 503},
}
THROTTLING = {"code": "ThrottlingException", "status": 400}


@dataclass(frozen=True)
class Subject:
    """A function under test, `example` its folder, `name` its logical id in the template.

    `event` and `malformed` give events for a stage that `before` has made ready; `heard` is what the service outside
    took. `clock` is when it all happens, in seconds, if it matters, and `patience` how many seconds later whoever
    delivers tries again; `delivers` is what Lambda does with an event if it does not just call the handler. `repeats`
    says that what it sends may come again, for its consumers know a repeat, and `asks_aws` that it calls AWS at all.
    `sets_aside` is where in the world it keeps what nobody can mean, so that taking it loses nothing. `mend` is what a
    human does about an outcome that the function may leave to one, and `matters` what of a world then counts.
    `language` is that of the handlers.
    """

    example: str
    name: str
    handler: str
    event: Callable[["Stage"], Any]
    malformed: Callable[["Stage"], list[Any]]
    before: Callable[["Stage"], None] = lambda _: None
    outside: Callable[[], Outside] = Outside
    parameters: Callable[[Any], dict[str, str]] = lambda _: {}
    variables: Callable[["Stage"], dict[str, str]] = lambda _: {}
    heard: Callable[[Any], Any] = lambda _: []
    more: Callable[["Stage"], Any] = lambda _: []
    clock: float = 0
    patience: float = 900
    delivers: Callable[["Stage", Any, Any], Any] = lambda _, handle, event: handle(event, Context())
    repeats: bool = False
    asks_aws: bool = True
    sets_aside: str = ""
    mend: Callable[["Stage"], None] = lambda _: None
    matters: Callable[[World], World] = lambda world: world
    language: str = "python"

    def __str__(self) -> str:
        return f"{self.example}-{self.name}" + ("" if self.language == "python" else f"-{self.language}")


@dataclass
class Stage:
    """A fresh deployment of a subject's example, ready for its event."""

    subject: Subject
    shop: Example
    outside: Any
    set_variable: Callable[[str, str], None]
    calls: list[tuple[str, str]] = field(default_factory=list)  # to AWS, as service and operation, or to the outside
    dies_after: int = 0
    memory: dict[str, Any] = field(default_factory=dict)  # of `before` and `delivers`
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def function(self, handler: str | None = None) -> Callable[[Any], Any]:
        """A handler (`module.name`) in a new execution environment, as Lambda would call it."""
        module, _, name = (handler or self.subject.handler).partition(".")
        for variable, value in self.subject.variables(self).items():
            self.set_variable(variable, value)
        handle = getattr(self.shop.environment(module), name)
        return lambda event: self.subject.delivers(self, handle, event)

    def call(self, event: Any, later: float = 0) -> bool:
        """Deliver an event to a new environment; whether it was taken. Reported, refused and failed are not."""
        return self._deliver(self.function(), event, later)

    def at_once(self, event: Any, environments: int = 4) -> None:
        functions = [self.function() for _ in range(environments)]
        with self.time(0), ThreadPoolExecutor(environments) as pool:
            list(pool.map(lambda function: taken(function, event), functions))

    def world(self) -> World:
        world = snapshot(self.shop.aws, self.shop.stack)
        world |= {"outside": [self.subject.heard(self.outside)], "more": [self.subject.more(self)]}
        if self.subject.repeats:
            world = {place: distinct([without_envelope(each) for each in world[place]]) for place in world}
        return self.subject.matters(world)

    @contextmanager
    def time(self, later: float) -> Iterator[None]:
        with time_machine.travel((self.subject.clock or time.time()) + later):
            yield

    def _deliver(self, function: Callable[[Any], Any], event: Any, later: float) -> bool:
        with self.time(later), self._watched():
            return taken(function, event)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Note each call that leaves the function; die once the n-th was answered, its effect done."""
        if self.shop.node:
            with self.shop.node.watched(self.dies_after) as calls:
                yield
                self.calls += calls
            return
        api, request = getattr(BaseClient, "_make_api_call"), urllib3.PoolManager.request  # noqa: B009

        def asks_aws(client: Any, operation: str, given: Any) -> Any:
            answer = api(client, operation, given)
            self._passed(client.meta.service_model.service_name, operation)
            return answer

        def asks_outside(pool: Any, *given: Any, **named: Any) -> Any:
            answer = request(pool, *given, **named)
            self._passed("", "")
            return answer

        with (
            mock.patch.object(BaseClient, "_make_api_call", asks_aws),
            mock.patch.object(urllib3.PoolManager, "request", asks_outside),
        ):
            yield

    def _passed(self, service: str, operation: str) -> None:
        with self._lock:
            self.calls.append((service, operation))
            if len(self.calls) == self.dies_after:
                raise Died


def taken(function: Callable[[Any], Any], event: Any) -> bool:
    try:
        answer = function(event)
    except (Exception, Died):
        return False
    answer = answer if isinstance(answer, dict) else {}
    return not answer.get("batchItemFailures") and answer.get("statusCode", 200) < 400 and "refused" not in answer


def distinct(records: list[Any]) -> list[Any]:
    return [record for at, record in enumerate(records) if record not in records[:at]]


def without_answers(world: World) -> World:
    """Of the records of Powertools' idempotency, prefix and state: each language hashes the key in a way of its own."""
    return {
        place: [
            {"id": each["id"].partition("#")[0], "status": each["status"]}
            if isinstance(each, dict) and {"id", "status", "expiration"} <= each.keys()
            else each
            for each in records
        ]
        for place, records in world.items()
    }


@dataclass(frozen=True)
class Reference:
    """What one undisturbed call leaves behind, what no two such calls agree on, and what the call asked for."""

    world: World
    noisy: Noise
    calls: list[tuple[str, str]]

    def missed(self, stage: Stage) -> list[str]:
        """How the world of a stage differs from it."""
        with stage.time(0):
            return [str(each) for each in differences(self.world, stage.world(), self.noisy)]

    def deaths(self) -> list[int]:
        """After how many calls to die: the first and the last of each kind."""
        first = {call: at for at, call in reversed(list(enumerate(self.calls, start=1)))}
        return sorted({*first.values(), *{call: at for at, call in enumerate(self.calls, start=1)}.values()})


def undisturbed(stage: Callable[[], Stage]) -> Reference:
    worlds = []
    for _ in range(2):
        made = stage()
        assert made.call(made.subject.event(made)), "a genuine event was not taken"
        worlds.append(made.world())
    with made.time(0):
        return Reference(worlds[0], noise(*worlds), made.calls)


def twice(stage: Stage) -> None:
    event = stage.subject.event(stage)
    assert stage.call(event)
    assert stage.call(event)


def at_once(stage: Stage) -> None:
    """In four environments; whoever lost the race may have failed, and is delivered again."""
    event = stage.subject.event(stage)
    stage.at_once(event)
    assert stage.call(event, later=stage.subject.patience)


def throttled(stage: Stage, service: str, operation: str) -> None:
    """Until the SDK gives up; then the service answers again and the event comes again."""
    event, aws = stage.subject.event(stage), stage.shop.aws
    error = THROTTLED.get(service, THROTTLING)
    before = len(aws.faulted())
    aws.fault(service=service, operation=operation, error=error, times=50)
    first = stage.call(event)
    assert len(aws.faulted()) > before, f"nothing asked {service} for {operation}"
    aws.clear_faults()
    assert stage.call(event, later=stage.subject.patience) or first
    stage.subject.mend(stage)


def dies(stage: Stage, after: int) -> None:
    """The environment is lost once the n-th call was answered; the event comes again, to another one."""
    event = stage.subject.event(stage)
    stage.dies_after = after
    assert not stage.call(event)
    stage.dies_after = 0
    assert stage.call(event, later=stage.subject.patience)
    stage.subject.mend(stage)


def refused_partly(stage: Stage) -> None:
    """One entry of each batch is refused under HTTP 200 as long as it lasts; then the event comes again."""
    event, aws = stage.subject.event(stage), stage.shop.aws
    aws.refuse_partly()
    first = stage.call(event)
    assert aws.met(), "nothing was sent in batches"
    aws.clear_faults()
    assert not first, "what was refused was taken for done"
    assert stage.call(event)


def malformed(stage: Stage) -> list[Any]:
    """Events that nobody can mean; those that were taken for good are the answer, and none may change the world."""
    return [event for event in stage.subject.malformed(stage) if stage.call(event)]
