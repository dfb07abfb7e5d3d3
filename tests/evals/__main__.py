"""Asks Claude each task and each trigger query, with the skill and without it, and grades what it did by running it.

ANTHROPIC_API_KEY=… PYTHONPATH=examples:tests uv run python -m evals [--only ID] [--runs 3] [--model NAME] [--json FILE]

Runs code that a model wrote, as you: use a machine or a container that holds nothing of yours.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.cases import SKILL, tasks, triggers
from support import bundle, node
from support.documents import ROOT
from trials.local_aws import LocalAws

ARMS = ("with", "without")
CLAUDE = [str(node.HOME / "node_modules" / ".bin" / "claude")]
TASK_TOOLS, TRIGGER_TOOLS = ["Read", "Glob", "Grep", "Skill", "Write", "Edit"], ["Skill"]


@dataclass(frozen=True)
class Result:
    """One answer: `complaints` is empty if it is right."""

    case: str
    arm: str
    model: str
    complaints: list[str]


@dataclass(frozen=True)
class Session:
    """How Claude is asked: in a home and a folder of its own, with the plugin or without."""

    command: list[str]
    plugin: Path
    model: str

    def ask(self, prompt: str, folder: Path, arm: str, tools: list[str], turns: int) -> list[dict[str, Any]]:
        """The events of the session. Raises `RuntimeError` when it failed, as without a login."""
        home = folder.parent / "home"
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLAUDE"))}
        done = subprocess.run(
            [
                *self.command,
                *("-p", prompt, "--output-format", "stream-json", "--verbose", "--strict-mcp-config"),
                *("--permission-mode", "acceptEdits", "--max-turns", str(turns), "--allowedTools", *tools),
                *(("--plugin-dir", str(self.plugin)) if arm == "with" else ()),
                *(("--model", self.model) if self.model else ()),
            ],
            cwd=folder,
            env=kept | {"HOME": str(home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
        )
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        end = events[-1] if events else {}
        if end.get("type") != "result" or (end.get("is_error") and end.get("subtype") != "error_max_turns"):
            raise RuntimeError(f"the session failed: {end.get('result') or done.stderr[-300:]}")
        return events


def model(events: list[dict[str, Any]]) -> str:
    return next((str(event["model"]) for event in events if event.get("subtype") == "init"), "")


def used_the_skill(events: list[dict[str, Any]]) -> bool:
    """Whether a session called the tool `Skill` with this one."""
    blocks = [block for event in events if event.get("type") == "assistant" for block in event["message"]["content"]]
    return any(each.get("name") == "Skill" and SKILL in json.dumps(each["input"]) for each in blocks)


def plugin(folder: Path) -> Path:
    """A copy of the plugin without the evals, so that no answer can be looked up."""
    for path in bundle.tracked():
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(("tests/evals/", "tests/node/")):
            copy = folder / SKILL / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    manifest = folder / SKILL / ".claude-plugin" / "plugin.json"
    fields = json.loads(manifest.read_text())
    fields.pop("experimental", None)
    manifest.write_text(json.dumps(fields))
    return folder / SKILL


def answered(task: dict[str, Any], session: Session, arm: str, aws: LocalAws) -> Result:
    """Ask one task in a new folder that holds its files, and run what came of it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve() / "work"
        folder.mkdir()
        for name in task["files"]:
            shutil.copy(ROOT / name, folder)
        events = session.ask(task["prompt"], folder, arm, TASK_TOOLS, turns=40)
        complaints = import_module(f"evals.{task['id']}.grader").grade(folder, aws)
    return Result(task["id"], arm, model(events), complaints)


def triggered(query: str, wanted: bool, session: Session) -> Result:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve() / "work"
        folder.mkdir()
        events = session.ask(query, folder, "with", TRIGGER_TOOLS, turns=2)
    used = used_the_skill(events)
    return Result(query, "with", model(events), [] if used == wanted else [f"{'used' if used else 'not used'}"])


def results(session: Session, only: set[str], runs: int) -> Iterator[Result]:
    """Every answer, as it comes; `only` holds ids of tasks and may hold `triggers`."""
    if not only or only - {"triggers"}:
        with LocalAws(faults=True) as aws:
            for task in tasks():
                if not only or task["id"] in only:
                    for _ in range(runs):
                        yield from (answered(task, session, arm, aws) for arm in ARMS)
    if not only or "triggers" in only:
        for each in triggers():
            for _ in range(runs):
                yield triggered(each["query"], each["should_trigger"], session)


def table(found: list[Result]) -> Table:
    """Per task, and for all trigger queries together, how many answers were right."""
    names = {task["id"] for task in tasks()}
    models = ", ".join(sorted({each.model for each in found}))
    shown = Table("Case", *ARMS, "Complaints", title=f"{models or 'no model'}, {datetime.now(UTC):%Y-%m-%d}")
    for case in dict.fromkeys(each.case if each.case in names else "triggers" for each in found):
        own = [each for each in found if (each.case if each.case in names else "triggers") == case]
        cells = []
        for arm in ARMS:
            runs = [each for each in own if each.arm == arm]
            cells.append(f"{sum(not each.complaints for each in runs)} of {len(runs)}" if runs else "")
        wrong = dict.fromkeys(f"{each.arm}: {text}" for each in own for text in each.complaints)
        shown.add_row(case, *cells, "\n".join(wrong) if case in names else "")
    return shown


def main(arguments: list[str], command: list[str] = CLAUDE) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", action="append", choices=[*(task["id"] for task in tasks()), "triggers"], default=[])
    parser.add_argument("--runs", type=int, default=1, help="answers to each question (1)")
    parser.add_argument("--model", default="", help="as `claude --model` takes it")
    parser.add_argument("--json", type=Path, help="a file for all results")
    given = parser.parse_args(arguments)
    if not os.environ.get("ANTHROPIC_API_KEY"):
        print("not run: needs a key in ANTHROPIC_API_KEY", file=sys.stderr)  # noqa: T201
        return 2
    found: list[Result] = []
    with tempfile.TemporaryDirectory() as place:
        session = Session(command, plugin(Path(place).resolve()), given.model)
        try:
            for result in results(session, set(given.only), given.runs):
                found.append(result)
                print(f"{'wrong' if result.complaints else 'right'}: {result.arm}, {result.case}", file=sys.stderr)  # noqa: T201
        finally:
            if given.json:
                given.json.write_text(json.dumps([asdict(each) for each in found], indent=2))
    Console().print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
