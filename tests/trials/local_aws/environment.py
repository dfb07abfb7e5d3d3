"""Where the local AWS is installed, from the lock file, and how uv is called."""

import os
import shutil
from pathlib import Path

from trials.local_aws.namespace import errand

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = ROOT / ".local-aws"  # its own, because MiniStack pins another botocore than the project
ACCOUNT = "123456789012"
REGION = "us-east-1"


class LocalAwsError(Exception):
    """Something the reader can mend; the message says what and how."""


def once(installed: bool) -> str:
    """What is said of a step that downloads, while what it downloads is not here yet."""
    return "" if installed else " (this downloads it, the first time only)"


def is_installed() -> bool:
    """Whether an environment of the local AWS is here; it may still be brought up to date."""
    return (ENVIRONMENT / "compiled.lock").exists()


def install(group: str = "local-aws", folder: Path = ENVIRONMENT) -> None:
    """Create or check an environment of a group of the lock file; takes a moment the first time."""
    lock, compiled = (ROOT / "uv.lock").read_text(), folder / "compiled.lock"
    current = compiled.exists() and compiled.read_text() == lock  # to compile all anew would cost each run seconds
    packages = ["--only-group", group, *([] if current else ["--compile-bytecode"])]
    uv("sync", "--quiet", "--frozen", *packages, "--project", str(ROOT), UV_PROJECT_ENVIRONMENT=str(folder))
    if not current:
        compiled.write_text(lock)


def uv(*arguments: str, cwd: Path | None = None, **variables: str) -> str:
    """What uv prints; raises `LocalAwsError` with its own words when it fails."""
    program = os.environ.get("UV") or shutil.which("uv")
    if not program:
        raise LocalAwsError("uv is not on PATH: install it as README.md says, then run this through `uv run`")
    # Functions are unzipped without their time stamps, so their bytecode must not be checked against them.
    environment = {**os.environ, "PYC_INVALIDATION_MODE": "UNCHECKED_HASH", **variables}
    environment.pop("VIRTUAL_ENV", None)
    done = errand([program, *arguments], environment, cwd)
    if done.returncode:
        reason = " ".join(done.stderr.split())[:300]
        raise LocalAwsError(f"`uv {arguments[0]}` failed; the first run needs the network. uv says: {reason}")
    return done.stdout
