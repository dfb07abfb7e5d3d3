"""Code and layers that a project's own Makefile makes, as `sam build` has it do with `BuildMethod: makefile`.

A recipe may do anything, with the network and as whoever runs the trials; so none is run. `make -n` tells its commands,
and those that only copy, or install packages, are done here; any other is named.
"""

import glob
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from trials.local_aws import javascript
from trials.local_aws.packaging import PackagingError, packages

RUNS_ALONE = re.compile(r"\$[({]shell\b|!=|^-?include\b|^\t\s*[-@]*\+|\$[({]MAKE[)}]|`", re.MULTILINE)
PLACE = "/trials-artifacts"  # stands for the folder of what is made
SILENT = ("echo", "printf", "true", ":", "export", "chmod", "ls")
PIP = re.compile(r"^(?:(?:\S*/)?python3?(?:\.\d+)? -m )?(?:\S*/)?(?:uv )?pip3?(?:\.\d+)? install ")


def made(source: Path, name: str, work: Path) -> Path:
    """A folder with what the rule for a resource makes of `source`; raises `PackagingError` for what is not told."""
    code = Path(shutil.copytree(source, work / "code", symlinks=True))
    (artifacts := work / "artifacts").mkdir()
    folder = code
    for line in commands(code, name):
        for words in steps(line):
            folder = done(words, folder, code, artifacts, work)
    return artifacts


def commands(code: Path, name: str) -> list[str]:
    """The commands of a rule, one a line, as `make` itself would run them."""
    if RUNS_ALONE.search((code / "Makefile").read_text(errors="replace")):
        raise PackagingError("its Makefile runs commands while it is read, which is not done here")
    make = shutil.which("make")
    if not make:
        raise PackagingError("make is not on PATH, which tells what its Makefile does")
    asked = [make, "-n", "--no-print-directory", f"build-{name}", f"ARTIFACTS_DIR={PLACE}"]
    told = subprocess.run(asked, cwd=code, capture_output=True, text=True, check=False, timeout=30)
    if told.returncode:
        raise PackagingError(f"its Makefile has no rule build-{name}: {' '.join(told.stderr.split())[:200]}")
    return told.stdout.replace("\\\n", " ").splitlines()


def steps(line: str) -> Iterator[list[str]]:
    """The commands of a line that follow each other."""
    if re.search(r"[|<>]|\$\(|\bif\b|\bfor\b", re.sub(r"'[^']*'|\"[^\"$]*\"", "", line)):
        raise PackagingError(f"its Makefile runs `{line.strip()[:120]}`, which is not run here")
    for part in re.split(r"&&|;", line):
        if words := shlex.split(part, comments=True):
            yield words


def done(words: list[str], folder: Path, code: Path, artifacts: Path, work: Path) -> Path:
    """Do a command; the folder in which the next one of the rule is done."""
    text, program = " ".join(words), words[0].rsplit("/", 1)[-1]
    options = {word for word in words[1:] if word.startswith("-")}
    given = [inside(word, folder, code, artifacts) for word in words[1:] if word not in options]
    if program == "cd" and given:
        return given[0]
    if PIP.match(text + " "):
        install(words, folder, code, artifacts, work)
    elif program == "npm" and words[1:2] in (["ci"], ["install"], ["i"]) and not given[1:]:
        link_packages(folder)
    elif program == "mkdir":
        for path in given:
            path.mkdir(parents=True, exist_ok=True)
    elif program == "rm":
        for path in expanded(given):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    elif program in ("cp", "mv") and len(given) > 1:
        copy(expanded(given[:-1]), given[-1])
    elif program == "touch":
        for path in given:
            path.touch()
    elif program not in SILENT:
        raise PackagingError(f"its Makefile runs `{text[:120]}`, which is not run here")
    return folder


def inside(word: str, folder: Path, code: Path, artifacts: Path) -> Path:
    """The path that a word means; raises `PackagingError` for one elsewhere."""
    path = artifacts / word.removeprefix(PLACE).lstrip("/") if word.startswith(PLACE) else folder / word
    if not any(path.resolve().is_relative_to(each.resolve()) for each in (code, artifacts)):
        raise PackagingError(f"its Makefile takes {word}, which is outside of its folder")
    return path


def expanded(paths: list[Path]) -> list[Path]:
    return [Path(each) for path in paths for each in sorted(glob.glob(str(path))) or [str(path)]]


def copy(sources: list[Path], target: Path) -> None:
    """As `cp -r` does: into a folder that is there, else under the new name."""
    for source in sources:
        if not source.exists():
            raise PackagingError(f"its Makefile copies {source.name}, which is not there")
        place = target / source.name if target.is_dir() else target
        if source.is_dir():
            shutil.copytree(source, place, dirs_exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place)


def install(words: list[str], folder: Path, code: Path, artifacts: Path, work: Path) -> None:
    """What pip would install into a folder; packages by name as well as those of files."""
    rest, named, target = iter(words[words.index("install") + 1 :]), list[str](), artifacts
    files: list[Path] = []
    for word in rest:
        if word in ("-t", "--target"):
            target = inside(next(rest), folder, code, artifacts)
        elif word in ("-r", "--requirement"):
            files.append(inside(next(rest), folder, code, artifacts))
        elif word in ("--platform", "--python-version", "--implementation", "--abi", "--only-binary"):
            next(rest)
        elif not word.startswith("-"):
            named.append(word)
    wanted: list[Path | None] = [*files] or [None]
    for requirements in wanted:
        (build := work / f"pip-{target.name}-{len(list(work.iterdir()))}").mkdir()
        shutil.copytree(packages(requirements, named, build), target, dirs_exist_ok=True)


def link_packages(folder: Path) -> None:
    if own := javascript.packages(folder):
        (folder / "node_modules").symlink_to(own.resolve())
