"""What is asked is well-formed, says all that its grader needs, and loads where it is run; none of this needs a key."""

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from evals import cases
from evals.cases import HERE
from evals.iam import allows
from support import bundle, node
from support.documents import ROOT, rows, section
from support.templates import variables_read

TEXT = {"type": "string", "minLength": 8}
TASK = {
    "type": "object",
    "required": ["id", "prompt", "expected_output", "files", "assertions"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": "^[a-z][a-z_]+$"},
        "prompt": {"type": "string", "minLength": 80},
        "expected_output": TEXT,
        "files": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "assertions": {"type": "array", "items": TEXT, "minItems": 2, "uniqueItems": True},
    },
}
EVALS = {
    "type": "object",
    "required": ["skill_name", "evals"],
    "additionalProperties": False,
    "properties": {
        "skill_name": {"const": "aws-serverless-eda"},
        "evals": {"type": "array", "minItems": 12, "items": TASK},
    },
}
TRIGGER = {
    "type": "object",
    "required": ["query", "should_trigger"],
    "additionalProperties": False,
    "properties": {"query": TEXT, "should_trigger": {"type": "boolean"}},
}
TRIGGERS = {"type": "array", "minItems": 44, "uniqueItems": True, "items": TRIGGER}


def given(name: str) -> Any:
    return json.loads((HERE / name).read_text())


@pytest.mark.parametrize(("name", "schema"), [("evals.json", EVALS), ("triggers.json", TRIGGERS)])
def test_the_files_are_as_their_conventions_say(name: str, schema: dict[str, Any]) -> None:
    Draft202012Validator(schema).validate(given(name))
    with pytest.raises(ValidationError):
        Draft202012Validator(schema).validate(given(name) | {"x": 1} if name == "evals.json" else [*given(name), {}])


def test_half_of_the_queries_are_near_misses_and_none_names_the_skill() -> None:
    queries = given("triggers.json")
    wanted = [each["query"] for each in queries if each["should_trigger"]]

    assert abs(2 * len(wanted) - len(queries)) <= 2
    assert len({each["query"].lower() for each in queries}) == len(queries)
    assert not [each["query"] for each in queries if re.search(r"\bskill\b|serverless-eda", each["query"])]


def test_the_table_of_results_counts_what_would_be_asked() -> None:
    """And says of each that it was not run, until a run is entered with its model and date."""
    table = rows(section(HERE / "README.md", "Results"))
    wanted = sum(each["should_trigger"] for each in cases.triggers())

    assert [cells[0].split()[0] for cells in table][:3] == [
        str(number) for number in (len(cases.tasks()), wanted, len(cases.triggers()) - wanted)
    ]
    for _, _, answer, model, date in table:
        assert (answer == "not run") == (not model) == (not date)


def test_every_task_has_its_grader_its_answers_and_its_files() -> None:
    folders = {path.parent.name for path in HERE.glob("*/grader.py")}
    files = {path.relative_to(ROOT).as_posix() for path in bundle.tracked() if path.parent.match("evals/*/files")}

    assert [task["id"] for task in cases.tasks()] == list(dict.fromkeys(task["id"] for task in cases.tasks()))
    assert {task["id"] for task in cases.tasks()} == folders
    assert {name for task in cases.tasks() for name in task["files"]} == files
    for task in cases.tasks():
        assert all(name.startswith(f"tests/evals/{task['id']}/files/") for name in task["files"])


@pytest.mark.parametrize("task", cases.tasks(), ids=lambda task: task["id"])
def test_a_prompt_names_the_files_and_the_variables_that_its_grader_needs(task: dict[str, Any]) -> None:
    answers = [path for path in (HERE / task["id"] / "good").iterdir() if path.is_file()]
    wanted = {path.name for path in answers}
    wanted |= {name for path in answers if path.suffix == ".py" for name in variables_read(path)}

    assert wanted
    assert {name for name in wanted if name not in task["prompt"]} == set()


def test_the_case_folders_are_what_the_files_say() -> None:
    assert cases.written() == cases.cases(), f"repair with: {cases.REPAIR}"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """What of a clone of the repository the command reads."""
    wanted = (".claude-plugin/", ".mcp.json", "SKILL.md", "tests/evals/cases/")
    for path in bundle.tracked():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(wanted):
            copy = tmp_path / "aws-serverless-eda" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    return tmp_path / "aws-serverless-eda"


def loaded(plugin: Path) -> str:
    """What `claude plugin eval` prints before it finds that nobody is logged in."""
    home = plugin.parent / "home"
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLAUDE", "ANTHROPIC"))}
    output, scratch = plugin.parent / "out", plugin.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    arguments = ["--trust-plugin", "--no-publish", "--ablation", "none", "--runs", "1", "--output-dir", str(output)]
    done = subprocess.run(
        [node.HOME / "node_modules" / ".bin" / "claude", "plugin", "eval", str(plugin), *arguments],
        cwd=home,
        env=kept | {"HOME": str(home), "TMPDIR": str(scratch)},  # it leaves its folders there
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.e2e
def test_claude_code_loads_every_case(plugin: Path) -> None:
    printed = loaded(plugin)
    names = set(re.findall(r"^\s*((?:task|trigger)-[\w-]+): mocks", printed, re.MULTILINE))

    assert "Couldn't load" not in printed
    assert names == {path.name for path in (plugin / "tests" / "evals" / "cases").iterdir()}
    assert len(names) == len(cases.tasks()) + len(cases.triggers())


@pytest.mark.e2e
def test_a_case_that_claude_code_can_not_load_is_noticed(plugin: Path) -> None:
    (plugin / "tests" / "evals" / "cases" / "trigger-01" / "case.yaml").write_text('schema_version: "1.0"\nname: x\n')

    assert "Couldn't load 1 case file" in loaded(plugin)


def test_the_archive_for_uploading_holds_no_evals(tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle.build(tmp_path)) as packed:
        assert [name for name in packed.namelist() if "evals" in name] == []


ANY, OWN = "arn:aws:sqs:us-east-1:123456789012:*", "arn:aws:sqs:us-east-1:123456789012:own"
FROM = {"ArnEquals": {"aws:SourceArn": "arn:rule"}}
EVENTS = {"Service": "events.amazonaws.com"}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": OWN}], True),
        ([{"Effect": "Allow", "Action": ["sqs:sendmessage"], "Resource": ["arn:x", ANY]}], True),
        ([{"Effect": "Allow", "Action": "sqs:Receive*", "Resource": OWN}], False),
        ([{"Effect": "Allow", "Action": "sqs:*", "Resource": f"{OWN}-other"}], False),
        (
            [
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "sqs:*", "Resource": ANY},
            ],
            False,
        ),
        ([], False),
    ],
)
def test_who_may_send_to_a_queue(statements: list[dict[str, Any]], allowed: bool) -> None:
    assert allows(statements, "sqs:SendMessage", OWN) == allowed


@pytest.mark.parametrize(
    ("principal", "condition", "allowed"),
    [
        (EVENTS, FROM, True),
        (EVENTS, {}, True),
        (EVENTS, {"StringEquals": {"aws:SourceArn": "arn:*"}}, False),
        (EVENTS, {"ArnLike": {"aws:SourceArn": "arn:*"}}, True),
        (EVENTS, {"ArnEquals": {"aws:SourceArn": "arn:another"}}, False),
        ({"Service": "sns.amazonaws.com"}, FROM, False),
        ("*", FROM, True),
    ],
)
def test_which_service_may_send_to_a_queue(principal: Any, condition: dict[str, Any], allowed: bool) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage", "Resource": OWN}
    statement |= {"Condition": condition}

    assert allows([statement], "sqs:SendMessage", OWN, "events.amazonaws.com", source="arn:rule") == allowed
