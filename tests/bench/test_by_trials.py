"""What the trials alone say of the mistakes in Python handlers: which are asked about, and what is published."""

from pathlib import Path

import pytest

from support import by_trials
from support.by_trials import (
    NOT_YET,
    Report,
    broken,
    current,
    digest,
    in_python,
    known,
    parts,
    reasons,
    row,
    summary,
    touched,
)
from support.mistakes import Mutant, mutants, planted
from trials.machines import trying
from trials.machines.definition import Task
from trials.machines.history import Attempt, Ending, Fault, Play, Way
from trials.project import read
from trials.workers import URL

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "tests" / "trials" / "README.md"
IN_PYTHON = [each for each in mutants() if in_python(each)]
SHIPS = Mutant("event_router", "x", (("ship.py", "attribute_not_exists(event_id)", "attribute_exists(event_id)"),))


def test_only_mistakes_in_python_handlers_are_asked_about() -> None:
    files = {file for mutant in IN_PYTHON for file, _, _ in mutant.edits}

    assert len(IN_PYTHON) > 100
    assert {Path(file).suffix for file in files} == {".py"}
    assert not {"stack.py", "scenario.py"} & files


def test_the_copy_has_the_mistake_and_no_scenario(tmp_path: Path) -> None:
    copy = planted(SHIPS, tmp_path)

    assert "attribute_exists(event_id)" in (copy / "ship.py").read_text()
    assert not (copy / "scenario.py").exists()


def test_the_functions_that_load_a_changed_file_are_tried_and_no_others(tmp_path: Path) -> None:
    project = read(planted(SHIPS, tmp_path), URL)

    assert touched(project, ["ship.py"]) == {"Ship"}
    assert touched(project, ["publish.py"]).isdisjoint({"Ship"})
    assert touched(project, ["nobody.py"]) == set()


def test_a_module_that_several_handlers_import_touches_them_all(tmp_path: Path) -> None:
    jobs = next(each for each in IN_PYTHON if each.edits[0][0] == "jobs.py")

    assert len(touched(read(planted(jobs, tmp_path), URL), ["jobs.py"])) >= 3


def test_a_result_counts_only_for_the_files_that_were_tried(tmp_path: Path) -> None:
    before = digest(planted(SHIPS, tmp_path))
    report = Report(str(SHIPS), before)

    assert current(SHIPS, report)
    assert not current(SHIPS, Report(str(SHIPS), "of other files"))


def test_what_was_missed_is_told_with_its_reason_or_as_missed() -> None:
    assert row(Report("a: b", ""), "because") == "a: b | - | because"
    assert "MISSED" in row(Report("a: b", ""), "")
    assert row(Report("a: b", "", "dies", "lost", thorough=True), "") == "a: b | dies (--thorough) | lost"


def test_every_result_and_every_reason_is_of_a_mistake_that_is_there() -> None:
    names = {str(each) for each in IN_PYTHON}

    assert set(known()) <= names, "run python -m support.mutants --by-trials"
    assert set(reasons()) <= names, "own_promises.toml names a mistake that is gone"
    reported = {name for name, report in known().items() if report.reported}
    assert not reported & set(reasons()), "own_promises.toml: the trials report it"
    assert all(len(why.split()) > 4 for why in reasons().values()), "own_promises.toml: a reason is a sentence"


def test_the_figure_that_is_published_is_what_was_measured() -> None:
    found = known()
    said = " ".join(README.read_text().split())

    assert found
    assert summary(found, [str(each) for each in IN_PYTHON]) in said


def test_a_lack_of_the_trials_is_no_promise_of_the_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    own, lacks = "a: b", "a: c"
    monkeypatch.setattr(by_trials, "reasons", lambda: {own: "a rule of the business", lacks: f"{NOT_YET}mails"})

    told = summary({own: Report(own, "")}, [own, lacks, "a: d"])

    assert "1 of the others break what only a promise" in told
    assert "1 more need what the trials lack so far" in told
    assert "0 were not asked about" in told
    assert "nobody has asked about the other 1 yet" in told


def test_what_a_trial_of_machines_needs_is_played_first_and_then_all() -> None:
    reference = Play(Fault(), Ending("SUCCEEDED"), (Attempt("Pay", stood_in=True),))
    known = {"Pay": Task("Pay", "arn:aws:states:::lambda:invoke")}

    def played() -> set[Way]:
        return {fault.way for fault in trying.faults(reference, known)}

    asked = parts("late step")
    named, thorough = next(asked)
    first = played()
    next(asked)

    assert (named, thorough, first) == ((), True, {Way.UNKNOWN})
    assert played() >= {Way.ONCE, Way.FOR_GOOD, Way.UNKNOWN}


def test_nothing_is_asked_where_no_function_loads_the_file(tmp_path: Path) -> None:
    project = read(planted(SHIPS, tmp_path), URL)
    stage = type("Stage", (), {"project": project})()

    assert list(broken(stage, ["nobody.py"])) == []
