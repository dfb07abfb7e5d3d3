"""The dependencies of functions, installed as `sam build` would and kept for the next run."""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from trials.local_aws.environment import ENVIRONMENT, uv


def packages(requirements: Path | None, extra: Sequence[str], build: Path) -> Path:
    """A folder with a function's dependencies, installed as `sam build` would, their bytecode too.

    What is made of the same releases is kept beside the environment and used again; `build` is for what can't be kept.
    """
    (more := build / "extra.txt").write_text("\n".join(extra))
    wanted = [str(path) for path in (requirements, more) if path]
    python = ["--quiet", "--python", str(ENVIRONMENT / "bin" / "python")]
    releases = uv("pip", "compile", "--no-header", "--no-annotate", *python, *wanted)
    if all(re.fullmatch(r"[\w.-]+(\[.*\])?==\S+( ;.*)?", line) for line in releases.splitlines()):
        text = releases + (requirements.read_text() if requirements else "")  # with its index, if it names one
        kept = ENVIRONMENT / "packages" / hashlib.sha256(text.encode()).hexdigest()[:16]
    else:  # a folder, an archive or a repository may change under its name
        kept = build / "packages"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        fresh = tempfile.mkdtemp(dir=kept.parent)
        try:
            files = [word for path in wanted for word in ("--requirement", path)]
            uv("pip", "install", "--compile-bytecode", *python, "--target", fresh, *files)
            with contextlib.suppress(OSError):  # another process was here first
                os.rename(fresh, kept)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return kept
