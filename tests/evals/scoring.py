"""Scored tasks: what production needs of an answer, as named checks with a weight; the score is the part that passes.

Each task is a folder of `scored` with `task.toml` (kind, prompt, bad answers), `files` (what the user hands over),
`good` (what of it a right answer changes) and `grader.py`, whose `CHECKS` look at the answer.
A `Specification` of `evals.json` is right or wrong.
"""

import re
import shutil
import tomllib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from evals.cases import tasks
from evals.harness import Grade, graded
from support.documents import ROOT
from trials.local_aws import LocalAws

SCORED = Path(__file__).resolve().parent / "scored"
CANARY = re.compile(r"canary-[0-9a-f]{8}-aws-serverless-eda")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".pytest_cache", "CANARY")


class Kind(StrEnum):
    """What is asked: a wish that names no promise, an incident, something of this year, a review, or hands off."""

    WISH = "wish"
    INCIDENT = "incident"
    NEW = "new"
    REVIEW = "review"
    LEAVE = "leave"
    SPECIFICATION = "specification"
    TRIGGER = "trigger"


class Severity(StrEnum):
    """How bad it is when a check fails; an answer that does not do what was `asked` scores nothing."""

    ASKED = "asked"
    LOSES = "loses"
    DOUBLES = "doubles"
    EXPOSES = "exposes"
    BLOCKS = "blocks"
    COSTS = "costs"
    HIDES = "hides"


WEIGHTS = {Severity.BLOCKS: 2, Severity.COSTS: 1, Severity.HIDES: 1}
HEAVIEST = 3


@dataclass(frozen=True)
class Check:
    """One property of a right answer."""

    name: str
    severity: Severity
    grade: Grade

    @property
    def weight(self) -> int:
        return WEIGHTS.get(self.severity, HEAVIEST)


class Checks(list[Check]):
    """The checks of a grader: `@checks(Severity.LOSES)` adds a function that yields complaints."""

    def __call__(self, severity: Severity) -> Callable[[Callable[[Path, LocalAws], Iterator[str]]], Grade]:
        def add(check: Callable[[Path, LocalAws], Iterator[str]]) -> Grade:
            grade = graded(check)
            self.append(Check(check.__name__, severity, grade))
            return grade

        return add


@dataclass(frozen=True)
class Score:
    """What one answer is worth, from 0 to 1, and the complaints of each check that failed."""

    value: float
    failed: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """A scored task as its folder says."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def given(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "task.toml").read_text())

    @property
    def kind(self) -> Kind:
        return Kind(self.given["kind"])

    @property
    def prompt(self) -> str:
        return str(self.given["prompt"]).strip()

    @property
    def bad(self) -> dict[str, dict[str, Any]]:
        """Answers that must not pass: which checks they `fail`, and what is changed in the good one."""
        found: dict[str, dict[str, Any]] = self.given.get("bad", {})
        return found

    @property
    def checks(self) -> Checks:
        checks: Checks = import_module(f"evals.scored.{self.name}.grader").CHECKS
        return checks

    def hand_over(self, folder: Path) -> None:
        """Copy what the user has into an empty folder."""
        if (self.folder / "files").exists():
            shutil.copytree(self.folder / "files", folder, dirs_exist_ok=True, ignore=LEFT_OUT)

    def good(self, folder: Path) -> Path:
        """The good answer, in a folder that is new."""
        folder.mkdir(parents=True)
        self.hand_over(folder)
        shutil.copytree(self.folder / "good", folder, dirs_exist_ok=True, ignore=LEFT_OUT)
        return folder

    def spoiled(self, name: str, folder: Path) -> Path:
        """The good answer with the changes of a bad one, each of which fits one place only."""
        answer = self.good(folder)
        for change in self.bad[name]["change"]:
            file = answer / change["file"]
            text = file.read_text()
            if text.count(change["old"]) != 1:
                raise ValueError(f"{self.name}, {name}: {change['old']!r} stands {text.count(change['old'])} times")
            file.write_text(text.replace(change["old"], change["new"]))
        return answer

    def failed(self, answer: Path, aws: LocalAws, names: Collection[str] | None = None) -> dict[str, list[str]]:
        """The complaints of each check that fails, of all checks or of those named."""
        asked = [check for check in self.checks if names is None or check.name in names]
        return {check.name: complaints for check in asked if (complaints := check.grade(answer, aws))}

    def score(self, answer: Path, aws: LocalAws) -> Score:
        failed = self.failed(answer, aws)
        if any(check.severity is Severity.ASKED for check in self.checks if check.name in failed):
            return Score(0.0, failed)
        whole = sum(check.weight for check in self.checks)
        return Score(1 - sum(check.weight for check in self.checks if check.name in failed) / whole, failed)


@dataclass(frozen=True)
class Specification:
    """A task of `evals.json`, which says all that its grader wants."""

    given: dict[str, Any]
    kind = Kind.SPECIFICATION

    @property
    def name(self) -> str:
        return str(self.given["id"])

    @property
    def prompt(self) -> str:
        return str(self.given["prompt"])

    def hand_over(self, folder: Path) -> None:
        for name in self.given["files"]:
            shutil.copy(ROOT / name, folder)

    def score(self, answer: Path, aws: LocalAws) -> Score:
        complaints = import_module(f"evals.{self.name}.grader").grade(answer, aws)
        return Score(0.0, {"specification": complaints}) if complaints else Score(1.0)


def scored_tasks() -> list[Task]:
    return [Task(path.parent) for path in sorted(SCORED.glob("*/task.toml"))]


def every_task() -> list[Task | Specification]:
    return [*map(Specification, tasks()), *scored_tasks()]
