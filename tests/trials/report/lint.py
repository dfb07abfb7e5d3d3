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
from trials.report import translation
from trials.report.events import Linted

RULES = ROOT / "tests" / "rules"


class Linting:
    """Context manager around a linter that runs while the project is tried.

    One process does all: to load the rules takes longer than to read what SAM makes of the template with them too.
    """

    def __init__(self, template: Path) -> None:
        self._template = template
        self._running: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Linting":
        self._folder = tempfile.TemporaryDirectory(prefix="lint-")
        if command := linter():
            rules = ["--append-rules", str(RULES)] if RULES.is_dir() else []
            asked = [*command, *rules, "--format", "json", "--regions", "us-east-1", "--template"]
            first = [sys.executable, "-P", translation.__file__, str(self._template), self._folder.name]
            self._running = subprocess.Popen(
                [*first, *asked], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._running:
            self._running.kill()
            self._running.communicate()
        self._folder.cleanup()

    def finish(self) -> Linted:
        """What it said; of the translation, what was not said of the template, without a line of its own."""
        if not self._running:
            return Linted(why_not="neither cfn-lint nor uv is here")
        out, err = self._running.communicate()
        try:
            matches: list[dict[str, Any]] = json.loads(out or "[]")
        except ValueError:
            return Linted(why_not=f"cfn-lint failed: {' '.join((err or out).split())[:200]}")
        if not matches and self._running.returncode:
            return Linted(why_not=f"cfn-lint failed: {' '.join(err.split())[:200]}")
        copy = Path(self._folder.name) / translation.TRANSLATED
        own = [finding(match) for match in matches if Path(match["Filename"]) != copy]
        of_copy = [finding(match) for match in matches if Path(match["Filename"]) == copy]
        new = [{**each, "line": "1"} for each in only_translated(own, of_copy)]
        return Linted([*own, *self._refused(), *new])

    def _refused(self) -> list[dict[str, str]]:
        path = Path(self._folder.name) / translation.REFUSED
        if not path.exists():
            return []
        return [{"rule": "SAM", "level": "Error", "line": "1", "message": f"SAM refuses it: {path.read_text()}"}]


def only_translated(own: list[dict[str, str]], of_copy: list[dict[str, str]]) -> list[dict[str, str]]:
    """The errors of the translation that are not errors of the template in the words of SAM."""
    known = {law_and_breach(each) for each in own}
    return [each for each in of_copy if each["level"] == "Error" and law_and_breach(each) not in known]


def law_and_breach(finding: dict[str, str]) -> tuple[str, str]:
    """What a finding says without its remedy, in which our rules name SAM's properties or CloudFormation's."""
    message = finding["message"]
    ours = finding["rule"][1:2] == "9"
    return finding["rule"], (message.rpartition(": ")[0] if ours else "") or message


def linter() -> list[str]:
    if beside := shutil.which("cfn-lint", path=str(Path(sys.executable).parent)):
        return [beside]
    uv = os.environ.get("UV") or shutil.which("uv")
    return [uv, "tool", "run", "cfn-lint"] if uv else []


def finding(match: dict[str, Any]) -> dict[str, str]:
    return {
        "rule": match["Rule"]["Id"],
        "level": match["Level"],
        "line": str(match["Location"]["Start"]["LineNumber"]),
        "message": match["Message"],
        "path": "/".join(map(str, match["Location"].get("Path") or [])),
        "link": match["Rule"].get("Source") or "",
    }
