"""Processes that try sources, each with a local AWS and a namespace of its own."""

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Self

from trials.local_aws import ROOT, LocalAws, LocalAwsError, namespace
from trials.local_aws.databases import KINDS, Database, connects_to
from trials.local_aws.names import Names
from trials.local_aws.outside import StandIn
from trials.local_aws.processes import end_with_parent
from trials.local_aws.scratch import scratch
from trials.project import Project, Source, read
from trials.project.layers import top
from trials.report.events import Deployed, Event, Note, SourceStarted, TrialStarted
from trials.samples import Sample
from trials.signals import interrupts_wait, leave_interrupts_to_the_parent
from trials.stage import Stage
from trials.waves import waves

AT_ONCE = min(2, os.cpu_count() or 1)
URL = "http://outside.example.test"  # what a parameter that wants an address is given


@dataclass(frozen=True)
class Task:
    source: Source
    passed_on: dict[str, Sample]


@dataclass
class Done:
    """All that a worker has to say about a source, in order."""

    events: list[Event] = field(default_factory=list)
    passed_on: dict[str, Sample] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """The worker cannot work: why."""

    why: str


class Pool:
    """Context manager around the workers of one project."""

    def __init__(self, path: Path, size: int, port: int = 0, thorough: bool = False, policy: bool = False) -> None:
        self._path, self._size, self._port = path, size, port
        self._asked = (thorough, policy)
        self._homes: list[Path] = []
        self._pipes: dict[Connection, Any] = {}

    def __enter__(self) -> "Pool":
        try:
            for number in range(self._size):
                with interrupts_wait():
                    self._start(number)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self, number: int) -> None:
        context = multiprocessing.get_context("fork")
        home = Path(tempfile.mkdtemp(prefix="local-aws-"))
        self._homes.append(home)
        ours, theirs = context.Pipe()
        port = self._port if number == 0 else 0
        asked = (theirs, self._path, home, port, self._asked, number == 0)
        process = context.Process(target=work, args=asked, daemon=True)
        process.start()
        theirs.close()
        self._pipes[ours] = process

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._pipes.values():
            if sys.platform == "linux":
                process.kill()  # the servers that it started end with it; what it would tidy up lies in its folder
            else:
                process.terminate()
            process.join(timeout=10)
        for home in self._homes:
            remove(home)

    def run(self, project: Project, sources: list[Source]) -> Iterator[Event]:
        """Every event of every source: progress as it comes, findings in the order of the sources."""
        passed_on: dict[str, Sample] = {}
        number = 0
        for group in waves(project, sources):
            todo = list(enumerate(group))
            finished: dict[int, Done] = {}
            busy: dict[Connection, int] = {}
            shown = 0
            while shown < len(group):
                idle = [pipe for pipe in self._pipes if pipe not in busy]
                for pipe in idle[: len(todo)]:
                    at, source = todo.pop(0)
                    number += 1
                    yield SourceStarted(source, number, len(sources))
                    pipe.send(Task(source, passed_on))
                    busy[pipe] = at
                for ready in wait(list(self._pipes)):
                    assert isinstance(ready, Connection)
                    said = received(ready)
                    if isinstance(said, Done):
                        finished[busy.pop(ready)] = said
                    elif isinstance(said, Failure):
                        raise LocalAwsError(said.why)
                    else:
                        yield said
                while shown in finished:
                    yield from finished[shown].events
                    shown += 1
            for at in sorted(finished):
                passed_on = {**finished[at].passed_on, **passed_on}


def remove(folder: Path, tries: int = 20) -> None:
    """Remove a folder into which processes that are just being killed may still write."""
    for _ in range(tries):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def received(pipe: Connection) -> Any:
    try:
        return pipe.recv()
    except EOFError:
        return Failure("a process of the trials ended without a word: was it killed, or is memory short?")


def work(pipe: Connection, path: Path, home: Path, port: int, asked: tuple[bool, bool], speaks: bool) -> None:
    """The life of a worker; one of them `speaks` of what is the same for all."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda caught, _: sys.exit(128 + caught))
    leave_interrupts_to_the_parent()
    end_with_parent()
    tempfile.tempdir = str(home)
    try:
        with ExitStack() as stack:
            theatre = stack.enter_context(Theatre(home, path, port))
            stage = theatre.stage(path, *asked)
            stage.fresh()
            if speaks:
                types = sorted(f"{name} ({kind})" for name, kind in stage.stack.types.items())
                pipe.send(Deployed(types, dict(stage.stack.left_out)))
                for lacking in theatre.without:
                    pipe.send(Note(lacking))
                if why := theatre.unfenced:
                    pipe.send(Note(f"your code runs unfenced, only Python's sockets are kept on this machine: {why}"))
            answer_tasks(pipe, stage)
    except LocalAwsError as error:
        pipe.send(Failure(str(error)))
    except (EOFError, BrokenPipeError):
        return
    except Exception:
        pipe.send(Failure(f"the trials themselves failed: {traceback.format_exc(limit=-3)}"))


class Theatre:
    """Context manager around all that a stage stands on, in a namespace that this process enters for good.

    `unfenced` says why it has none, `without` which databases have no stand-in.
    """

    def __init__(self, home: Path, path: Path, port: int = 0, forks: bool = False) -> None:
        """`path` is the project's, which stays in sight where `/tmp` is another folder."""
        self._home, self._port, self._forks = home, port, forks
        folder = path if path.is_dir() else path.parent
        self._folder = folder
        self.without: list[str] = []  # databases that cannot be had here, and why
        self._needed = [home, folder, ROOT, Path(sys.prefix), Path(sys.base_prefix)]

    def __enter__(self) -> Self:
        self.unfenced = namespace.enter()
        with ExitStack() as stack:
            everywhere = not self.unfenced
            self._outside = stack.enter_context(StandIn(everywhere=everywhere, home=self._home))
            if everywhere:
                stack.enter_context(Names())
            self._scratch = scratch(self._home, self._needed)
            local = LocalAws(self._port, True, self._home, self._outside.ca, self._scratch, self._forks)
            self._local = stack.enter_context(local)
            self._databases = list(self._stand_ins(stack))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _stand_ins(self, stack: ExitStack) -> Iterator[Database]:
        """The databases that the project's code names; one that cannot be had here ends no run."""
        authority, above = self._outside.authority, top(self._folder)
        for kind in KINDS:
            if authority and connects_to(kind, self._folder):
                try:
                    yield stack.enter_context(Database(kind, self._home, authority, self._folder, above))
                except LocalAwsError as error:
                    self.without.append(f"code that connects to {kind.name} meets none: {error}")

    def stage(self, path: Path, thorough: bool = False, policy: bool = False) -> Stage:
        """A stage for the project at `path`, on which nothing is deployed yet."""
        project = read(path, self._outside.url if self.unfenced else URL)
        self._outside.answers = project.supply.outside
        if not self.unfenced:  # else these ports are the machine's
            self._local.serve_extension(project.ports())
        stage = Stage(self._local, project, self._outside, thorough, policy, self._databases)
        stage.offer_roles(lambda: Stage(self._with_roles, project, self._outside, databases=self._databases))
        return stage

    @cached_property
    def _with_roles(self) -> LocalAws:
        """A local AWS without faults, which therefore enforces IAM."""
        own = self._home / "roles"
        own.mkdir()
        return self._stack.enter_context(LocalAws(home=own, outside_ca=self._outside.ca, scratch=self._scratch))


def announcing(pipe: Connection, event: TrialStarted) -> Callable[[], None]:
    """What says that a trial has begun, once: of one that is not for its source, which needs no world, nobody hears."""
    unsaid = [event]

    def say() -> None:
        while unsaid:
            pipe.send(unsaid.pop())

    return say


def answer_tasks(pipe: Connection, stage: Stage) -> None:
    from trials.bench import safely

    while True:
        task = pipe.recv()
        stage.passed_on = dict(task.passed_on)
        done = Done()
        for event in safely(stage, task.source):
            if isinstance(event, TrialStarted):
                stage.begun = announcing(pipe, event)
                if event.trial == "once":  # which always has something to tell
                    stage.begun()
            else:
                done.events.append(event)
        done.passed_on = stage.passed_on
        pipe.send(done)
