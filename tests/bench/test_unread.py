"""A function that nothing in its template calls, and that reads nothing of its event, knows no repeats."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trials.faults.repeats import told
from trials.project import Kind, Source
from trials.project.unread import reads_nothing
from trials.verdicts import Promise, Verdict, broken

DOUBLED = broken(Promise.DOUBLED, "table Users: 1 more")


@pytest.mark.parametrize(
    ("runtime", "code", "nothing"),
    [
        ("python3.14", "def handler(event, context):\n    write()\n", True),
        ("python3.14", "def handler(event, context):\n    # event is not used\n    write()\n", True),
        ("python3.14", "def handler(event, context):\n    write(event)\n", False),
        ("python3.14", "def handler(given, context):\n    write(given['id'])\n", False),
        ("python3.14", "handler = wrapped(other)\n", False),
        ("nodejs24.x", "export const handler = async (event: any) => { await write() }\n", True),
        ("nodejs24.x", "exports.handler = async () => { await write() }\n", True),
        ("nodejs24.x", "export async function handler(event) { await write(event.id) }\n", False),
        ("nodejs24.x", "export const handler: Handler = async (event) => write(JSON.stringify(event))\n", False),
    ],
)
def test_an_event_is_read_wherever_its_name_stands_again(
    tmp_path: Path, runtime: str, code: str, nothing: bool
) -> None:
    (tmp_path / ("app.py" if runtime.startswith("python") else "app.mjs")).write_text(code)

    assert reads_nothing(tmp_path, "app.handler", runtime) is nothing


@pytest.mark.parametrize(
    ("kind", "code", "verdict"),
    [
        (Kind.DIRECT, "def handler(event, context):\n    write()\n", Verdict.UNPROVED),
        (Kind.DIRECT, "def handler(event, context):\n    write(event)\n", Verdict.BROKEN),
        (Kind.QUEUE, "def handler(event, context):\n    write()\n", Verdict.BROKEN),
    ],
)
def test_nothing_is_doubled_where_nobody_could_tell_a_repeat(
    tmp_path: Path, kind: Kind, code: str, verdict: Verdict
) -> None:
    (tmp_path / "app.py").write_text(code)
    project = SimpleNamespace(written=lambda _: (tmp_path, "app.handler", "python3.14"))
    stage: Any = SimpleNamespace(project=project)

    assert told(stage, Source(kind, "Work", "Work"), DOUBLED).verdict is verdict
