"""The workflows pass their linters, nothing in them moves, and every pin of the bundle is renewed by somebody."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import botocore
import pytest
import yaml

from support.documents import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RENOVATE = json.loads((ROOT / "renovate.json").read_text())


def test_the_linters_of_workflows_object_to_nothing() -> None:
    names = [str(path) for path in WORKFLOWS]
    for command in (["actionlint", "-shellcheck=", "-pyflakes="], ["zizmor", "--offline", "--quiet", "--no-progress"]):
        done = subprocess.run([*command, *names], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    assert len(names) >= 3


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_no_rights_but_those_its_job_names(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())

    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]
        for step in job["steps"]:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", "a/b@" + "0" * 40))


def test_the_weekly_issue_says_what_changed_in_the_models_since_the_pinned_version(tmp_path: Path) -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "drift.yml").read_text())
    newest, read, _, issue = workflow["jobs"]["newest"]["steps"][2:]
    (pinned,) = [line for line in newest["run"].splitlines() if "old.txt" in line]
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    subprocess.run(["bash", "-c", pinned], cwd=tmp_path, check=True)

    assert newest["run"].splitlines()[0] == pinned, "read before the pins are gone"
    assert (tmp_path / "old.txt").read_text() == f"{botocore.__version__}\n"
    assert 'support.drift "$(cat old.txt)" "$new" | tee drift.md' in read["run"]
    assert "drift.md; } >> body.md" in issue["run"]
    assert issue["if"] == "failure() || steps.models.outputs.changed == 'true'"


def test_every_pin_outside_the_manifests_is_seen_by_renovate() -> None:
    for name, pins in ((".mcp.json", 5), ("README.md", 2)):
        (manager,) = [
            each
            for each in RENOVATE["customManagers"]
            if re.search(each["managerFilePatterns"][0].strip("/").replace("\\\\", "\\"), name)
        ]
        (pattern,) = manager["matchStrings"]
        found = re.findall(pattern.replace("(?<", "(?P<"), (ROOT / name).read_text())
        assert len(found) == pins
        assert len(re.findall(r"==\d", (ROOT / name).read_text())) == pins


def test_every_dependency_is_pinned_exactly() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    node = json.loads((ROOT / "tests" / "node" / "package.json").read_text())

    for wanted in (each for group in groups.values() for each in group if isinstance(each, str)):
        assert re.search(r"==\d[\w.]*$", wanted), wanted
    for version in node["dependencies"].values():
        assert re.fullmatch(r"\d+\.\d+\.\d+(-[\w.]+)?", version)
