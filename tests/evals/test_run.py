"""The command that asks Claude: it stages what a task needs, hides the answers, and grades what it finds."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from evals import __main__ as run
from evals.cases import HERE, tasks
from support.documents import ROOT
from trials.local_aws import LocalAws

TASK = next(task for task in tasks() if task["id"] == "mend_template")
STUB = """
import json, pathlib, shutil, sys
prompt, skilled = sys.argv[sys.argv.index("-p") + 1], "--plugin-dir" in sys.argv
if skilled:
    plugin = pathlib.Path(sys.argv[sys.argv.index("--plugin-dir") + 1])
    assert (plugin / "SKILL.md").exists() and not list(plugin.rglob("grader.py")) and not list(plugin.rglob("bad.toml"))
    shutil.copy(GOOD, ".")
print(json.dumps({"type": "system", "subtype": "init", "model": "made-up"}))
if skilled and "lambda" in prompt:
    use = {"type": "tool_use", "name": "Skill", "input": {"skill": "aws-serverless-eda:aws-serverless-eda"}}
    print(json.dumps({"type": "assistant", "message": {"content": [use]}}))
print(json.dumps({"type": "result", "subtype": "success", "is_error": "broken" in prompt, "result": "it is broken"}))
"""


@pytest.fixture
def session(tmp_path: Path) -> run.Session:
    """A command in Claude's place that gives the good answer if it has the skill, and none if not."""
    stub = tmp_path / "stub.py"
    stub.write_text(STUB.replace("GOOD", repr(str(HERE / "mend_template" / "good" / "template.yaml"))))
    return run.Session([sys.executable, str(stub)], run.plugin(tmp_path), "")


@pytest.mark.e2e
def test_an_answer_is_run_in_both_arms(session: run.Session, aws: LocalAws) -> None:
    skilled, plain = (run.answered(TASK, session, arm, aws) for arm in run.ARMS)

    assert (skilled.complaints, skilled.model) == ([], "made-up")
    assert any(each.startswith("E9101") for each in plain.complaints)  # the file as the task gave it


@pytest.mark.parametrize(
    ("query", "wanted", "right"), [("a lambda", True, True), ("a lambda", False, False), ("x", True, False)]
)
def test_a_query_is_right_if_the_skill_was_used_when_it_should_be(
    session: run.Session, query: str, wanted: bool, right: bool
) -> None:
    assert bool(run.triggered(query, wanted, session).complaints) is not right


def test_a_session_that_fails_is_no_answer(session: run.Session) -> None:
    with pytest.raises(RuntimeError, match="it is broken"):
        run.triggered("broken", True, session)


def documented() -> list[str]:
    """The words of the command in the README that asks Claude."""
    (command,) = re.findall(r"^ANTHROPIC_API_KEY=.*$", (HERE / "README.md").read_text(), re.MULTILINE)
    return shlex.split(command)


@pytest.mark.e2e
@pytest.mark.parametrize("key", [{}, {"ANTHROPIC_API_KEY": ""}], ids=["no key", "an empty key"])
def test_without_a_key_the_documented_command_says_so_in_one_line(key: dict[str, str]) -> None:
    _, path, *command = documented()
    at = command.index("python")
    kept = {name: value for name, value in os.environ.items() if name != "ANTHROPIC_API_KEY"}
    kept |= {"PYTHONPATH": path.removeprefix("PYTHONPATH=")} | key
    done = subprocess.run(
        [sys.executable, *command[at + 1 :]],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert command[:at] == ["uv", "run"]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "not run: needs a key in ANTHROPIC_API_KEY\n"


def test_without_a_key_nothing_is_asked(
    session: run.Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setattr(run.Session, "ask", lambda *_, **__: pytest.fail("asked"))

    assert run.main(["--only", "triggers"], session.command) == 2
    assert capsys.readouterr().out == ""


def test_with_a_key_every_query_is_asked_and_every_result_kept(
    session: run.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queries = [{"query": "a lambda", "should_trigger": True}, {"query": "x", "should_trigger": True}]
    monkeypatch.setattr(run, "triggers", lambda: queries)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "made-up")
    kept = tmp_path / "results.json"

    assert run.main(["--only", "triggers", "--json", str(kept)], session.command) == 0
    assert "1 of 2" in capsys.readouterr().out
    assert [each["complaints"] for each in json.loads(kept.read_text())] == [[], ["not used"]]


def test_the_table_counts_right_answers_by_arm() -> None:
    found = [
        run.Result("saga", "with", "m", []),
        run.Result("saga", "with", "m", ["late"]),
        run.Result("saga", "without", "m", ["lost"]),
        run.Result("a query", "with", "m", []),
    ]
    columns = [list(column.cells) for column in run.table(found).columns]

    assert columns == [["saga", "triggers"], ["1 of 2", "1 of 1"], ["0 of 1", ""], ["with: late\nwithout: lost", ""]]


def test_the_plugin_that_is_asked_is_the_whole_one_without_its_evals(session: run.Session) -> None:
    assert "experimental" not in json.loads((session.plugin / ".claude-plugin" / "plugin.json").read_text())
    assert (session.plugin / "examples" / "queue_worker" / "app.py").exists()
    assert not (session.plugin / "tests" / "evals").exists()
