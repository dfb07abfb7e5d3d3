"""The command that asks Claude: it stages what a task needs, hides the answers, and grades what it finds."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evals import __main__ as run
from evals import results
from evals.arms import NONE, OURS, Arm, ArmError, Session, arms, plugin
from evals.cases import HERE
from evals.results import Result, Run
from evals.scoring import every_task
from support.documents import ROOT
from trials.local_aws import LocalAws

TASK = next(task for task in every_task() if task.name == "mend_template")
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
usage = {"input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 7}
end = {"type": "result", "subtype": "success", "is_error": "broken" in prompt, "result": "it is broken", "usage": usage}
print(json.dumps({**end, "num_turns": 3, "duration_ms": 1500}))
"""


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A command in Claude's place that gives the good answer if it has the skill, and none if not."""
    stub = tmp_path / "stub.py"
    stub.write_text(STUB.replace("GOOD", repr(str(HERE / "mend_template" / "good" / "template.yaml"))))
    return Session([sys.executable, str(stub)])


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Arm:
    """Our plugin, which no test changes: the copy is most of what they do."""
    return Arm(OURS, plugin(tmp_path_factory.mktemp("ours")))


@pytest.mark.e2e
def test_an_answer_is_run_in_both_arms(session: Session, ours: Arm, aws: LocalAws) -> None:
    skilled, plain = (run.answered(TASK, session, arm, aws) for arm in (ours, Arm(NONE)))

    assert (skilled[0].complaints, skilled[0].score, skilled[1].model) == ([], 1, "made-up")
    assert any("E9101" in each for each in plain[0].complaints)  # the file as the task gave it
    assert plain[0].score == 0


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("query", "wanted", "right"), [("a lambda", True, True), ("a lambda", False, False), ("x", True, False)]
)
def test_a_query_is_right_if_the_skill_was_used_when_it_should_be(
    session: Session, ours: Arm, query: str, wanted: bool, right: bool
) -> None:
    assert run.triggered(query, wanted, session, ours)[0].score == right


@pytest.mark.e2e
def test_what_a_session_cost_is_kept(session: Session, ours: Arm) -> None:
    result, _ = run.triggered("a lambda", True, session, ours)

    assert result.cost == {"tokens_in": 105, "tokens_out": 7, "turns": 3, "seconds": 1.5, "tools": {"Skill": 1}}


@pytest.mark.e2e
def test_a_session_that_fails_is_no_answer(session: Session, ours: Arm) -> None:
    with pytest.raises(RuntimeError, match="it is broken"):
        run.triggered("broken", True, session, ours)


def test_another_skill_is_asked_as_a_plugin_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "peer").mkdir()
    (tmp_path / "peer" / "SKILL.md").write_text("---\nname: peer\ndescription: x\n---\n")
    (peer,) = arms([str(tmp_path / "peer")], tmp_path / "made")

    assert peer.name == "peer"
    assert peer.plugin
    assert (peer.plugin / "skills" / "peer" / "SKILL.md").is_file()
    assert json.loads((peer.plugin / ".claude-plugin" / "plugin.json").read_text())["name"] == "peer"


def test_what_is_no_skill_is_no_arm(tmp_path: Path) -> None:
    with pytest.raises(ArmError, match=r"neither none nor ours, nor a folder with a SKILL\.md"):
        arms([str(tmp_path)], tmp_path)


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
    session: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setattr(Session, "ask", lambda *_, **__: pytest.fail("asked"))

    assert run.main(["--only", "triggers"], session.command) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.e2e
def test_with_a_key_every_query_is_asked_and_every_result_kept(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queries = [{"query": "a lambda", "should_trigger": True}, {"query": "x", "should_trigger": True}]
    monkeypatch.setattr(run, "triggers", lambda: queries)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "made-up")
    kept = tmp_path / "results.json"

    assert run.main(["--only", "triggers", "--json", str(kept)], session.command) == 0
    assert "0.50" in capsys.readouterr().out
    of_all = results.load(kept)
    assert of_all.model == "made-up"
    assert [each.complaints for each in of_all.results] == [[], ["not used"]]


@pytest.mark.e2e
def test_answers_that_exist_are_graded_without_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    shutil.copytree(HERE / "mend_template" / "good", tmp_path / "mine" / "mend_template")
    shutil.copytree(HERE / "mend_template" / "files", tmp_path / "theirs" / "mend_template")
    kept = tmp_path / "results.json"

    assert run.main(["--answers", str(tmp_path), "--model", "m", "--date", "2026-01-31", "--json", str(kept)]) == 0
    of_all = results.load(kept)
    assert (of_all.model, of_all.date) == ("m", "2026-01-31")
    assert [(each.arm, each.score) for each in of_all.results] == [("mine", 1), ("theirs", 0)]
    assert "E9101" in capsys.readouterr().out


def test_a_folder_without_answers_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--answers", str(tmp_path)]) == 2
    assert "holds no answers: they are expected as ARM/TASK" in capsys.readouterr().err


FOUND = [
    Result("saga", "wish", "none", 0.5, ["late"]),
    Result("saga", "wish", "ours", 1),
    Result("saga", "wish", "ours", 0.5, ["lost"]),
    Result("a query", "trigger", "ours", 1),
]


def test_the_table_shows_the_mean_of_each_case_and_what_was_wrong() -> None:
    columns = [list(column.cells) for column in results.table(Run("m", "today", FOUND)).columns]

    assert columns[0] == ["[bold]wish", "saga", "[bold]trigger"]
    assert columns[1] == ["0.50 (0.50 to 0.50, 1 cases)", "0.50", ""]
    assert columns[2][1:] == ["0.75", "1.00 (1.00 to 1.00, 1 cases)"]
    assert columns[3] == ["", "none: late\nours: lost", ""]


def test_the_interval_is_wide_for_few_cases_and_narrow_for_many() -> None:
    few, many = results.interval([0, 1, 1, 0]), results.interval([0, 1] * 200)

    assert few[0] <= 0.25 < 0.75 <= few[1]
    assert 0.4 < many[0] < 0.5 < many[1] < 0.6
    assert results.interval([1.0] * 5) == (1, 1)


def test_results_are_read_as_they_were_kept(tmp_path: Path) -> None:
    results.save(Run("m", "today", FOUND), tmp_path / "kept.json")

    assert results.load(tmp_path / "kept.json") == Run("m", "today", FOUND)


@pytest.mark.e2e
def test_the_plugin_that_is_asked_is_the_whole_one_without_its_evals(ours: Arm) -> None:
    assert ours.plugin
    assert "experimental" not in json.loads((ours.plugin / ".claude-plugin" / "plugin.json").read_text())
    assert (ours.plugin / "examples" / "queue_worker" / "app.py").exists()
    assert not (ours.plugin / "tests" / "evals").exists()
