"""What cfn-lint and the rules of this repository say of a template, and of what SAM makes of it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from trials.local_aws import ROOT
from trials.report.events import Linted
from trials.template import TemplateError, read_template
from trials.template.sam import is_sam, translated

RULES = ROOT / "tests" / "rules"


class Linting:
    """Context manager around linters that run while the project is tried."""

    def __init__(self, template: Path) -> None:
        self._template = template
        self._refused: dict[str, str] | None = None
        self._running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> "Linting":
        self._folder = tempfile.TemporaryDirectory(prefix="lint-")
        if command := linter():
            self._begin(command, self._template)
            self._begin_translated(command)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.kill()
            process.communicate()
        self._folder.cleanup()

    def _begin(self, command: list[str], template: Path) -> None:
        rules = ["--append-rules", str(RULES)] if RULES.is_dir() else []
        asked = [*command, *rules, "--format", "json", "--regions", "us-east-1", "--template", str(template)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._running.append(subprocess.Popen(asked, text=True, **pipes))  # type: ignore[call-overload]

    def _begin_translated(self, command: list[str]) -> None:
        try:
            template = read_template(self._template)
            if is_sam(template):
                copy = Path(self._folder.name) / "translated.json"
                copy.write_text(json.dumps(translated(template)))
                self._begin(command, copy)
        except TemplateError as error:
            self._refused = {"rule": "SAM", "level": "Error", "line": "1", "message": f"SAM refuses it: {error}"}

    def finish(self) -> Linted:
        """What they said; of the translation, what was not said of the template, without a line of its own."""
        if not self._running:
            return Linted(why_not="neither cfn-lint nor uv is here")
        said = [outcome(process) for process in self._running]
        first = said[0]
        known = {(each["rule"], each["message"]) for each in first.findings}
        more = [each for later in said[1:] for each in later.findings if each["level"] == "Error"]
        more = [{**each, "line": "1"} for each in more if (each["rule"], each["message"]) not in known]
        refused = [self._refused] if self._refused else []
        return Linted([*first.findings, *refused, *more], first.why_not)


def linter() -> list[str]:
    if beside := shutil.which("cfn-lint", path=str(Path(sys.executable).parent)):
        return [beside]
    uv = os.environ.get("UV") or shutil.which("uv")
    return [uv, "tool", "run", "cfn-lint"] if uv else []


def outcome(process: "subprocess.Popen[str]") -> Linted:
    out, err = process.communicate()
    try:
        found: list[dict[str, Any]] = json.loads(out or "[]")
    except ValueError:
        return Linted(why_not=f"cfn-lint failed: {' '.join((err or out).split())[:200]}")
    if not found and process.returncode:
        return Linted(why_not=f"cfn-lint failed: {' '.join(err.split())[:200]}")
    return Linted([finding(each) for each in found])


def finding(match: dict[str, Any]) -> dict[str, str]:
    return {
        "rule": match["Rule"]["Id"],
        "level": match["Level"],
        "line": str(match["Location"]["Start"]["LineNumber"]),
        "message": match["Message"],
        "path": "/".join(map(str, match["Location"].get("Path") or [])),
        "link": match["Rule"].get("Source") or "",
    }
