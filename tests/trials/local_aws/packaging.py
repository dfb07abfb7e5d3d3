"""The dependencies of functions, installed as `sam build` would and kept for the next run."""

import codecs
import contextlib
import functools
import hashlib
import os
import re
import shutil
import tempfile
import tomllib
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
        name = requirements.name if requirements else "packages"
        raise PackagingError(f"its {name} cannot be installed: {error}") from error


def asked_for(source: Path) -> tuple[Path | None, list[str]]:
    """A function's requirements file, else what the `pyproject.toml` beside its code or above it needs."""
    if (requirements := source / "requirements.txt").exists():
        return requirements, []
    for folder in (source, source.resolve().parent):
        with contextlib.suppress(OSError, tomllib.TOMLDecodeError):
            project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
            return None, [str(each) for each in project.get("dependencies", [])]
    return None, []


DURABLE_SDK = "aws-durable-execution-sdk-python"
WITH_SDK = ("python3.13", "python3.14")  # runtimes that bring it
PIP = re.compile(rb"^\s*(?:import|from)\s+pip\b", re.MULTILINE)


@functools.cache
def brought(source: Path, runtime: str) -> tuple[str, ...]:
    """The packages that Lambda's own Python holds beside boto3, of those that a function's code imports.

    pip installs into /tmp, if it can.
    """
    own = sorted(source.glob("*.py")) if source.is_dir() else []
    pip = any(PIP.search(path.read_bytes()) for path in own if path.is_file())
    module = DURABLE_SDK.replace("-", "_").encode()
    durable = runtime in WITH_SDK and any(module in path.read_bytes() for path in source.rglob("*.py"))
    return (*(["pip"] if pip else []), *([DURABLE_SDK] if durable else []))


def named_in(requirements: Path) -> str:
    """The text of a requirements file, in UTF-8 or as PowerShell writes it."""
    raw = requirements.read_bytes()
    utf_16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return "\n".join(raw.decode("utf-16" if utf_16 else "utf-8-sig", errors="replace").splitlines())


UPWARDS = 4  # folders above that of a requirements file in which a relative path may be meant
RELATIVE = re.compile(
    r"^([ \t]*(?:(?:-e|--editable)[ \t=]*)?)(\.{1,2}(?:/[^\s\[]*)?)((?:\[.*?\])?(?:[ \t].*)?)$", re.MULTILINE
)
NO_SOURCE = shutil.ignore_patterns(".venv", "node_modules", ".aws-sam", "cdk.out", "__pycache__")


def with_places(requirements: Path, build: Path) -> str:
    """The text of a requirements file with its relative paths made whole.

    `sam build` runs pip beside the file, a build of one's own often beside the template or above: the first that is
    there counts. A folder is copied below `build`, for its build backend writes into it.
    """
    own, *above = list(requirements.resolve().parents)[: UPWARDS + 1]

    def whole(line: re.Match[str]) -> str:
        there = next((path for folder in (own, *above) if (path := folder / line[2]).exists()), None)
        if there and there.is_dir():
            copies = Path(tempfile.mkdtemp(dir=build))
            there = shutil.copytree(there, copies / there.resolve().name, ignore=NO_SOURCE, symlinks=True)
        return f"{line[1]}{there.resolve()}{line[3]}" if there else line[0]

    return RELATIVE.sub(whole, named_in(requirements))


def install(requirements: Path | None, extra: Sequence[str], build: Path) -> Path:
    """A folder with a function's dependencies, installed as `sam build` would, their bytecode too.

    What is made of the same releases is kept beside the environment and used again; `build` is for what can't be kept.
    """
    (more := build / "extra.txt").write_text("\n".join(extra))
    # What the file names with `-r` is meant from its own folder, where `sam build` runs pip too.
    place = ["--directory", str(requirements.parent.resolve())] if requirements else []
    if requirements and (text := with_places(requirements, build)) != named_in(requirements):
        (requirements := build / "requirements.txt").write_text(text)
    wanted = [str(path.resolve()) for path in (requirements, more) if path]
    python = [*place, "--quiet", "--python", str(ENVIRONMENT / "bin" / "python")]
    releases = uv("pip", "compile", "--no-header", "--no-annotate", *python, *wanted)
    if all(re.fullmatch(r"[\w.-]+(\[.*\])?==\S+( ;.*)?", line) for line in releases.splitlines()):
        text = releases + (named_in(requirements) if requirements else "")  # with its index, if it names one
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
