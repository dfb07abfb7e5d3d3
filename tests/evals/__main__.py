"""Asks Claude each task and each trigger query in every arm, or grades answers that exist, by running what was written.

ANTHROPIC_API_KEY=… PYTHONPATH=examples:tests uv run python -m evals [--arm none|ours|PATH] [--only ID] [--runs 3]
PYTHONPATH=examples:tests uv run python -m evals --answers DIR

Runs code that a model wrote, as you: use a machine or a container that holds nothing of yours.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from evals.arms import CLAUDE, NONE, OURS, Arm, ArmError, Session, Transcript, arms
from evals.cases import triggers
from evals.results import Result, Run, save, table
from evals.scoring import Kind, Specification, Task, every_task
from trials.local_aws import LocalAws

TASK_TOOLS, TRIGGER_TOOLS = ["Read", "Glob", "Grep", "Skill", "Write", "Edit"], ["Skill"]


def graded(task: Task | Specification, answer: Path, arm: str, aws: LocalAws, cost: dict[str, Any]) -> Result:
    score = task.score(answer, aws)
    complaints = [f"{name}: {text}" for name, texts in score.failed.items() for text in texts]
    return Result(task.name, task.kind, arm, score.value, complaints, cost)


def answered(task: Task | Specification, session: Session, arm: Arm, aws: LocalAws) -> tuple[Result, Transcript]:
    """Ask one task in a new folder that holds its files, and run what came of it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve() / "work"
        folder.mkdir()
        task.hand_over(folder)
        told = session.ask(task.prompt, folder, arm, TASK_TOOLS, turns=40)
        return graded(task, folder, arm.name, aws, told.cost), told


def triggered(query: str, wanted: bool, session: Session, arm: Arm) -> tuple[Result, Transcript]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve() / "work"
        folder.mkdir()
        told = session.ask(query, folder, arm, TRIGGER_TOOLS, turns=2)
    right = told.used_the_skill == wanted
    complaints = [] if right else ["used" if told.used_the_skill else "not used"]
    return Result(query, Kind.TRIGGER, arm.name, float(right), complaints, told.cost), told


def asked(session: Session, wanted: list[Arm], only: set[str], runs: int) -> Iterator[tuple[Result, Transcript]]:
    """Every answer, as it comes; `only` holds ids of tasks and may hold `triggers`."""
    if not only or only - {"triggers"}:
        with LocalAws(faults=True) as aws:
            for task in every_task():
                if not only or task.name in only:
                    for _ in range(runs):
                        yield from (answered(task, session, arm, aws) for arm in wanted)
    if not only or "triggers" in only:
        for each in triggers():
            for arm in wanted:
                if arm.name == OURS:
                    yield from (triggered(each["query"], each["should_trigger"], session, arm) for _ in range(runs))


def recorded(folder: Path, only: set[str]) -> Iterator[Result]:
    """Grades the answers in `folder`, each in ARM/TASK. Raises `ArmError` if there are none."""
    by_id = {task.name: task for task in every_task()}
    found = [path for path in sorted(folder.glob("*/*")) if path.is_dir() and path.name in by_id]
    if not found:
        raise ArmError(f"{folder} holds no answers: they are expected as ARM/TASK, TASK one of {', '.join(by_id)}")
    with LocalAws(faults=True) as aws:
        for path in found:
            if not only or path.name in only:
                yield graded(by_id[path.name], path.resolve(), path.parent.name, aws, {})


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    names = [*(task.name for task in every_task()), "triggers"]
    parser.add_argument("--arm", action="append", default=[], help="none, ours, or a skill's folder (none and ours)")
    parser.add_argument("--only", action="append", choices=names, default=[], metavar="ID")
    parser.add_argument("--runs", type=int, default=1, help="answers to each question (1)")
    parser.add_argument("--model", default="", help="as `claude --model` takes it; of answers, who wrote them")
    parser.add_argument("--answers", type=Path, metavar="DIR", help="grade what lies there as ARM/TASK; asks nobody")
    parser.add_argument("--date", default=f"{datetime.now(UTC):%Y-%m-%d}", help="when answers were written (today)")
    parser.add_argument("--json", type=Path, help="a file for all results")
    return parser.parse_args(arguments)


def main(arguments: list[str], command: list[str] = CLAUDE) -> int:
    given = parsed(arguments)
    if not given.answers and not os.environ.get("ANTHROPIC_API_KEY"):
        print("not run: needs a key in ANTHROPIC_API_KEY", file=sys.stderr)  # noqa: T201
        return 2
    only, model = set(given.only), given.model
    found: list[Result] = []
    with tempfile.TemporaryDirectory() as place:
        try:
            if given.answers:
                for result in recorded(given.answers, only):
                    found.append(told(result))
            else:
                wanted = arms(given.arm or [NONE, OURS], Path(place).resolve())
                for result, transcript in asked(Session(command, model), wanted, only, given.runs):
                    found.append(told(result))
                    model = transcript.model or model
        except ArmError as error:
            print(f"not run: {error}", file=sys.stderr)  # noqa: T201
            return 2
        finally:
            run = Run(model, given.date, found)
            if given.json and found:
                save(run, given.json)
    Console().print(table(run))
    return 0


def told(result: Result) -> Result:
    print(f"{result.score:.2f}: {result.arm}, {result.case}", file=sys.stderr)  # noqa: T201
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
