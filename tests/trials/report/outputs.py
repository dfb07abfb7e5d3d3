"""The files that a run leaves for other programs, and what it tells GitHub."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from trials.report.annotations import annotations
from trials.report.junit import junit
from trials.report.markdown import markdown
from trials.report.page import page
from trials.report.result import Result
from trials.report.sarif import sarif

FORMATS: dict[str, Callable[[Result], str]] = {  # by the option that asks for it
    "sarif": sarif,
    "junit": junit,
    "markdown": markdown,
    "html": page,
}


def write_files(result: Result, files: dict[str, Path]) -> None:
    """Write each format that was asked for, whatever happened."""
    for name, file in files.items():
        file.write_text(FORMATS[name](result), encoding="utf-8")


def annotate(result: Result) -> None:
    """In a workflow of GitHub Actions, on the error stream, where they spoil no JSON: GitHub reads both."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in annotations(result):
            sys.stderr.write(f"{line}\n")


def unwritable(file: Path) -> str:
    """Why a file cannot be written, told before hours of work; empty if it can."""
    if file.is_dir():
        return f"{file} is a folder: name a file"
    if not file.absolute().parent.is_dir():
        return f"there is no folder {file.absolute().parent}: make it, or name a file elsewhere"
    return "" if os.access(file if file.exists() else file.absolute().parent, os.W_OK) else f"{file} may not be written"
