"""The two archives of a release, each below one folder.

`aws-serverless-eda.zip` is for claude.ai, which takes 200 files and a short description: what a reader of the skill
needs, without the bench. `aws-serverless-eda-whole.zip` is the repository: it lints and tries a reader's own project.

Build them:  uv run --directory tests python -m support.bundle ../dist
"""

import subprocess
import sys
import zipfile
from pathlib import Path

import yaml

from support.documents import ROOT

NAME = "aws-serverless-eda"
WANTED = ("SKILL.md", "LICENSE", "pyproject.toml", "uv.lock", "references/", "examples/", "tests/patterns/")
WANTED_TOO = (
    "tests/references/",
    "tests/rules/",
    "tests/trials/template/",  # trials without its __init__.py is a package too
    "tests/facts.toml",
    "tests/test_cdk.py",
    "tests/counterexamples/",
    "tests/benchmarks/linters.py",
)
LEFT_OUT = (  # no page links to them
    *("/mutants.py", "/breaks.py", "/seeds.py", "/faults.py", "/test_every_pattern.py"),
    *("/test_leases.py", "/test_typescript.py", "/test_gather.py", "/test_benchmarks.py"),
    *("/emf.schema.json", "/test_eda_patterns.py", "/test_infrastructure.py", "/test_broadcast.py"),
    *("/masked.py", "/nested.py"),  # the references quote them
)


def tracked() -> list[Path]:
    """The files of the repository, those that are not added yet included, ignored ones not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


def shortened(front_page: str) -> str:
    """The front page with the short description of its metadata in the place of the long one."""
    _, header, body = front_page.split("---\n", 2)
    fields = yaml.safe_load(header)
    fields["description"] = fields["metadata"].pop("short-description")
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, width=1000)}---\n{body}"


def build(folder: Path) -> Path:
    """Write the archive into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{NAME}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in tracked():
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(WANTED + WANTED_TOO) or "/fixtures/" in name or name.endswith(LEFT_OUT):
                continue
            text = path.read_text()
            packed.writestr(f"{NAME}/{name}", shortened(text) if name == "SKILL.md" else text)
    return archive


def whole(folder: Path) -> Path:
    """Write the archive of everything into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{NAME}-whole.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in tracked():
            packed.write(path, f"{NAME}/{path.relative_to(ROOT).as_posix()}")
    return archive


if __name__ == "__main__":
    for build_one in (build, whole):
        print(build_one(Path(sys.argv[1]).resolve()))  # noqa: T201
