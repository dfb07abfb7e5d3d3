"""The two archives of a release, each below one folder.

`aws-serverless-eda.zip` is for claude.ai, which takes 200 files and a short description: what a reader of the skill
needs, without the bench. `aws-serverless-eda-whole.zip` is the repository: it lints and tries a reader's own project.

Build them:  uv run --directory tests python -m support.bundle ../dist
"""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import yaml

from support.documents import ROOT

NAME = "aws-serverless-eda"
WANTED = (
    *("SKILL.md", "LICENSE", "pyproject.toml", "uv.lock", "references/", "examples/"),
    *("tests/references/", "tests/rules/", "tests/facts.toml", "tests/counterexamples/", "tests/benchmarks/linters.py"),
    "tests/trials/template/",  # the rules read templates with it; trials without its __init__.py is a package too
)
LEFT_OUT = (  # what proves an example needs the bench; a page's link to it becomes its words
    *("/scenario.py", "/event.json", "/events/", "/fixtures/", "/test_", "/emf.schema.json"),
    *("/stack.", "/cdk"),  # the templates deploy the same; the other archive has the stacks
    *("/masked.py", "/nested.py"),  # the references quote them
)
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


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


def unlinked(text: str, page: Path, packed: set[Path]) -> str:
    """The page's text, line for line, with the words alone of each link to a file that is not packed."""

    def words(link: re.Match[str]) -> str:
        target = (page.parent / link[2].split("#")[0]).resolve()
        there = "://" in link[2] or target in packed or any(target in path.parents for path in packed)
        return link[0] if there else link[1]

    return LINK.sub(words, text)


def build(folder: Path) -> Path:
    """Write the archive into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{NAME}.zip"
    names = {path: path.relative_to(ROOT).as_posix() for path in tracked()}
    wanted = {path for path, name in names.items() if name.startswith(WANTED)}
    wanted -= {path for path in wanted if any(part in f"/{names[path]}" for part in LEFT_OUT)}
    for newest in ("shop", "kept_events"):  # for room: they are there in Python
        wanted -= {path for path in wanted if path.match(f"examples/{newest}/*.ts")}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(wanted):
            text = path.read_text()
            text = unlinked(text, path, wanted) if path.suffix == ".md" else text
            packed.writestr(f"{NAME}/{names[path]}", shortened(text) if path.name == "SKILL.md" else text)
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
