"""An old project starts green and only gets better: what is new, overdue or mended and still accepted makes it red."""

import datetime
import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from support.results import HOSTILE, NIGHTLY, QUEUE, of_each_kind, told
from trials import cli, own
from trials.local_aws import LocalAwsError
from trials.report.annotations import annotations
from trials.report.baseline import DAYS, Baseline, compare, opened, write
from trials.report.junit import junit
from trials.report.result import Objection, Result
from trials.report.sarif import sarif
from trials.report.terminal import show
from trials.verdicts import Promise, Status, broken, held

TODAY = datetime.date(2026, 11, 28)
DOUBLED, LOST = Objection("doubled", str(QUEUE), "twice"), Objection("lost", str(QUEUE), "throttled")


def written(folder: Path, result: Result) -> Baseline:
    write(Baseline(folder / "b.toml", True, today=TODAY), result)
    return Baseline(folder / "b.toml", False, opened(folder / "b.toml", False).entries, TODAY)


def judged(baseline: Baseline, result: Result) -> Result:
    result.compared = compare(baseline, result)
    return result


def without(result: Result, trial: str) -> Result:
    result.findings = [each for each in result.findings if each.trial != trial]
    return result


def test_what_was_written_is_accepted_whole_until_a_date(tmp_path: Path) -> None:
    baseline = written(tmp_path, of_each_kind(tmp_path))
    result = judged(baseline, of_each_kind(tmp_path))

    assert len(baseline.entries) == 7
    assert {each.until for each in baseline.entries} == {TODAY + datetime.timedelta(days=DAYS)}
    assert "topic" not in str(baseline.entries[2].happened)
    assert result.exit_code == 0
    assert list(annotations(result)) == []
    assert "failure" not in junit(result).replace('failures="0"', "")
    assert sarif(result).count('"suppressions"') == 7


def test_a_text_that_says_otherwise_is_the_same_objection(tmp_path: Path) -> None:
    baseline = written(tmp_path, of_each_kind(tmp_path))
    result = without(of_each_kind(tmp_path), "twice")
    result.take(told(QUEUE, "twice", broken(Promise.DOUBLED, "other words")))
    result.lint = [{**each, "line": "77", "message": "others"} for each in result.lint]

    assert judged(baseline, result).exit_code == 0


@pytest.mark.parametrize("promise", [Promise.LOST, Promise.DOUBLED])
def test_what_is_new_makes_it_red(promise: Promise, tmp_path: Path) -> None:
    baseline = written(tmp_path, of_each_kind(tmp_path))
    result = of_each_kind(tmp_path)
    result.take(told(QUEUE, "malformed", broken(promise, "it went")))

    assert judged(baseline, result).exit_code == 1
    assert result.compared
    assert result.compared.new == [Objection(str(promise), str(QUEUE), "malformed")]
    assert [line for line in annotations(result) if "it went" in line] == list(annotations(result))


def test_a_finding_of_lint_counts_once_there_is_a_baseline(tmp_path: Path) -> None:
    baseline = written(tmp_path, of_each_kind(tmp_path))
    result = of_each_kind(tmp_path)
    result.lint = [*result.lint, {**result.lint[0], "path": "Resources/Failed"}]

    assert judged(baseline, result).exit_code == 1


def test_a_source_that_is_newly_unproved_is_exit_3_and_may_be_allowed(tmp_path: Path) -> None:
    baseline = written(tmp_path, of_each_kind(tmp_path))
    known = [each for each in baseline.entries if each.objection.rule != "unproved"]
    result = judged(Baseline(baseline.file, False, known, TODAY), of_each_kind(tmp_path))

    assert result.exit_code == 3
    result.allow_unproved = True
    assert result.exit_code == 0


def test_what_is_mended_and_still_accepted_makes_it_red_until_it_is_taken_out(tmp_path: Path) -> None:
    baseline = written(tmp_path, of_each_kind(tmp_path))
    result = without(of_each_kind(tmp_path), "twice")
    result.take(told(QUEUE, "twice", held("the repeat changed nothing")))

    assert judged(baseline, result).exit_code == 1
    assert result.compared
    assert result.compared.mended == [DOUBLED]
    assert len(list(annotations(result))) == 1
    write(baseline, result)
    assert judged(opened(baseline.file, False), result).exit_code == 0


def test_what_breaks_otherwise_in_the_same_trial_has_changed_and_is_neither_mended_nor_new(tmp_path: Path) -> None:
    baseline = written(tmp_path, of_each_kind(tmp_path))
    result = without(of_each_kind(tmp_path), "twice")
    result.take(told(QUEUE, "twice", broken(Promise.BLOCKED, "it came again and again")))
    text = io.StringIO()
    show(judged(baseline, result), Console(file=text, width=80))

    assert result.exit_code == 1
    assert result.compared
    assert (result.compared.mended, result.compared.new) == ([], [])
    assert result.as_json()["baseline"]["changed"] == [f"{QUEUE}, twice: changed from doubled to blocked"]
    assert f"Changed  {QUEUE}, twice: changed from doubled to blocked" in text.getvalue()
    assert "Mended" not in text.getvalue()
    assert [line for line in annotations(result) if "again and again" in line] == list(annotations(result))
    write(baseline, result)
    assert judged(opened(baseline.file, False), result).exit_code == 0


def test_of_two_that_came_in_place_of_one_the_second_is_new(tmp_path: Path) -> None:
    baseline = written(tmp_path, of_each_kind(tmp_path))
    result = without(of_each_kind(tmp_path), "twice")
    result.take(told(QUEUE, "twice", broken(Promise.BLOCKED, "it came again")))
    result.take(told(QUEUE, "twice", broken(Promise.LOST, "it went")))
    compared = compare(baseline, result)

    assert [each.before.rule for each in compared.changed] == ["doubled"]
    assert len(compared.new) == 1
    assert compared.mended == []


def test_a_source_that_was_unproved_and_is_untried_has_changed_and_stays_open(tmp_path: Path) -> None:
    baseline = written(tmp_path, of_each_kind(tmp_path))
    result = of_each_kind(tmp_path)
    result.sources[1] = replace(result.sources[1], status=Status.UNTRIED)

    assert judged(baseline, result).exit_code == 3
    assert result.compared
    assert list(map(str, result.compared.changed)) == [f"{NIGHTLY}: changed from unproved to untried"]


@pytest.mark.parametrize(
    ("change", "mended"),
    [
        (lambda result: without(result, "twice"), []),  # a trial that did not take place
        (lambda result: setattr(result, "error", "it stopped"), []),
        (lambda result: result.__dict__.update(not_linted="no cfn-lint", lint=[]), []),
        (lambda result: setattr(result, "lint", []), ["E9101", "W1"]),
        (lambda result: setattr(result, "outcomes", []), []),
        (lambda result: result.outcomes.pop(0), ["scenario"]),
        (lambda result: result.sources.pop(1), ["unproved"]),
        (
            lambda result: result.__dict__.update(sources=result.sources[1:], findings=[]),
            ["doubled", "lost"],
        ),  # a source that is gone
    ],
)
def test_what_was_not_looked_at_is_not_mended(change: Any, mended: list[str], tmp_path: Path) -> None:
    baseline = written(tmp_path, of_each_kind(tmp_path))
    change(result := of_each_kind(tmp_path))

    assert [each.rule for each in compare(baseline, result).mended] == mended


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("until = 2026-11-28", 0),
        ("until = 2026-11-27", 1),
        ('reason = "the receiver dedupes"', 0),
        ('reason = "the receiver dedupes"\nuntil = 2020-01-01', 0),
    ],
)
def test_a_date_that_has_passed_counts_and_a_reason_does_not_age(entry: str, code: int, tmp_path: Path) -> None:
    baseline = written(tmp_path, of_each_kind(tmp_path))
    others = [each for each in baseline.entries if each.objection != DOUBLED]
    (tmp_path / "one.toml").write_text(
        f'[[accepted]]\nrule = "doubled"\nsubject = "{QUEUE}"\ntrial = "twice"\n{entry}\n'
    )
    entries = [*opened(tmp_path / "one.toml", False).entries, *others]

    result = judged(Baseline(baseline.file, False, entries, TODAY), of_each_kind(tmp_path))

    assert result.exit_code == code
    assert len(list(annotations(result))) == code  # it is shown again


def test_writing_again_keeps_reasons_and_dates(tmp_path: Path) -> None:
    baseline = written(tmp_path, of_each_kind(tmp_path))
    text = baseline.file.read_text()
    baseline.file.write_text(text.replace("until = 2027-02-26", 'reason = "it may"', 1))
    write(
        Baseline(baseline.file, True, opened(baseline.file, True).entries, datetime.date(2027, 6, 1)),
        of_each_kind(tmp_path),
    )
    again = opened(baseline.file, False).entries

    assert [each.why for each in again] == ["it may", *["until 2027-02-26"] * 6]


def test_any_text_comes_back_as_it_was(tmp_path: Path) -> None:
    result = of_each_kind(tmp_path)
    result.lint = [{**result.lint[0], "path": HOSTILE.replace("\ud800", "").replace("\x00", "") + '\x7f"\\'}]

    assert judged(written(tmp_path, result), result).exit_code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no baseline {}: make one with `--baseline write`"),
        ("[[accepted]", "{} is no TOML: "),
        ("accept = []", "all it holds is [[accepted]]"),
        ('[[accepted]]\nrule = "lost"', "entry 1: it has rule and subject"),
        ('[[accepted]]\nrule = "lost"\nsubject = "x"\nreasons = "y"', "entry 1: it has rule and subject"),
        ('[[accepted]]\nrule = "lost"\nsubject = "x"', "entry 1: say why it may stay (reason"),
        ('[[accepted]]\nrule = "lost"\nsubject = "x"\nuntil = "2027-01-01"', "until is a date such as 2027-01-31"),
        ('[[accepted]]\nrule = 5\nsubject = "x"\nreason = "y"', "rule is a text"),
    ],
)
def test_a_baseline_that_cannot_be_read_is_one_line(text: str | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    if text:
        file.write_text(text)
    with pytest.raises(LocalAwsError) as refused:
        opened(file, False)

    assert said.format(file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_without_a_baseline_to_check_no_work_is_begun(tmp_path: Path) -> None:
    result = Result()
    wish = own.Wish(tmp_path, baseline="check")
    with pytest.raises(LocalAwsError, match="there is no baseline"):
        own.the_baseline(wish)

    assert result.exit_code == 3


@pytest.mark.parametrize("named", ["", "template.yaml", "cdk.out", "cdk.out/X.template.json"])
def test_the_file_stands_beside_the_template_and_never_in_what_synthesis_makes(named: str, tmp_path: Path) -> None:
    (tmp_path / "cdk.out").mkdir()
    for template in ("template.yaml", "cdk.out/X.template.json"):
        (tmp_path / template).touch()
    asked = own.the_baseline(own.Wish(tmp_path / named, baseline="write"))

    assert asked
    assert asked.file == tmp_path / "trials-baseline.toml"


def test_work_that_stopped_writes_no_baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = own.run(own.Wish(tmp_path, as_json=True, baseline="write"), Console(), Console(stderr=True))

    assert code == 2
    assert '"baseline": {' in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--baseline", "check", "."], "--baseline is for a project of your own: name its folder first"),
        ([".", "--baseline", "renew"], "after --baseline comes write or check"),
        ([".", "--baseline", "write", "a", "b"], "after --baseline comes write or check"),
        ([".", "--baseline", "write", "/nowhere/b.toml"], "there is no folder /nowhere"),
    ],
)
def test_what_is_wrong_with_the_words_is_said(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", *words])
    with pytest.raises(SystemExit):
        cli.arguments(["queue_worker"])

    assert said in capsys.readouterr().err
