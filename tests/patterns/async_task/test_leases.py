"""No worker that lives loses its job, and no job waits for one that died: with a clock and a queue that are ours."""

import importlib
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import time_machine

from support.documents import ROOT
from support.handlers import Context, Died, failed, sqs_event
from trials.template import read_template

FOLDER = ROOT / "examples" / "async_task"
RESOURCES = {name: each["Properties"] for name, each in read_template(FOLDER / "template.yaml")["Resources"].items()}
TASKS, DLQ = RESOURCES["Tasks"], RESOURCES["TasksDlq"]
NOW = 1_795_420_100
BODY = json.dumps({"job_id": "j", "month": "2026-02"})
ENDED = {"SUCCEEDED", "FAILED", "CANCELLED"}


class Table:
    """One item and DynamoDB's conditions on it; `before` is called at each call to it, `after` once it has acted."""

    def __init__(self, missed: type[Exception]) -> None:
        self.item: dict[str, Any] = {"job_id": "j", "state": "QUEUED", "customer": "ana"}
        self._missed = missed
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def holds(self, condition: str, names: dict[str, str], values: dict[str, Any]) -> bool:
        """A comparison with what is not there is false, as in DynamoDB."""

        def compared(found: re.Match[str]) -> str:
            name, sign, operand = found.groups()
            left, right = self.item.get(names.get(name, name)), values[operand]
            return str(left is not None and (left == right if sign == "=" else left < right))

        def listed(found: re.Match[str]) -> str:
            name, operands = found.groups()
            return str(self.item.get(names.get(name, name)) in [values[each] for each in operands.split(", ")])

        def exists(found: re.Match[str]) -> str:
            return str(found[1] in self.item)

        text = re.sub(r"([#\w]+) IN \(([^)]+)\)", listed, condition)
        text = re.sub(r"([#\w]+) (=|<) (:\w+)", compared, text)
        text = re.sub(r"attribute_exists\((\w+)\)", exists, text)
        assert re.fullmatch(r"(True|False|AND|OR|[() ])+", text), text
        return bool(eval(text.replace("AND", "and").replace("OR", "or")))  # noqa: S307

    def update_item(self, **request: Any) -> None:
        self.before()
        names = request["ExpressionAttributeNames"]
        values = request["ExpressionAttributeValues"]
        if not self.holds(request["ConditionExpression"], names, values):
            raise self._missed({}, "UpdateItem")
        for name, value in re.findall(r"(#\w+) = (:\w+)", request["UpdateExpression"]):
            self.item[names[name]] = values[value]
        self.after()

    def get_item(self, **_: Any) -> dict[str, Any]:
        self.before()
        return {"Item": dict(self.item)}


class Queue:
    """SQS's rules for the two queues of the template, and Lambda's for what the functions answer."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.messages: dict[str, dict[str, Any]] = {}

    def send(self, message: str) -> None:
        self.messages[message] = {"at": "Tasks", "visible": self._world.now, "receives": 0}

    def change_message_visibility(self, **request: Any) -> None:
        assert request["QueueUrl"] == "tasks"
        self.messages[request["ReceiptHandle"]]["visible"] = self._world.now + request["VisibilityTimeout"]

    def deliver(self) -> None:
        for name in [name for name, each in self.messages.items() if each["visible"] <= self._world.now]:
            self.receive(name)

    def receive(self, name: str) -> None:
        message = self.messages[name]
        queue, function = (TASKS, "worker") if message["at"] == "Tasks" else (DLQ, "give_up")
        if message["receives"] == queue["RedrivePolicy"]["maxReceiveCount"]:
            message |= {"at": "TasksDlq" if message["at"] == "Tasks" else "Unread", "receives": 0}
            if message["at"] == "Unread":
                message["visible"] = float("inf")
            return
        message["receives"] += 1
        message["visible"] = self._world.now + queue["VisibilityTimeout"]
        with suppress(Died):
            if name not in self._world.call(function, name, message["receives"]):
                self.messages.pop(name, None)


class World:
    """The modules of the example, a table, a queue, and a clock that only the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller) -> None:
        self._clock = clock
        variables = {"JOBS_TABLE": "jobs", "SALES_URL": "http://sales", "RESULTS_BUCKET": "results"}
        for name, value in {**variables, "TASKS_URL": "tasks", "AWS_DEFAULT_REGION": "us-east-1"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.syspath_prepend(str(FOLDER))
        for name in ("jobs", "worker", "give_up"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        loaded = {name: importlib.import_module(name) for name in ("jobs", "worker", "give_up")}
        self.modules: dict[str, ModuleType] = loaded
        self.table, self.queue, self.sales = Table(loaded["jobs"].Missed), Queue(self), Sales()
        monkeypatch.setattr(loaded["jobs"], "dynamodb", self.table)
        monkeypatch.setattr(self.modules["worker"], "sqs", self.queue)
        monkeypatch.setattr(self.modules["worker"], "sales", self.sales)
        monkeypatch.setattr(self.modules["worker"], "s3", SimpleNamespace(put_object=lambda **_: None))

    @property
    def now(self) -> float:
        return time.time()

    @now.setter
    def now(self, moment: float) -> None:
        self._clock.move_to(moment, tick=False)

    @property
    def state(self) -> str:
        return str(self.table.item["state"])

    def call(self, function: str, message: str, receives: int = 1) -> list[str]:
        """The messages that this function, given one, does not report as done."""
        event = sqs_event(BODY, receives=receives, handles=[message])
        event["Records"][0]["messageId"] = message
        return failed(self.modules[function].handler(event, Context()))

    def pass_time(self, seconds: int, step: int = 30) -> None:
        for _ in range(0, seconds, step):
            self.now += step
            self.queue.deliver()


class Sales:
    """Another request for each day of the month; `during` happens in it."""

    def __init__(self) -> None:
        self.during: Callable[[], None] = lambda: None
        self.status = 200

    def request(self, *_: str) -> SimpleNamespace:
        self.during()
        return SimpleNamespace(status=self.status, json=lambda: {"orders": 1})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield World(monkeypatch, clock)


def in_its_ninth_day(world: World, act: Callable[[], None]) -> Callable[[], None]:
    """Each day takes 8 s of a job; its first worker does `act` in the ninth."""
    days = iter(range(1, 29))

    def during() -> None:
        if (day := next(days, None)) is None:
            return
        world.now += 8
        if day == 9:
            act()
        world.queue.deliver()

    return during


@pytest.mark.parametrize("again", ["the same message", "another message"])
def test_a_healthy_job_of_four_minutes_outlasts_its_duplicate(world: World, again: str) -> None:
    world.queue.send("m-1")
    if again == "another message":
        world.queue.send("m-2")
        world.queue.messages["m-2"]["visible"] += 1

    def deliver_again() -> None:
        if again == "the same message":
            world.queue.receive("m-1")

    world.sales.during = in_its_ninth_day(world, deliver_again)
    world.queue.receive("m-1")

    assert world.state == "SUCCEEDED"
    world.pass_time(2 * 3600)
    assert world.queue.messages == {}
    assert "reason" not in world.table.item


@pytest.mark.parametrize("again", ["no duplicate", "the same message", "another message"])
@pytest.mark.parametrize("day", [1, 9, 28])
def test_a_job_whose_worker_died_is_done_whatever_was_acknowledged_before(world: World, again: str, day: int) -> None:
    world.queue.send("m-1")
    if again == "another message":
        world.queue.send("m-2")
        world.queue.messages["m-2"]["visible"] += 1
    days = iter(range(1, 100))

    def during() -> None:
        today = next(days)
        if today < 29:
            world.now += 8
        if today == 1 and again == "the same message":
            world.queue.receive("m-1")
        world.queue.deliver()
        if today == day:
            raise Died

    world.sales.during = during
    world.queue.receive("m-1")
    assert world.state == "RUNNING"

    world.pass_time(2 * 3600)
    assert world.state == "SUCCEEDED"
    assert world.queue.messages == {}


@pytest.mark.parametrize("end", ["fails", "dies"])
def test_a_job_that_nobody_can_do_is_failed_in_the_end(world: World, end: str) -> None:
    def during() -> None:
        if end == "dies":
            raise Died

    world.sales.during, world.sales.status = during, 503
    world.queue.send("m-1")
    world.queue.send("m-2")

    world.pass_time(3 * 3600)
    assert world.state == "FAILED"
    assert world.queue.messages == {}


def test_a_dead_letter_of_a_job_at_work_waits_until_its_worker_ends_or_dies(world: World) -> None:
    world.table.item |= {"state": "RUNNING", "lease": NOW + 60, "worker": "w", "message": "m-2"}
    assert world.call("give_up", "m-1") == ["m-1"]
    assert world.state == "RUNNING"

    world.now += 61
    assert world.call("give_up", "m-1") == []
    assert world.state == "FAILED"


def test_the_dlq_looks_until_any_worker_has_ended_or_lost_its_lease(world: World) -> None:
    longest = RESOURCES["Work"]["Timeout"] + world.modules["jobs"].LEASE

    assert (DLQ["RedrivePolicy"]["maxReceiveCount"] - 1) * DLQ["VisibilityTimeout"] > longest
    assert TASKS["VisibilityTimeout"] > longest


def test_a_claim_whose_answer_was_lost_is_not_somebody_elses(world: World) -> None:
    """The SDK asks a second time, and the first has been granted."""
    claim = world.modules["jobs"].claim
    assert [claim("j", "w-1", "m-1"), claim("j", "w-1", "m-1"), claim("j", "w-2", "m-2")] == [True, True, False]


class Turns:
    """Runs actors in threads that stop before each call to the table, in every order that there is."""

    def __init__(self, world: World, actors: dict[str, Callable[[], Any]]) -> None:
        self._main, self._waiting = threading.Semaphore(0), {name: threading.Semaphore(0) for name in actors}
        self.answers: dict[str, Any] = {}
        self._running = dict(actors)
        world.table.before = self._stop
        for name, act in actors.items():
            threading.Thread(target=self._run, args=(name, act), name=name, daemon=True).start()
            self._main.acquire()

    def _run(self, name: str, act: Callable[[], Any]) -> None:
        try:
            self.answers[name] = act()
        except Died:
            self.answers[name] = "died"
        del self._running[name]
        self._main.release()

    def _stop(self) -> None:
        self._main.release()
        self._waiting[threading.current_thread().name].acquire()

    def play(self, wanted: list[int]) -> list[int]:
        """The choices made, with the last of them that has an alternative increased: what to want next."""
        made: list[tuple[int, int]] = []
        while self._running:
            names = sorted(self._running)
            choice = wanted[len(made)] if len(made) < len(wanted) else 0
            made.append((choice, len(names)))
            self._waiting[names[choice]].release()
            self._main.acquire()
        while made and made[-1][0] + 1 == made[-1][1]:
            made.pop()
        return [*(choice for choice, _ in made[:-1]), made[-1][0] + 1] if made else []


def every_order(world: World, actors: Callable[[], dict[str, Callable[[], Any]]]) -> Iterator[dict[str, Any]]:
    """The answers of the actors, once for each order of their calls to the table."""
    wanted: list[int] = []
    while True:
        world.now = NOW
        world.table.item = {"job_id": "j", "state": "QUEUED", "customer": "ana"}
        turns = Turns(world, actors())
        wanted = turns.play(wanted)
        world.table.before = lambda: None
        yield turns.answers
        if not wanted:
            return


@pytest.mark.e2e
@pytest.mark.parametrize("duplicate", ["m-1", "m-2"])
@pytest.mark.parametrize("dies_after", [0, 1, 2, 3], ids=lambda calls: f"dies after {calls}" if calls else "lives")
def test_in_every_order_of_worker_duplicate_and_giving_up_the_job_ends_and_no_live_one_is_robbed(
    world: World, monkeypatch: pytest.MonkeyPatch, duplicate: str, dies_after: int
) -> None:
    monkeypatch.setattr(world.modules["worker"], "monthrange", lambda *_: (0, 1))  # claim, a day, done

    def actors() -> dict[str, Callable[[], Any]]:
        granted = [0]

        def count() -> None:
            granted[0] += threading.current_thread().name == "worker"
            if granted[0] == dies_after and threading.current_thread().name == "worker":
                raise Died

        world.table.after = count
        return {
            "worker": lambda: world.call("worker", "m-1"),
            "duplicate": lambda: world.call("worker", duplicate),
            "give up": lambda: world.call("give_up", "m-0"),
        }

    orders = 0
    for answers in every_order(world, actors):
        orders += 1
        begun = "message" in world.table.item
        assert begun or world.state == "FAILED"
        if world.state == "FAILED":
            assert not begun, "a live worker was robbed"
        if "died" not in answers.values():
            assert world.state in ENDED

        world.table.after, world.now = lambda: None, NOW + 61
        kept = messages_left(answers, duplicate)
        if world.state == "RUNNING":
            assert world.table.item["message"] in kept, "nothing brings it back"
        for message in sorted(kept):
            assert world.call("give_up" if message == "m-0" else "worker", message, receives=2) == []
        assert world.state in ENDED
    assert orders > 20


def messages_left(answers: dict[str, Any], duplicate: str) -> set[str]:
    """One delivery that is answered as done deletes the message, whatever another delivery of it answers."""
    of = {"worker": "m-1", "duplicate": duplicate, "give up": "m-0"}
    return set(of.values()) - {of[name] for name, answer in answers.items() if answer == []}
