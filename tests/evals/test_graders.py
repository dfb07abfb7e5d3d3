"""Each grader lets a good answer pass and knows each bad one by its own fault; graders run what they are given."""

import shutil
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from evals.harness import Grade
from local_aws import LocalAws

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


@pytest.mark.parametrize("task", TASKS)
def test_a_good_answer_passes(task: str, aws: LocalAws) -> None:
    assert grader(task)(HERE / task / "good", aws) == []


@pytest.mark.parametrize("task", TASKS)
def test_no_answer_is_no_answer(task: str, aws: LocalAws, tmp_path: Path) -> None:
    (complaint,) = grader(task)(tmp_path, aws)

    assert complaint.startswith("Missing: there is no ")


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
