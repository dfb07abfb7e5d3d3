"""What the benchmarks compare, and that the page says what they found; nothing here depends on how long it takes."""

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import cold_start, reading, results, rules, trials
from benchmarks.cold_start import BASE, VARIANTS, Start
from support.documents import ROOT, documents, fences
from support.snippets import quotes
from trials.examples import patterns
from trials.project import Kind, Source, read
from trials.report.events import Deployed, Event, SourceEnded, SourceStarted, TrialStarted
from trials.verdicts import Status

EXAMPLES = [ROOT / "examples" / name for name in patterns()]
FOUND = results.load()


def test_every_function_of_every_example_is_started() -> None:
    found = cold_start.handlers(EXAMPLES)
    declared = [
        (example.name, (example / "template.yaml").read_text().count("Type: AWS::Serverless::Function\n"))
        for example in EXAMPLES
    ]

    assert [(example.name, sum(each.example == example for each in found)) for example in EXAMPLES] == declared
    assert len(declared) == len(patterns())
    assert all(count for _, count in declared)


def test_an_example_without_a_function_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources:\n  Queue: { Type: AWS::SQS::Queue }\n")

    with pytest.raises(LookupError, match="has no function"):
        cold_start.handlers([tmp_path])


@pytest.mark.parametrize("handler", cold_start.handlers(EXAMPLES), ids=str)
def test_a_variant_is_the_handler_with_something_before_it(handler: cold_start.Handler) -> None:
    def statements(code: str) -> list[str]:
        return [ast.dump(node) for node in ast.parse(code).body]

    docstring, *rest = statements(handler.module.read_text())

    for _, prefix in VARIANTS.values():
        variant = cold_start.changed(handler.module.read_text(), prefix)
        assert statements(variant) == [docstring, *statements(prefix), *rest, *statements(cold_start.PROCESSOR)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (5, "5"),
        ({"Ref": "Table"}, "x"),
        ({"Ref": "Seconds"}, "60"),
        ({"Fn::Sub": '{"Arn": "${Queue.Arn}"}'}, '{"Arn": "x"}'),
        ({"Fn::Sub": ["${Host}/a", {"Host": {"Ref": "Api"}}]}, "x/a"),
    ],
)
def test_a_handler_finds_its_variables_in_their_shape(value: Any, text: str) -> None:
    assert cold_start.filled(value, {"Seconds": 60, "Url": None}) == text


def test_variants_take_turns_and_none_has_a_place_of_its_own() -> None:
    names = [str(handler) for handler in cold_start.handlers(EXAMPLES)]
    every = list(cold_start.turns(2, names))
    size = len(VARIANTS)
    turns = [every[first : first + size] for first in range(0, len(every), size)]

    assert [(number, name) for number in (0, 1) for name in names] == [turn[0][:2] for turn in turns]
    for turn in turns:
        assert {each[:2] for each in turn} == {turn[0][:2]}
        assert sorted(variant for _, _, variant in turn) == sorted(VARIANTS)
    for place in range(size):
        assert {turn[place][2] for turn in turns} == set(VARIANTS)


def test_a_ratio_is_within_its_round() -> None:
    """The machine is busier from round to round; one round of the variant is disturbed."""
    starts = [
        Start(number, "f", variant, milliseconds * more, milliseconds)
        for variant in VARIANTS
        for number, milliseconds in enumerate((100, 200, 400))
        for more in [(3 if number == 0 else 1.1) if variant == "all three" else 1]
    ]
    rows = {row.variant: row for row in cold_start.ratios(starts)}

    assert set(rows) == set(VARIANTS)
    assert (rows[BASE].init, rows[BASE].init_ratio) == (200, 1)
    assert rows["all three"].init_ratio == pytest.approx(1.1)  # the medians' own ratio is 1.5
    assert rows["all three"].processor_ratio == 1


@pytest.fixture(scope="module")
def doubled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reading.enlarged(tmp_path_factory.mktemp("doubled"), 2)


@pytest.mark.e2e
def test_a_bundle_twice_as_large_has_every_fence_twice_and_quotes_each_copy(doubled: Path) -> None:
    once = [fence for path in documents() for fence in fences(path)]
    twice = [fence for path in documents(doubled) for fence in fences(path)]
    quoted = [fence for fence in twice if quotes(fence)]

    assert len(once) > 50
    assert len(twice) == 2 * len(once)
    assert len({fence.address for fence in quoted}) == 2 * len({fence.address for fence in once if quotes(fence)})
    assert reading.excerpts(quoted, doubled) == []


@pytest.mark.e2e
def test_a_copy_that_differs_from_its_quote_is_noticed(tmp_path: Path) -> None:
    root = reading.enlarged(tmp_path, 2)
    quoted = [fence for path in documents(root) for fence in fences(path) if "copy-1/queue_worker/" in fence.address]
    line = quoted[0].text.splitlines()[0]
    source = root / quoted[0].address.partition("#")[0]
    source.write_text(source.read_text().replace(line, f"{line} # changed"))

    with pytest.raises(ValueError, match="quotes: "):
        reading.checked(root)


def test_a_bundle_that_is_not_twice_as_large_is_noticed() -> None:
    pairs = [((10, 1.0), (20, 2.5)), ((10, 2.0), (20, 4.0)), ((10, 4.0), (20, 4.0))]

    assert reading.compared("quotes", pairs) == reading.Check("quotes", 10, 200, 2)
    with pytest.raises(ValueError, match="has 19 fences"):
        reading.compared("quotes", [((10, 1.0), (19, 2.0))])


def test_the_linters_take_turns_on_all_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def timed(command: list[str]) -> rules.Run:
        asked.append(command)
        busy = (1, 1, 5, 5)[len(asked) - 1]
        return rules.Run(busy * (1.5 if "-a" in command else 1), busy * (1.2 if "-a" in command else 1))

    monkeypatch.setattr(rules, "timed", timed)
    cost = rules.measure(2)

    assert ["-a" in command for command in asked] == [False, True, True, False]
    assert all(
        command[-len(EXAMPLES) :] == [str(example / "template.yaml") for example in EXAMPLES] for command in asked
    )
    assert cost.templates == len(patterns())
    assert cost.clock == 3
    assert [cost.clock_ratio, cost.processor_ratio] == pytest.approx([1.5, 1.2])


def test_a_linter_that_fails_is_not_timed() -> None:
    with pytest.raises(Exception, match="exit status 3"):
        rules.timed([sys.executable, "-c", "exit(3)"])


def test_the_page_says_what_was_found() -> None:
    assert results.shown() == results.page(FOUND), f"repair with: {results.REPAIR}"


def test_what_was_found_is_of_every_example() -> None:
    assert {row.function.split()[0] for row in FOUND.starts} == set(patterns())
    assert {row.variant for row in FOUND.starts} == set(VARIANTS)
    assert FOUND.rules.templates == len(patterns())
    assert set(results.SHOWN) <= {check.kind for check in FOUND.checks}


def test_a_page_that_has_no_such_section_is_not_refilled() -> None:
    assert results.refilled("# a\n\n## Measured\n\nold\n\n## b\n", FOUND) == f"# a\n\n{results.page(FOUND)}\n## b\n"
    with pytest.raises(LookupError, match="0 sections"):
        results.refilled("# a\n\n## b\n", FOUND)


def test_the_picture_shows_every_function_on_light_and_on_dark_pages() -> None:
    drawn = results.PICTURE.read_text()

    assert [row.function for row in FOUND.starts if f">{row.function.replace('_', ' ', 1)}<" not in drawn] == []
    assert "prefers-color-scheme:dark" in drawn
    assert len(drawn) < 100_000


def test_trials_are_measured_with_as_many_sources_as_are_said(tmp_path: Path) -> None:
    for number in trials.SIZES:
        (folder := tmp_path / str(number)).mkdir()
        found = read(trials.several(folder, number), "http://127.0.0.1:9").sources

        assert [str(each) for each in found] == [f"queue Jobs{copy} → Work{copy}" for copy in range(1, number + 1)]


def test_a_phase_lasts_until_the_next_one_of_its_source_and_the_last_as_long_as_the_source_says() -> None:
    one, two = (Source(Kind.QUEUE, name, name) for name in ("one", "two"))
    events: list[tuple[float, Event]] = [
        (0, SourceStarted(one, 1, 2)),  # handed out while the worker is still deploying
        (4, Deployed([], {})),
        (4, TrialStarted(one, "once")),
        (5, SourceStarted(two, 2, 2)),
        (5, TrialStarted(two, "once")),
        (7, TrialStarted(one, "twice")),
        (8, TrialStarted(two, "twice")),
        (12, SourceEnded(one, Status.DELIVERED, seconds=8)),
        (12, SourceEnded(two, Status.DELIVERED, seconds=4)),  # told late
    ]

    assert trials.phases(events) == {trials.START: 4, "once": 6, "twice": 6}


def test_what_was_found_keeps_the_budgets_and_grows_with_the_sources_at_most() -> None:
    seconds = {row.sources: row.whole for row in FOUND.trials}

    assert seconds.keys() == trials.BUDGETS.keys()
    assert [number for number, most in trials.BUDGETS.items() if seconds[number] > most] == []
    assert seconds[5] <= 5 * seconds[1]
