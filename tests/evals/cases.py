"""The case folders of `claude plugin eval`, derived from evals.json and triggers.json.

Repair after an edit of those:  uv run --directory tests python -m evals.cases
"""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from support.documents import ROOT

REPAIR = "uv run --directory tests python -m evals.cases"
HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
SKILL = "aws-serverless-eda"


def tasks() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((HERE / "evals.json").read_text())["evals"]
    return found


def triggers() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((HERE / "triggers.json").read_text())
    return found


def prompt(task: dict[str, Any]) -> str:
    """What the user says, with the files that they would have attached."""
    parts = [task["prompt"]]
    for name in task["files"]:
        path = ROOT / name
        parts.append(f"{path.name}:\n\n```{path.suffix.removeprefix('.')}\n{path.read_text().rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def page(front: dict[str, Any], body: str = "") -> str:
    return f"---\n{yaml.safe_dump(front, sort_keys=False, width=1000)}---\n\n{body}".rstrip() + "\n"


def cases() -> dict[str, str]:
    """Every file below `cases`, by path, and its text."""
    found: dict[str, str] = {}
    for task in tasks():
        folder = f"task-{task['id'].replace('_', '-')}"
        tools = ["Read", "Glob", "Grep", "Skill", "Write", "Edit"]
        found[f"{folder}/prompt.md"] = page({"tags": ["task"], "max_turns": 30, "allowed_tools": tools}, prompt(task))
        used = {"type": "tool_used", "tool": "Skill", "input_match": SKILL, "arm": "with-only"}
        found[f"{folder}/graders/skill.md"] = page(used)
        for number, assertion in enumerate(task["assertions"], 1):
            rubric = {"type": "llm", "focus": "files"}
            found[f"{folder}/graders/assertion-{number}.md"] = page(rubric, assertion)
    for number, trigger in enumerate(triggers(), 1):
        wanted = trigger["should_trigger"]
        case = {
            "schema_version": "1.0",
            "name": f"trigger-{number:02}",
            "tags": ["trigger"],
            "execution": {"prompt": trigger["query"], "max_turns": 3, "allowed_tools": ["Skill"]},
            "graders": [
                {"type": "tool_used", "name": "skill", "tool": "Skill", "input_match": SKILL}
                | ({"min": 1} if wanted else {"min": 0, "max": 0, "arm": "both"})
            ],
        }
        found[f"trigger-{number:02}/case.yaml"] = yaml.safe_dump(case, sort_keys=False, allow_unicode=True, width=1000)
    return found


def written(folder: Path = CASES) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def write() -> None:
    shutil.rmtree(CASES, ignore_errors=True)
    for name, text in cases().items():
        (CASES / name).parent.mkdir(parents=True, exist_ok=True)
        (CASES / name).write_text(text)


if __name__ == "__main__":
    write()
