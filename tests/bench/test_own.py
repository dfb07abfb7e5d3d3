"""The command for a project of one's own: one clear line and one JSON object, whatever is wrong with it."""

import datetime
import io
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from trials import cli, home, own
from trials.report.events import Linted
from trials.report.result import Result

ROOT = Path(__file__).resolve().parents[2]
RUN = [sys.executable, str(ROOT / "examples" / "run.py")]


def told(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON and progress of a run in this process."""
    progress = io.StringIO()
    code = own.run(own.Wish(path, as_json=True), Console(), Console(file=progress))
    return code, json.loads(capsys.readouterr().out), progress.getvalue()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("template.yaml", b"", "holds nothing, and a template is one"),
        ("template.yaml", b"Resources:\n\tA: {}\n", "YAML takes no tabs"),
        ("template.yaml", "# Größe\nResources: {}".encode("latin-1"), "is not UTF-8"),
        ("template.yaml", b"- a\n", "holds no mapping"),
        ("template.yaml", b"Resources: { A: { Properties: {} } }", "the resource A has no Type"),
        ("template.yaml", b"Description: x", "has no Resources"),
        ("readme.txt", b"", "holds no template.yaml"),
        ("cdk.json", b"{}", "for cdk.json, run `npx cdk synth`"),
        ("serverless.yml", b"", "for serverless.yml, run `npx osls@3 package` ("),
        ("cdk.out/X.template.json", b"{", "is no YAML"),
        ("template.yaml", b"Resources: [", 'in "template.yaml", line '),
    ],
)
def test_what_cannot_be_read_is_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: bytes, said: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(text)
    code, found, _ = told(tmp_path, capsys)

    assert (code, found["exit"]) == (2, 2)
    assert said in found["error"]
    assert "\n" not in found["error"]
    assert found["sources"] == found["findings"] == []
    assert found["not_linted"] == "nothing was linted: the work stopped before"
    assert "<unicode string>" not in found["error"]


@pytest.mark.parametrize(("only", "played"), [("", 1), ("Work", 0)])
def test_a_scenario_is_played_unless_one_source_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only: str, played: int
) -> None:
    work = (
        "{ Type: AWS::Serverless::Function, Properties: { Runtime: python3.14, InlineCode: pass, Events: { E: %s } } }"
    )
    every_day = "{ Type: Schedule, Properties: { Schedule: rate(1 day) } }"
    (tmp_path / "template.yaml").write_text(f"Resources:\n  Work: {work % every_day}\n")
    (tmp_path / "scenario.py").write_text("")
    scenarios: list[Path] = []

    def play(folder: Path, *_: Any) -> tuple[list[Any], float]:
        scenarios.append(folder)
        return [], 0

    monkeypatch.setattr(own, "try_project", lambda *_: iter(()))
    monkeypatch.setattr(own, "LocalAws", lambda **_: nullcontext())
    monkeypatch.setattr(own, "Linting", lambda _: nullcontext(SimpleNamespace(finish=Linted)))
    monkeypatch.setattr(own, "play", play)

    list(own.events(own.Wish(tmp_path, only=only), Result()))
    assert len(scenarios) == played


def test_a_source_that_is_not_there_is_the_one_thing_that_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "template.yaml").write_text("Resources: { Jobs: { Type: AWS::SQS::Queue } }")
    (tmp_path / "event.json").write_text('{"id": "1"}')
    code = own.run(own.Wish(tmp_path, only="Nothing"), Console(), Console(file=io.StringIO()))
    lines = capsys.readouterr().out.splitlines()

    assert code == 2
    assert lines[0] == "Lint  nothing was linted: the work stopped before"
    assert lines[1].startswith("Stopped  no source is called 'Nothing'")
    assert len(lines) == 3
    own.run(own.Wish(tmp_path, only="Nothing", as_json=True), Console(), Console(file=io.StringIO()))
    (sample,) = json.loads(capsys.readouterr().out)["samples"]
    assert sample["why"] == "no source was tried"


def test_a_mistyped_path_is_named_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found, _ = told(tmp_path / "shopp", capsys)

    assert (code, found["error"]) == (2, f"there is no file or folder {tmp_path / 'shopp'}")


def test_a_failure_of_the_bench_itself_is_one_line_and_what_was_known_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise IndexError("list index\nout of range")

    (tmp_path / "template.yaml").write_text("Resources: { Jobs: { Type: AWS::SQS::Queue } }")
    monkeypatch.setattr(own, "try_project", fails)
    code, found, _ = told(tmp_path, capsys)

    assert code == 2
    assert found["error"] == "the trials themselves failed: IndexError: list index out of range"
    assert "E9103" in str(found["lint"]) or found["lint"] == []
    assert found["template"] == str(tmp_path / "template.yaml")


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (["../shopp"], True),
        (["infra/template.yaml"], True),
        (["template.yml"], True),
        (["queue_worker"], False),
        (["shopp"], False),
        (["queue_worker", "../shop"], False),
        ([], False),
    ],
)
def test_what_looks_like_a_path_is_taken_for_one(given: list[str], path: bool) -> None:
    assert bool(cli.path_of(given, ["queue_worker"])) is path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shopp"], "no example is called shopp; there are: queue_worker, saga; and there is no such file or folder"),
        (["queue_worker", "."], ". is a project of your own: name it alone"),
        ([".", "--keep"], "--keep, --list, --iac and --handlers are for the examples"),
        ([".", "--htlm", "x"], "there is no option --htlm, probably --html is meant"),
        ([".", "--htlm=x"], "there is no option --htlm, probably --html is meant"),
        (["queue_worker", "--jsn", "saga"], "there is no option --jsn, probably --json is meant"),
        ([".", "--verbosely"], "there is no option --verbosely"),
        (
            ["--iac", "cdkk"],
            "argument --iac: there is no cdkk, probably cdk-python or cdk-typescript is meant; there are: sam,",
        ),
        (
            ["--handlers", "pyhton"],
            "argument --handlers: there is no pyhton, probably python is meant; there are: python,",
        ),
        ([".", "--search", "many"], "argument --search: invalid int value: 'many'"),
        (
            ["queue-worker"],
            "no example is called queue-worker, probably queue_worker is meant, and there is no such file",
        ),
    ],
)
def test_what_is_wrong_with_the_words_is_said_in_one_line(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", *words])
    with pytest.raises(SystemExit) as stopped:
        cli.arguments(["queue_worker", "saga"])
    (line,) = capsys.readouterr().err.splitlines()

    assert stopped.value.code == 2
    assert line.startswith(f"run.py: {said}")
    assert line.endswith("; --help says more")


def test_options_may_stand_between_the_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "queue_worker", "--json", "saga"])
    asked = cli.arguments(["queue_worker", "saga"])

    assert (asked.patterns, asked.json) == (["queue_worker", "saga"], True)


# ---- the command


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.e2e
def test_the_command_prints_one_object_and_no_traceback_for_a_folder_without_a_template(tmp_path: Path) -> None:
    refused = run(str(tmp_path), "--json")

    assert refused.returncode == 2
    assert f"{tmp_path} holds no template.yaml" in json.loads(refused.stdout)["error"]
    assert "Traceback" not in refused.stdout + refused.stderr


THEIRS = """
[project]
name = "mine"
version = "1"
requires-python = ">=3.11"
dependencies = ["a-package-that-nobody-has==1"]
"""


@pytest.mark.e2e
def test_it_runs_in_a_readers_own_python_project_and_leaves_nothing_there(tmp_path: Path) -> None:
    """With the words of README and SKILL.md: uv takes the bench's environment, not that of the folder it stands in."""
    (tmp_path / "pyproject.toml").write_text(THEIRS)
    (tmp_path / "template.yaml").write_text("Resources: { Jobs: { Type: AWS::SQS::Queue } }")
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    command = [uv, "run", str(ROOT / "examples" / "run.py"), ".", "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["template"] == str(tmp_path / "template.yaml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pyproject.toml", "template.yaml"]


def months_ago(days: int) -> datetime.date:
    """A day so long after the end of the month in which the newest fact was read."""
    read = max(re.findall(r'(?m)^read = "([\d-]+)"$', home.FACTS.read_text()))
    year, month = map(int, read.split("-"))
    return datetime.date(year + month // 12, month % 12 + 1, 1) + datetime.timedelta(days)


@pytest.mark.parametrize(("days", "told"), [(-20, False), (90, False), (91, True), (800, True)])
def test_a_copy_whose_facts_are_old_says_so_in_one_line(days: int, told: bool) -> None:
    said = home.outdated(months_ago(days))

    assert bool(said) is told
    assert "\n" not in said
    assert said == "" or f" {days} days ago: bring it up to date first" in said


def test_a_copy_without_facts_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "FACTS", tmp_path / "facts.toml")

    assert home.outdated(datetime.date(2099, 1, 1)) == ""


@pytest.mark.e2e
def test_old_facts_are_a_note_of_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "outdated", lambda _: "the facts are old")
    monkeypatch.setattr(own, "try_project", lambda *_: iter(()))
    (tmp_path / "template.yaml").write_text("Resources: { Jobs: { Type: AWS::SQS::Queue } }")

    assert "the facts are old" in told(tmp_path, capsys)[1]["notes"]


TELLTALE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Jobs: { Type: AWS::SQS::Queue }
  Seen:
    Type: AWS::Serverless::SimpleTable
  Rare: { Type: AWS::Braket::QuantumTask }
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.14
      Handler: index.handler
      Environment: { Variables: { TABLE: !Ref Seen } }
      Events: { Jobs: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn } } }
      InlineCode: |
        import os, socket, boto3
        def handler(event, context):
            try:
                socket.create_connection(("192.0.2.1", 443), 2)
                out = "reached the network"
            except Exception as error:
                out = "nothing is reached: " + type(error).__name__
            told = {k: {"S": v} for k, v in os.environ.items() if k.startswith("AWS_") and v}
            ids = {record["body"][:3]: {"S": "x"} for record in event["Records"]}
            item = {"id": {"S": "seen"}, "out": {"S": out}, **told, **ids}
            boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item=item)
"""


@pytest.mark.e2e
def test_neither_an_account_nor_the_network_can_be_reached(tmp_path: Path) -> None:
    """The function writes down every AWS variable it has, and what came of a connection to the outside."""
    (tmp_path / "template.yaml").write_text(TELLTALE)
    (tmp_path / "config").write_text("[profile production]\naws_access_key_id = AKIAREAL\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    account = {
        "AWS_PROFILE": "production",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SESSION_TOKEN": "secret-token",
        "AWS_ENDPOINT_URL": "https://production.example.com",
    }

    done = run(str(tmp_path), "--json", **account)
    found = json.loads(done.stdout)
    once = next(each for each in found["findings"] if each["trial"] == "once")

    (seen,) = [each for each in once["details"] if each.startswith("table Seen")]
    assert "1 more" in seen
    assert "reached the network" not in done.stdout
    assert not [word for word in ("production", "secret-token", "AKIAREAL") if word in done.stdout + done.stderr]
    assert "Rare" in found["not_deployed"]
    assert [each["status"] for each in found["sources"]] == ["delivered"]
    assert sorted(path.name for path in tmp_path.iterdir()) == before
