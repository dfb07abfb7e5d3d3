"""What answers were worth: kept as JSON with model and date, shown as a table, their means with intervals.

Draw the picture of a file of results:  uv run --group bench --directory tests python -m evals.picture FILE
"""

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean, mean
from typing import Any

from rich.table import Table

from evals.scoring import Kind

RESAMPLES, SEED = 2000, 20261128


@dataclass(frozen=True)
class Result:
    """One answer: its score from 0 to 1, what was wrong with it, and what it cost where a session was watched."""

    case: str
    kind: str
    arm: str
    score: float
    complaints: list[str] = field(default_factory=list)
    cost: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """The results of one model on one day."""

    model: str
    date: str
    results: list[Result]

    @property
    def arms(self) -> list[str]:
        return list(dict.fromkeys(each.arm for each in self.results))

    @property
    def kinds(self) -> list[str]:
        return list(dict.fromkeys(each.kind for each in self.results))

    def scores(self, arm: str, kind: str = "") -> dict[str, float]:
        """The mean score of each case in an arm, over its runs."""
        own = [each for each in self.results if each.arm == arm and kind in ("", each.kind)]
        cases = dict.fromkeys(each.case for each in own)
        return {case: mean(each.score for each in own if each.case == case) for case in cases}


def save(run: Run, file: Path) -> None:
    file.write_text(json.dumps(asdict(run), indent=1, ensure_ascii=False) + "\n")


def load(file: Path) -> Run:
    fields = json.loads(file.read_text())
    return Run(fields["model"], fields["date"], [Result(**each) for each in fields["results"]])


def interval(scores: Sequence[float]) -> tuple[float, float]:
    """Where the mean lies in 95 of 100 resamples of the cases: the percentile bootstrap, the same each time."""
    chance = random.Random(SEED)
    means = sorted(fmean(chance.choices(scores, k=len(scores))) for _ in range(RESAMPLES))
    return means[round(RESAMPLES * 0.025)], means[round(RESAMPLES * 0.975) - 1]


def cell(scores: dict[str, float]) -> str:
    """The mean of an arm and its interval, the number of cases behind it."""
    if not scores:
        return ""
    low, high = interval(list(scores.values()))
    return f"{mean(scores.values()):.2f} ({low:.2f} to {high:.2f}, {len(scores)} cases)"


def table(run: Run) -> Table:
    """By kind and case, the mean score of each arm, and all that was wrong."""
    shown = Table("Case", *run.arms, "What was wrong", title=f"{run.model or 'no model'}, {run.date}")
    for kind in run.kinds:
        own = [each for each in run.results if each.kind == kind]
        shown.add_row(f"[bold]{kind}", *(cell(run.scores(arm, kind)) for arm in run.arms), "", end_section=False)
        for case in dict.fromkeys(each.case for each in own) if kind != Kind.TRIGGER else ():
            scores = [run.scores(arm, kind).get(case) for arm in run.arms]
            wrong = dict.fromkeys(
                f"{each.arm}: {text}" for each in own if each.case == case for text in each.complaints
            )
            cells = ["" if score is None else f"{score:.2f}" for score in scores]
            shown.add_row(case, *cells, "\n".join(wrong))
    return shown


def wrong(run: Run, case: str) -> list[str]:
    """What was wrong with the answers to a case, each once."""
    return list(
        dict.fromkeys(f"{each.arm}: {text}" for each in run.results if each.case == case for text in each.complaints)
    )
