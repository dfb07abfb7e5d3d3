"""Each grader lets a good answer pass and knows each bad one by its own fault; graders run what they are given."""

import os
import shutil
import sys
import time
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from evals import harness
from evals.harness import Grade
from trials.local_aws import LocalAws

HERE = Path(__file__).resolve().parent
TASKS = sorted(path.parent.name for path in HERE.glob("*/grader.py"))
BAD: dict[str, dict[str, Any]] = {task: tomllib.loads((HERE / task / "bad.toml").read_text()) for task in TASKS}


def grader(task: str) -> Grade:
    grade: Grade = import_module(f"evals.{task}.grader").grade
    return grade


def spoiled(task: str, name: str, folder: Path) -> Path:
    """The good answer with its changes made, each of which fits one place only."""
    bad = BAD[task][name]
    answer = Path(
        shutil.copytree(HERE / task / "good", folder / "answer", ignore=shutil.ignore_patterns("__pycache__"))
    )
    file = answer / bad["file"]
    text = file.read_text()
    for old, new in bad["change"]:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {bad['file']}"
        text = text.replace(old, new)
    file.write_text(text)
    return answer


@pytest.mark.e2e
@pytest.mark.parametrize("task", TASKS)
def test_a_good_answer_passes(task: str, aws: LocalAws) -> None:
    assert grader(task)(HERE / task / "good", aws) == []


@pytest.mark.parametrize("task", TASKS)
def test_no_answer_is_no_answer(task: str, aws: LocalAws, tmp_path: Path) -> None:
    (complaint,) = grader(task)(tmp_path, aws)

    assert complaint.startswith("Missing: there is no ")


@pytest.mark.e2e
@pytest.mark.parametrize(("task", "name"), [(task, name) for task in TASKS for name in BAD[task]])
def test_a_bad_answer_fails_for_its_own_reason(task: str, name: str, aws: LocalAws, tmp_path: Path) -> None:
    found = grader(task)(spoiled(task, name, tmp_path), aws)
    wanted = BAD[task][name]["complaints"]

    assert len(found) == len(wanted), found
    for complaint, part in zip(found, wanted, strict=True):
        assert part in complaint


@pytest.mark.parametrize("task", TASKS)
def test_there_are_three_bad_answers_and_no_two_with_the_same_complaints(task: str) -> None:
    reasons = [tuple(bad["complaints"]) for bad in BAD[task].values()]

    assert len(reasons) >= 3
    assert len(set(reasons)) == len(reasons)
    assert all(reasons)


def answer(folder: Path, code: str) -> Path:
    (folder / "app.py").write_text(code)
    return folder


@harness.graded
def runs(folder: Path, aws: LocalAws) -> Iterator[str]:
    """A grader that calls the answer once."""
    with harness.environment(folder, aws, ROLE="a role") as here:
        here.load("app").handler()
    yield "the end"


STUBBORN = (
    "def handler():\n    while True:\n        try:\n            while True: pass\n        except Exception: pass\n"
)


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("def handler(): pass\n", "the end"),
        ("import os\nos.environ['NONE']\n", "KeyError: 'NONE'"),
        ("def handler(): raise ValueError('no')\n", "ValueError: no"),
        ("def handler(): exit(1)\n", "SystemExit: 1"),
        ("def handler(:\n", "SyntaxError"),
        (STUBBORN, "TooLong: not done after 0.5 s"),
    ],
)
def test_whatever_an_answer_does_is_a_complaint(
    tmp_path: Path, aws: LocalAws, monkeypatch: pytest.MonkeyPatch, code: str, complaint: str
) -> None:
    monkeypatch.setattr(harness, "LONGEST", 0.5)
    (found,) = runs(answer(tmp_path, code), aws)

    assert complaint in found


def test_an_answer_leaves_nothing_behind_and_finds_no_account(
    tmp_path: Path, aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    before = dict(os.environ), set(sys.modules), list(sys.path), time.sleep
    code = "import os\nimport beside_it\nassert not {'AWS_PROFILE', 'AWS_SESSION_TOKEN'} & os.environ.keys()\n"
    (tmp_path / "beside_it.py").write_text("")
    code += "os.environ['LEFT'] = 'x'\ndef handler():\n    import time\n    time.sleep(3600)\n"

    assert runs(answer(tmp_path, code), aws) == ["the end"]
    assert (dict(os.environ), set(sys.modules), list(sys.path), time.sleep) == before
