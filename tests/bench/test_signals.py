"""Ctrl-C at any moment: the command ends quietly with 130, and nothing is left behind."""

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from trials import own, workers
from trials.report.events import Event, Step
from trials.report.terminal import Progress
from trials.search import search
from trials.workers import Pool

ROOT = Path(__file__).resolve().parents[2]
IMPORTING = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n"
TIDYING = """
import os, signal
from trials.signals import end_on_signals
end_on_signals()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGINT)
    print("tidied up")
"""


def python(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=60, check=False)


def test_while_it_imports_an_interrupt_ends_it_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "tests" / "trials").mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "run.py", tmp_path / "examples")
    (tmp_path / "tests" / "trials" / "cli.py").write_text(IMPORTING)
    ended = python(str(tmp_path / "examples" / "run.py"))

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_nothing_that_takes_its_time_is_imported_before_interrupts_are_quiet() -> None:
    text = (ROOT / "examples" / "run.py").read_text()
    before = text[: text.index("signal.signal(")]

    assert [line for line in before.splitlines() if "import" in line] == ["import os", "import signal"]


def test_a_second_interrupt_does_not_disturb_the_tidying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"))
    ended = python("-c", TIDYING)

    assert (ended.returncode, ended.stdout) == (0, "tidied up\n"), ended.stderr


def says_how_it_began(pipe: Connection, *_: Any) -> None:
    pipe.send(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def test_an_interrupt_finds_no_worker_that_still_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "work", says_how_it_began)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Pool(tmp_path, 2) as pool:
        assert [pipe.recv() for pipe in pool._pipes] == [True, True]

    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert list(tmp_path.iterdir()) == []


class NoTheatre(Exception):
    """What a worker that has begun meets here."""


@pytest.mark.parametrize("module", [workers, search])
def test_a_process_of_the_trials_leaves_interrupts_to_its_parent(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []

    def begins(*_: Any, **__: Any) -> Any:
        heard.append(signal.getsignal(signal.SIGINT))
        raise NoTheatre

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr(module, "Theatre", begins)
    monkeypatch.setattr(module, "end_with_parent", lambda: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ours, theirs = module.multiprocessing.Pipe()
    asked = (tmp_path, tmp_path, 0, (False, False), False) if module is workers else (tmp_path, tmp_path, 1, None, 0)
    try:
        with ours, theirs:
            module.work(theirs, *asked)
    except NoTheatre:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert heard == [signal.SIG_IGN]


def test_a_pool_that_is_interrupted_while_it_starts_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "work", says_how_it_began)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    begin, pool = Pool._start, Pool(tmp_path, 2)

    def interrupted(self: Pool, number: int) -> None:
        if number:
            raise KeyboardInterrupt
        begin(self, number)

    monkeypatch.setattr(Pool, "_start", interrupted)
    with pytest.raises(KeyboardInterrupt), pool:
        pass

    assert [process.is_alive() for process in pool._pipes.values()] == [False]
    assert list(tmp_path.iterdir()) == []


def test_what_a_run_has_started_is_ended_before_it_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened = []

    def events(*_: Any) -> Iterator[Event]:
        try:
            yield Step("deploying")
        finally:
            happened.append("ended")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(own, "events", events)
    monkeypatch.setattr(Progress, "take", interrupted)
    with pytest.raises(KeyboardInterrupt) as stopped:
        own.run(own.Wish(tmp_path), Console(), Console(file=io.StringIO()))

    assert stopped.traceback
    assert happened == ["ended"]
    assert os.listdir(tmp_path) == []
