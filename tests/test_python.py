"""Every Python file is formatted, linted and typed."""

import subprocess
import sys

import pytest

from support.documents import ROOT


@pytest.mark.parametrize(
    "command", ["ruff format --check .", "ruff check .", pytest.param("mypy", marks=[pytest.mark.e2e])]
)
def test_no_tool_objects(command: str) -> None:
    tool = [sys.executable, "-m", *command.split()]
    done = subprocess.run(tool, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
