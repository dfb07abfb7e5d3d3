"""Each scored task gives its good answer everything, and each bad one is marked down by the checks that it breaks."""

from pathlib import Path
from typing import Any

import pytest

from evals.scoring import CANARY, SCORED, Severity, Task, scored_tasks
from trials.local_aws import LocalAws

TASKS = scored_tasks()
BAD = [(task, name) for task in TASKS for name in task.bad]


def name_of(value: Any) -> str:
    return value.name if isinstance(value, Task) else str(value)


@pytest.mark.e2e
@pytest.mark.parametrize("task", TASKS, ids=name_of)
def test_a_good_answer_scores_everything(task: Task, aws: LocalAws, tmp_path: Path) -> None:
    score = task.score(task.good(tmp_path / "answer"), aws)

    assert score.failed == {}
    assert score.value == 1


@pytest.mark.e2e
@pytest.mark.parametrize(("task", "name"), BAD, ids=name_of)
def test_a_bad_answer_is_marked_down_for_its_own_reason(task: Task, name: str, aws: LocalAws, tmp_path: Path) -> None:
    """That no other check objects costs seven times as much: `python -m evals.bad_answers` asks them all."""
    reasons = set(task.bad[name]["fail"])

    assert set(task.failed(task.spoiled(name, tmp_path / "answer"), aws, reasons)) == reasons


@pytest.mark.e2e
@pytest.mark.parametrize("task", TASKS, ids=name_of)
def test_what_was_handed_over_is_no_answer(task: Task, aws: LocalAws, tmp_path: Path) -> None:
    task.hand_over(tmp_path)

    assert task.score(tmp_path, aws).value < 1


def test_tasks_are_whole() -> None:
    assert TASKS
    for task in TASKS:
        checks = task.checks
        assert len(task.bad) >= 4, f"{task.name} has fewer than four bad answers"
        assert len({check.name for check in checks}) == len(checks)
        assert any(check.severity is Severity.ASKED for check in checks), f"{task.name} does not look at what is asked"
        fails = {name for bad in task.bad.values() for name in bad["fail"]}
        assert {check.name for check in checks} == fails, f"no bad answer of {task.name} is there for one of its checks"


@pytest.mark.parametrize("task", TASKS, ids=name_of)
def test_a_canary_stands_where_a_task_could_be_learned(task: Task) -> None:
    found = {name for file in ("task.toml", "grader.py") for name in CANARY.findall((task.folder / file).read_text())}
    found |= set(CANARY.findall((task.folder / "good" / "CANARY").read_text()))

    assert len(found) == 1, f"one canary in {SCORED.name}/{task.name}: task.toml, grader.py and good/CANARY"


def test_canaries_differ() -> None:
    canaries = [CANARY.findall((task.folder / "task.toml").read_text())[0] for task in TASKS]

    assert len(set(canaries)) == len(canaries)
