"""Sources shared out to the workers: all of them, in order, whatever their number."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trials import bench
from trials.local_aws import LocalAwsError
from trials.project import Kind, Project, Source
from trials.project.sources import Route
from trials.report.events import Event, SourceEnded, SourceStarted, TrialStarted
from trials.samples import Sample
from trials.stage import Stage
from trials.verdicts import Status
from trials.waves import waves
from trials.workers import Done, Failure, Pool, Task, answer_tasks


def project(**functions: str) -> Project:
    """Functions, each with the queue that it writes into."""
    return with_body({"Resources": {name: {"Properties": {"Q": {"Ref": q}}} for name, q in functions.items()}})


def with_body(body: dict[str, Any]) -> Project:
    made = Project.__new__(Project)
    made.body = body
    return made


def queue(name: str, function: str) -> Source:
    return Source(Kind.QUEUE, function, f"{function}.{name}", name)


def http(function: str) -> Source:
    return Source(Kind.HTTP, function, function)


def route(method: str, path: str, api: str = "Shop") -> Source:
    return Source(Kind.HTTP, "Api", f"{method} {path}", api, route=Route(method, path))


@contextmanager
def workers(number: int, answer: Any) -> Iterator[Pool]:
    pool, threads = Pool(Path(), number), []

    def serve(pipe: Connection) -> None:
        try:
            while True:
                pipe.send(answer(pipe.recv()))
        except (EOFError, OSError):
            return

    for _ in range(number):
        ours, theirs = Pipe()
        pool._pipes[ours] = None
        threads.append(threading.Thread(target=serve, args=(theirs,)))
        threads[-1].start()
    yield pool
    for pipe in pool._pipes:
        pipe.close()
    for thread in threads:
        thread.join(timeout=5)


def done(task: Any) -> Done:
    return Done([SourceEnded(task.source, Status.DELIVERED)], dict(task.passed_on))


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_every_source_is_tried_once_and_told_in_order(number: int, size: int) -> None:
    """More workers than sources are left at the end of most projects."""
    sources = [http(f"F{n}") for n in range(size)]
    with workers(number, done) as pool:
        events = list(pool.run(with_body({"Resources": {}}), sources))

    assert [each.source for each in events if isinstance(each, SourceEnded)] == sources
    assert sorted(each.number for each in events if isinstance(each, SourceStarted)) == list(range(1, size + 1))


def test_a_worker_that_cannot_work_ends_the_run_with_its_reason() -> None:
    with workers(2, lambda _: Failure("no room")) as pool:
        with pytest.raises(LocalAwsError, match="no room"):
            list(pool.run(with_body({"Resources": {}}), [http("F")]))


def test_what_a_function_passed_on_reaches_those_who_read_it() -> None:
    body = project(Api="Jobs").body
    seen: dict[str, dict[str, Sample]] = {}

    def answer(task: Any) -> Done:
        seen[task.source.function] = task.passed_on
        return Done([SourceEnded(task.source, Status.DELIVERED)], {"Jobs": Sample("passed on", "Api")})

    with workers(2, answer) as pool:
        list(pool.run(with_body(body), [queue("Jobs", "Work"), http("Api")]))

    assert (seen["Api"], seen["Work"]["Jobs"].payload) == ({}, "passed on")


def test_who_reads_a_queue_waits_for_those_who_write_into_it() -> None:
    """A circle is cut somewhere."""
    line = project(Api="Jobs", Work="Done", End="")
    sources = [queue("Done", "End"), queue("Jobs", "Work"), http("Api")]

    assert [[each.function for each in wave] for wave in waves(line, sources)] == [["Api"], ["Work"], ["End"]]

    api = project(Api="", Other="")
    routes = [route("GET", "/a/{id}"), route("POST", "/a"), route("GET", "/a"), route("GET", "/{all+}", "Else")]
    assert [[each.route.path for each in wave if each.route] for wave in waves(api, routes)] == [
        ["/a", "/a", "/{all+}"],
        ["/a/{id}"],
    ]

    circle = project(A="Q2", B="Q1")
    assert [len(wave) for wave in waves(circle, [queue("Q1", "A"), queue("Q2", "B")])] == [1, 1]


class Spoken:
    """A worker's end of a pipe that has one task and then ends."""

    def __init__(self, task: Task) -> None:
        self._tasks, self.sent = [task], list[Any]()

    def recv(self) -> Task:
        if not self._tasks:
            raise EOFError
        return self._tasks.pop()

    def send(self, said: Any) -> None:
        self.sent.append(said)


def test_a_trial_is_announced_once_and_only_if_it_really_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many end at once for a source that cannot meet their fault: such a line would have no row in the report."""

    def safely(stage: Any, source: Source) -> Iterator[Event]:
        for trial in ("once", "at its limit", "twice"):
            yield TrialStarted(source, trial)
            if trial == "twice":
                stage.begun()
                stage.begun()
        yield SourceEnded(source, Status.DELIVERED)

    monkeypatch.setattr(bench, "safely", safely)
    pipe, stage = Spoken(Task(http("F"), {})), SimpleNamespace(begun=bool, passed_on={})
    with pytest.raises(EOFError):
        answer_tasks(pipe, stage)  # type: ignore[arg-type]

    assert [said.trial for said in pipe.sent if isinstance(said, TrialStarted)] == ["once", "twice"]
    assert [type(said) for said in pipe.sent[-1].events] == [SourceEnded]


class Begun(Exception):
    """What a trial says here when it begins."""


def test_a_trial_begins_when_it_asks_for_an_empty_world() -> None:
    def says() -> None:
        raise Begun

    stage = Stage.__new__(Stage)
    stage.begun = says
    with pytest.raises(Begun):
        stage.fresh()
