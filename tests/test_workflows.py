"""The workflows pass their linters, nothing in them moves, and every pin of the bundle is renewed by somebody."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import botocore
import pytest
import yaml

from support.documents import ROOT
from trials.report.markdown import MARK

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / ".github" / "actions" / "prove" / "action.yml"
OURS = "./.aws-serverless-eda/.github/actions/prove"  # as the reusable workflow checks it out
HOOKS = ROOT / ".pre-commit-hooks.yaml"
RENOVATE = json.loads((ROOT / "renovate.json").read_text())


def test_the_linters_of_workflows_object_to_nothing() -> None:
    names = [str(path) for path in WORKFLOWS]
    lint, audit = ["actionlint", "-shellcheck=", "-pyflakes="], ["zizmor", "--offline", "--quiet", "--no-progress"]
    for command in ([*lint, *names], [*audit, *names, str(ACTION)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    assert len(names) >= 3


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_no_rights_but_those_its_job_names(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())

    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]
        for step in job["steps"]:
            assert step.get("uses") == OURS or pinned(step)


def pinned(step: dict[str, Any]) -> bool:
    return bool(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", "a/b@" + "0" * 40)))


# ---- what other repositories use


def test_the_reusable_workflow_hands_on_what_it_is_given_to_the_action() -> None:
    """Its steps find the bundle where it is checked out, and give the action no word that it does not know."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "prove.yml").read_text())
    steps = workflow["jobs"]["prove"]["steps"]
    (ours,) = [step for step in steps if step.get("uses") == OURS]
    (checkout,) = [step for step in steps if step.get("with", {}).get("repository")]
    inputs = workflow[True]["workflow_call"]["inputs"]  # YAML 1.1 reads `on` as true

    assert (ROOT / OURS.removeprefix(f"./{checkout['with']['path']}/") / "action.yml").is_file()
    assert ours["with"].keys() <= yaml.safe_load(ACTION.read_text())["inputs"].keys()
    assert set(re.findall(r"inputs\.(\w+)", (ROOT / ".github" / "workflows" / "prove.yml").read_text())) == set(inputs)


STUB = """#!/usr/bin/env bash
printf '%s\\n' "$@" > "$RUNNER_TEMP/asked"
while [ $# -gt 0 ]; do if [ "$1" = --markdown ]; then echo picture > "$2"; fi; shift; done
exit 3
"""


@pytest.mark.parametrize("baseline", [False, True])
@pytest.mark.parametrize("named", [".", "template.yaml", "cdk.out/X.template.json"])
def test_the_steps_of_the_action_run_the_trials_and_end_as_they_did(baseline: bool, named: str, tmp_path: Path) -> None:
    action = yaml.safe_load(ACTION.read_text())
    (trials,) = [step for step in action["runs"]["steps"] if step.get("id") == "trials"]
    last = action["runs"]["steps"][-1]
    (project := tmp_path / "project").mkdir()
    (project / "cdk.out").mkdir()
    for template in ("template.yaml", "cdk.out/X.template.json"):
        (project / template).touch()
    if baseline:
        (project / "trials-baseline.toml").touch()
    (uv := tmp_path / "prove" / "bin" / "uv").parent.mkdir(parents=True)
    uv.write_text(STUB)
    uv.chmod(0o755)
    environment = {
        "PATH": os.environ["PATH"],
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "BUNDLE": str(ROOT),
        "PROJECT": named,
        "MORE": "--thorough --allow-unproved",
    }
    ran = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", trials["run"]]  # as GitHub runs `shell: bash`
    subprocess.run(ran, cwd=project, env=environment, check=True)
    asked = (tmp_path / "asked").read_text().split("\n")

    assert asked[:4] == ["run", "-q", f"{ROOT}/examples/run.py", named]
    assert ("--thorough" in asked, "--allow-unproved" in asked, "--baseline" in asked) == (True, True, baseline)
    assert {"--sarif", "--junit", "--markdown", "--html"} <= set(asked)
    assert (tmp_path / "output").read_text() == "code=3\n"
    assert (tmp_path / "summary").read_text() == "picture\n"
    ended = subprocess.run(["bash", "-c", last["run"]], env={"CODE": "3"}, check=False)
    assert ended.returncode == 3
    assert [step for step in action["runs"]["steps"] if not pinned(step)] == []


@pytest.mark.parametrize(
    ("known", "asked"), [("77\n78", "-X PATCH repos/a/b/issues/comments/77"), ("", "repos/a/b/issues/5/comments")]
)
def test_the_comment_is_renewed_if_there_is_one(known: str, asked: str, tmp_path: Path) -> None:
    steps = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    (comment,) = [step for step in steps if "gh api" in step.get("run", "")]
    (gh := tmp_path / "gh").write_text(
        f'#!/bin/bash\nif [ "$2" = --paginate ]; then printf "{known}"; else echo "$@" >> {tmp_path}/asked; fi\n'
    )
    gh.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path),
        "NUMBER": "5",
        "GITHUB_REPOSITORY": "a/b",
    }
    subprocess.run(["bash", "-eo", "pipefail", "-c", comment["run"]], env=environment, check=True)

    assert (tmp_path / "asked").read_text() == f"api {asked} -F body=@{tmp_path}/trials/comment.md\n"
    assert MARK in comment["run"]


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("name", "code"), [("tests/rules/fixtures/E9101/fail_sam.yaml", 2), ("examples/queue_worker/template.yaml", 0)]
)
def test_the_hook_finds_the_rules_above_its_environment(name: str, code: int) -> None:
    """Here as in pre-commit's clone, the environment is a folder of the repository."""
    (hook,) = yaml.safe_load(HOOKS.read_text())
    assert Path(sys.prefix).parent == ROOT
    command = [sys.executable if word == "python" else word for word in shlex.split(hook["entry"])]
    said = subprocess.run([*command, str(ROOT / name)], capture_output=True, text=True, check=False)

    assert ("E9101 " in said.stdout, said.returncode) == (bool(code), code), said.stdout + said.stderr
    assert hook["additional_dependencies"] == [f"cfn-lint=={metadata.version('cfn-lint')}"]
    for path, taken in {
        "template.yaml": True,
        "a/template.yml": True,
        "cdk.out/X.template.json": True,
        "x.yaml": False,
    }.items():
        assert bool(re.search(hook["files"], path)) is taken


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
    action = ACTION.relative_to(ROOT).as_posix()
    for name, pins in ((".mcp.json", 5), ("README.md", 2), (action, 1), (HOOKS.name, 1)):
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
        release, _, _where = wanted.partition(";")  # a machine on which alone it is wanted may follow
        assert re.search(r"==\d[\w.]*$", release), wanted
    for name, version in node["dependencies"].items():
        ours = ROOT / "tests" / "node" / version.removeprefix("file:") / "package.json"
        assert re.fullmatch(r"\d+\.\d+\.\d+(-[\w.]+)?", version) or (version.startswith("file:") and ours.exists()), (
            name
        )
