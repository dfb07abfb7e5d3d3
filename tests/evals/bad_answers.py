"""Ask every check about every bad answer, and print which fail that it does not name, or do not that it names.

uv run --directory tests python -m evals.bad_answers [TASK …]
"""

import sys
import tempfile
from pathlib import Path

from evals.scoring import Task, scored_tasks
from trials.local_aws import LocalAws


def differences(task: Task, name: str, aws: LocalAws, folder: Path) -> set[str]:
    """The checks about which a bad answer and the task disagree."""
    return set(task.failed(task.spoiled(name, folder), aws)) ^ set(task.bad[name]["fail"])


def main(names: list[str]) -> int:
    disagreed = 0
    with LocalAws(faults=True) as aws, tempfile.TemporaryDirectory() as folder:
        for task in scored_tasks():
            for name in task.bad if not names or task.name in names else ():
                checks = differences(task, name, aws, Path(folder) / task.name / name)
                disagreed += bool(checks)
                print(f"{task.name} | {name} | {', '.join(sorted(checks)) or 'as named'}", flush=True)  # noqa: T201
    return int(disagreed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
