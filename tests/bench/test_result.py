"""The result of a project: its exit code, and the one JSON object, whatever happened."""

import io
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from support.results import NIGHTLY, TEMPLATE, of_each_kind, told
from trials.local_aws import Outcome, environment
from trials.project import Kind, Source
from trials.report.events import CallsSeen, Deployed, Linted, SourceEnded, SourceStarted, Told, TrialStarted
from trials.report.junit import junit
from trials.report.markdown import markdown
from trials.report.page import page
from trials.report.result import Result
from trials.report.terminal import Progress, show
from trials.report.told import again
from trials.samples.sample_files import SampleFile
from trials.verdicts import Finding, Judgement, Promise, Status, broken, held, unproved
from trials.verdicts.permissions import Call, Used
from trials.verdicts.remedies import remedy

QUEUE = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
DELIVERED, UNTRIED = SourceEnded(QUEUE, Status.DELIVERED), SourceEnded(QUEUE, Status.UNTRIED, "an image")
UNPROVED, BROKEN = SourceEnded(QUEUE, Status.UNPROVED, "no", "x"), SourceEnded(QUEUE, Status.BROKEN, "no")


def finding(judgement: Judgement) -> Told:
    return Told(Finding(str(QUEUE), "twice", judgement, *remedy(judgement.promise, QUEUE)))


OK, BAD, OPEN = finding(held("ok")), finding(broken(Promise.DOUBLED, "again")), finding(unproved("?", supply="x"))


def result(*events: Any, **settings: Any) -> Result:
    collected = Result(**settings)
    for event in events:
        collected.take(event)
    return collected


@pytest.mark.parametrize(
    ("events", "settings", "code"),
    [
        ([DELIVERED, OK], {}, 0),
        ([DELIVERED, OPEN], {}, 0),  # it was delivered; one fault of many could not be told
        ([DELIVERED, BAD], {}, 1),
        ([BROKEN, BAD], {}, 1),
        ([BROKEN, BAD], {"allow_unproved": True}, 1),
        ([DELIVERED, UNPROVED], {}, 3),
        ([DELIVERED, UNPROVED], {"allow_unproved": True}, 0),
        ([DELIVERED, UNTRIED], {}, 3),
        ([DELIVERED, UNTRIED], {"allow_unproved": True}, 0),
        ([UNPROVED, BAD], {}, 1),
        ([], {}, 3),  # what nobody looked at has not passed
        ([], {"allow_unproved": True}, 3),
        ([], {"error": "no template"}, 2),
        ([DELIVERED, BAD], {"error": "the local AWS stopped"}, 2),
        ([DELIVERED], {"outcomes": [Outcome("a", "b", "c", False)]}, 1),
        ([], {"outcomes": [Outcome("a", "b", "c", True)]}, 0),
        ([DELIVERED, Linted([{"rule": "E1", "level": "Error", "line": "1", "message": "m"}])], {}, 0),
    ],
)
def test_the_exit_code_says_how_it_ended(events: list[Any], settings: dict[str, Any], code: int) -> None:
    assert result(*events, **settings).exit_code == code


FULL = {
    "template": str,
    "exit": int,
    "error": str,
    "sources": list,
    "findings": list,
    "samples": list,
    "lint": list,
    "not_linted": str,
    "deployed": list,
    "not_deployed": dict,
    "notes": list,
    "outcomes": list,
    "seconds": float,
}


@pytest.mark.parametrize(
    ("events", "settings"),
    [
        ([], {"error": "no template"}),
        ([Deployed(["Jobs (AWS::SQS::Queue)"], {"X": "y"}), DELIVERED, OK, BAD, UNPROVED, OPEN, UNTRIED], {}),
    ],
)
def test_json_is_one_object_of_one_shape_whatever_happened(events: list[Any], settings: dict[str, Any]) -> None:
    told = result(*events, **settings, samples=[SampleFile("events/a.json")], seconds=1.0).as_json()

    assert set(told) >= set(FULL)
    assert {key: isinstance(told[key], kind) for key, kind in FULL.items()} == dict.fromkeys(FULL, True)
    for source in told["sources"]:
        assert set(source) >= {"source", "kind", "function", "status", "why", "supply"}
        assert source["status"] in {"delivered", "broken", "unproved", "untried"}
    for each in told["findings"]:
        keys = {"source", "trial", "verdict", "promise", "happened", "details", "remedy", "link", "supply"}
        assert set(each) >= keys
        assert each["verdict"] in {"held", "broken", "unproved"}
        assert bool(each["remedy"]) is bool(each["link"]) is (each["verdict"] == "broken")


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (SampleFile("a.json", [{}], used_by=["queue Jobs → Work"]), ""),
        (SampleFile("a.json", why="it is no JSON: x"), "it is no JSON: x"),
        (SampleFile("a.json", [{}]), "it has not the shape of an event of any source that was tried"),
    ],
)
def test_every_sample_file_says_who_used_it_or_why_nobody_did(file: SampleFile, why: str) -> None:
    (told,) = result(DELIVERED, samples=[file]).as_json()["samples"]

    assert (told["file"], told["used_by"], told["why"]) == ("a.json", file.used_by, why)


def shown(collected: Result) -> str:
    text = io.StringIO()
    show(collected, Console(file=text, width=80))
    return text.getvalue()


def test_the_terminal_shows_remedy_link_and_what_is_open_whole() -> None:
    long = "a difference that is longer than a table's column " * 5
    collected = result(DELIVERED, finding(broken(Promise.DOUBLED, long)), UNPROVED, UNTRIED)
    text = shown(collected)

    assert f"doubled  {QUEUE}, twice: {long}".rstrip() in text
    assert "remedy: Make the effect conditional" in text
    assert "references/eda-patterns.md#queue-worker" in text
    assert f"Unproved  {QUEUE}: no. To supply: x" in text
    assert f"Untried  {QUEUE}: an image" in text
    assert "something broke (exit 1)" in text


def test_the_terminal_says_where_it_broke_how_to_see_it_again_and_what_would_prove_the_rest(tmp_path: Path) -> None:
    collected = of_each_kind(tmp_path)
    collected.take(told(NIGHTLY, "malformed", unproved("it cannot be told", supply="a log")))
    collected.take(told(NIGHTLY, "throttled", unproved("it cannot be told", supply="a log")))
    text = shown(collected)
    doubled = text[text.index(f"doubled  {QUEUE}") : text.index(f"lost  {QUEUE}")].splitlines()
    event = TEMPLATE.splitlines().index("        Jobs:") + 1

    assert f"    at: template.yaml:{event}" in doubled
    (again,) = [line for line in doubled if line.startswith("    again: uv run ")]
    assert shlex.split(again)[-2:] == ["--only", str(QUEUE)]
    assert f"Unproved  {QUEUE}, malformed: it cannot be told. To supply: a log" in text
    assert f"Unproved  {NIGHTLY}, malformed, throttled: it cannot be told. To supply: a log" in text
    assert text.count("To supply: an event") == 1
    assert "E9101 template.yaml:3: Jobs: VisibilityTimeout is 30: a, b" in text


@pytest.mark.parametrize(
    ("supply", "event", "hint"),
    [
        ("put a real event of this source into events/Work.Jobs.json", {"Records": []}, True),
        ("put a real event of this source into events/Work.Jobs.json", None, False),  # none to begin with
        ("the answer of the outside service", {"Records": []}, False),
    ],
)
def test_who_is_asked_for_an_event_is_told_of_the_option_that_writes_one(supply: str, event: Any, hint: bool) -> None:
    collected = result(SourceEnded(QUEUE, Status.UNPROVED, "no", supply, event=event))
    said = f"{supply} (`--samples` writes it for you to fill in)" if hint else supply

    assert f"Unproved  {QUEUE}: no. To supply: {said}\n" in shown(collected)
    assert [each["supply"] for each in collected.as_json()["sources"]] == [said]


def test_what_an_untried_source_needs_is_shown() -> None:
    ended = SourceEnded(QUEUE, Status.UNTRIED, "an image", "events/Work.Jobs.json, the event as it comes to Work")

    assert f"Untried  {QUEUE}: an image. To supply: {ended.supply}\n" in shown(result(ended))


def test_a_broken_promise_that_needs_something_says_so() -> None:
    judged = replace(broken(Promise.DOUBLED, "again"), supply="the answer of the outside service")

    assert "    to supply: the answer of the outside service\n" in shown(result(DELIVERED, finding(judged)))


def test_the_terminal_shows_what_is_known_when_the_work_could_not_be_done() -> None:
    lint = Linted([{"rule": "W9101", "level": "Warning", "line": "7", "message": "m"}])
    text = shown(result(lint, error="stack trial-1 was refused", template="shop/template.yaml"))

    assert "W9101 " in text
    assert "template.yaml:7: m" in text
    assert "Stopped  stack trial-1 was refused" in text
    assert "(exit 2)" in text


@pytest.mark.parametrize("width", [50, 80, 200])
def test_at_a_terminal_no_line_of_the_tables_is_wider_than_it(width: int) -> None:
    text = io.StringIO()
    long = "a difference that is longer than a table's column " * 9
    collected = result(
        DELIVERED, finding(held(long)), finding(unproved(long)), outcomes=[Outcome(long, long, long, True)]
    )
    show(collected, Console(file=text, width=width, force_terminal=True, no_color=True, legacy_windows=False))
    table = [line for line in re.sub(r"\x1b\[[\d;]*m", "", text.getvalue()).splitlines() if line[:1] in "┏┃┡│└"]

    assert len(table) > 8
    assert {len(line) for line in table if line} == {max(map(len, table))}
    assert max(map(len, table)) <= width


def test_what_goes_into_a_pipe_is_whole() -> None:
    long = " ".join(f"difference{number}" for number in range(90))
    text = shown(result(DELIVERED, finding(held(long))))

    assert [word for word in long.split() if word not in text] == []


def told_on_the_way(terminal: bool) -> str:
    text = io.StringIO()
    progress = Progress(Console(file=text, width=70, force_terminal=terminal, no_color=True))
    topic = Source(Kind.TOPIC, "[tell]", "Tell.Told", "Told")
    with progress.bar:
        for event in (SourceStarted(QUEUE, 1, 7), SourceStarted(topic, 2, 7), TrialStarted(QUEUE, "twice")):
            progress.take(event)
        progress.bar.refresh()
        progress.take(TrialStarted(topic, "throttled, and with a name that is longer than the line of the terminal"))
        progress.bar.refresh()
    return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", text.getvalue())


def test_progress_names_source_trial_how_many_and_time_though_several_are_tried_at_once() -> None:
    lines = told_on_the_way(terminal=False).splitlines()

    assert [line for line in lines if "twice" in line] == [f"0:00:00 source 1 of 7, {QUEUE}: twice"]
    assert any(line.startswith("0:00:00 source 2 of 7, topic Told → [tell]: throttled, and") for line in lines)


def test_progress_is_one_line_of_a_terminal() -> None:
    lines = re.split(r"[\r\n]+", told_on_the_way(terminal=True))

    assert any("0:00:00 source 1 of 7, queue Jobs → Work: twice" in line for line in lines)
    assert any("topic Told → [tell]: throttled" in line for line in lines)
    assert max(map(len, lines)) <= 70


@pytest.mark.parametrize(("here", "said"), [(True, ""), (False, " (this downloads it, the first time only)")])
def test_a_download_is_told_only_while_there_is_one(
    here: bool, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "ENVIRONMENT", tmp_path)
    if here:
        (tmp_path / "compiled.lock").touch()

    assert environment.once(environment.is_installed()) == said


def test_the_calls_of_a_function_with_two_sources_make_one_policy() -> None:
    table = "arn:aws:dynamodb:us-east-1:1:table/orders-ab"
    granted = [
        {"Effect": "Allow", "Action": ["dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:Scan"], "Resource": table}
    ]
    used = [
        Used([Call(f"dynamodb:{name}", table)], granted, {"orders-ab": "Orders"}) for name in ("PutItem", "GetItem")
    ]

    collected = result(*(CallsSeen("Work", each) for each in used))
    statement = "{ Effect: Allow, Action: [dynamodb:GetItem, dynamodb:PutItem], Resource: !GetAtt Orders.Arn }"
    assert collected.as_json()["policies"] == {"Work": {"least": [statement], "unused": ["dynamodb:Scan"]}}
    assert statement in shown(collected)
    assert "dynamodb:Scan in no trial" in shown(collected)


def of_a_search() -> Result:
    lost = Finding(
        "all sources", "search", broken(Promise.LOST, "after 3 steps", "1. the event"), "Mend it.", "file:///x#y"
    )
    collected = result(DELIVERED, finding(held("once")), Told(lost), template="/p/template.yaml")
    collected.searched = 200
    return collected


def test_what_a_search_found_is_in_every_output() -> None:
    collected = of_a_search()
    document = ElementTree.fromstring(junit(collected))  # noqa: S314, our own
    cases = {case.get("name"): [child.tag for child in case] for case in document.iter("testcase")}

    assert collected.exit_code == 1
    assert cases["search"] == ["failure"]
    assert "after 3 steps" in page(collected)
    assert "after 3 steps" in markdown(collected)


def test_the_command_that_searches_again_names_no_source() -> None:
    collected = of_a_search()
    one, all_of_it = again(collected, collected.findings[0]), again(collected, collected.findings[1])

    assert "--only" in one
    assert "--search" not in one
    assert all_of_it.endswith(" /p/template.yaml --search 200")
    assert again(collected) == all_of_it


def test_a_template_without_anything_to_try_is_told_so() -> None:
    assert "nothing to try: the template has nothing that sets a function off (exit 3)" in shown(result())
