"""What cfn-lint and the rules of this repository say of a template."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from trials.local_aws import ROOT
from trials.report.events import Linted

RULES = ROOT / "tests" / "rules"


def lint(template: Path) -> Linted:
    """What cfn-lint and the rules of this repository say, or why they were not asked."""
    if beside := shutil.which("cfn-lint", path=str(Path(sys.executable).parent)):
        command = [beside]
    elif uv := os.environ.get("UV") or shutil.which("uv"):
        command = [uv, "tool", "run", "cfn-lint"]
    else:
        return Linted(why_not="neither cfn-lint nor uv is here")
    rules = ["--append-rules", str(RULES)] if RULES.is_dir() else []
    done = subprocess.run(
        [*command, *rules, "--format", "json", "--regions", "us-east-1", "--template", str(template)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    except ValueError:
        return Linted(why_not=f"cfn-lint failed: {' '.join((done.stderr or done.stdout).split())[:200]}")
    if not found and done.returncode:
        return Linted(why_not=f"cfn-lint failed: {' '.join(done.stderr.split())[:200]}")
    return Linted(
        [
            {
                "rule": each["Rule"]["Id"],
                "level": each["Level"],
                "line": str(each["Location"]["Start"]["LineNumber"]),
                "message": each["Message"],
            }
            for each in found
        ]
    )
