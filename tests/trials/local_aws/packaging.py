"""The dependencies of functions, installed as `sam build` would and kept for the next run."""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from trials.local_aws.environment import ENVIRONMENT, LocalAwsError, uv


class PackagingError(LocalAwsError):
    """The packages of one function cannot be had; the message holds uv's own words."""


def packages(requirements: Path | None, extra: Sequence[str], build: Path) -> Path:
    """A folder with a function's dependencies; raises `PackagingError` if they cannot be had."""
    try:
        return install(requirements, extra, build)
    except LocalAwsError as error:
        if not requirements:
            raise
        raise PackagingError(f"its {requirements.name} cannot be installed: {error}") from error


def install(requirements: Path | None, extra: Sequence[str], build: Path) -> Path:
    """A folder with a function's dependencies, installed as `sam build` would, their bytecode too.

    What is made of the same releases is kept beside the environment and used again; `build` is for what can't be kept.
    """
    (more := build / "extra.txt").write_text("\n".join(extra))
    wanted = [str(path.resolve()) for path in (requirements, more) if path]
    # A relative path in the file is meant from its own folder, where `sam build` runs pip too.
    place = ["--directory", str(requirements.parent.resolve())] if requirements else []
    python = [*place, "--quiet", "--python", str(ENVIRONMENT / "bin" / "python")]
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
