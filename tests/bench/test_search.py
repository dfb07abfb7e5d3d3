"""The search: what a sequence may leave, how a failing one is shrunk, and planted faults that need an order."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from support import planted_orders
from support.planted_orders import EXAMPLES, Row, is_current, known, result, summary
from trials.cli import arguments
from trials.deliveries.history import Reference
from trials.project import Kind, Source
from trials.samples import Sample
from trials.search import search
from trials.search.machine import reduced, shortest
from trials.search.plan import Fault, Names, Plan, Step
from trials.search.play import Sent
from trials.search.search import NOTHING as NOTHING_TO_PLAY
from trials.search.verdict import Events, Left, wrong
from trials.stage import Stage
from trials.verdicts import Finding, Judgement, Promise, broken, held, unproved
from trials.world import World

ROOT = Path(__file__).resolve().parents[2]
PLANTED = sorted(path.parent for path in (ROOT / "tests" / "bench" / "planted").glob("*/template.yaml"))
IGNORED = frozenset({"queue Dlq"})
NOTHING: Events = ()


def sums(events: Events) -> World:
    """A handler that counts each event once."""
    return {"table T": [{"id": each, "count": "1"} for each in sorted(events)], "queue Dlq": []}


def last(events: Events) -> World:
    """A handler that keeps what came last."""
    return {"table T": [{"id": "a", "version": events[-1]}] if events else []}


def left(world: World, done: Events, told: Events = (), nowhere: Events = ()) -> Left:
    return Left(world, frozenset(done), frozenset(told), frozenset(nowhere))


HALF: World = {"table T": [{"id": 0, "count": "1"}, {"id": 1, "count": "1"}]}


@pytest.mark.parametrize(
    ("what", "promise"),
    [
        (left(sums((0, 1)), (0, 1)), None),
        (left(sums((0,)), (0,), told=(1,)), None),  # it lies where somebody is told
        (left(sums((0, 1)), (0,), told=(1,)), None),  # done, though its last delivery failed
        (left(sums((0,)), (0, 1)), Promise.LOST),
        (left({"table T": [{"id": 0, "count": "2"}]}, (0,)), Promise.DOUBLED),
        (left({"table T": [*sums((0,))["table T"], *sums((0,))["table T"]]}, (0,)), Promise.DOUBLED),
        (left({"table T": [{"id": 0, "count": "2"}]}, (0,), told=(1,)), Promise.DOUBLED),
        (left({**sums((0,)), "queue Dlq": [{"id": 1}]}, (0,), told=(1,)), None),
        (left({"table T": [{"id": 0, "count": "0"}]}, NOTHING, told=(0,)), None),  # claimed, its retries refused
        (left({"table T": [{"id": 0, "count": "2"}]}, NOTHING, told=(0,)), Promise.DOUBLED),
        (left({"table T": [{"id": 0, "count": "0"}]}, (0,), told=(1,)), Promise.LOST),
        (left(sums((0,)), (0,), told=(1,), nowhere=(1,)), Promise.LOST),
        (left(sums((0, 1)), (0, 1), nowhere=(1,)), None),  # given up once, and done by another delivery
        (left(sums(NOTHING), NOTHING), None),
    ],
)
def test_in_the_end_each_effect_is_there_once_or_somebody_is_told(what: Left, promise: Promise | None) -> None:
    failure = wrong(what, sums, {}, set(), IGNORED)

    assert (failure.promise if failure else None) == promise


def test_a_claim_that_is_made_later_is_no_more_than_the_effect() -> None:
    def at(time: str, state: str) -> World:
        return {"table T": [{"id": 0, "until": time, "state": state}]}

    claimed = left(at("1795928972163", "OPEN"), NOTHING, told=(0,))

    assert wrong(claimed, lambda events: at("1795928969812", "DONE") if events else {}, {}, set(), IGNORED) is None


@pytest.mark.parametrize(("version", "promise"), [(1, None), (7, Promise.DOUBLED)])
def test_an_event_done_by_half_may_have_overtaken_one_that_is_done(version: int, promise: Promise | None) -> None:
    def both(version: int, *states: str) -> World:
        claims = [{"id": number, "state": state} for number, state in enumerate(states)]
        return {"table T": [{"id": "a", "version": version}, *claims]}

    def alone(events: Events) -> World:
        return both(max(events), *["DONE"] * len(events)) if events else {}

    failure = wrong(left(both(version, "DONE", "OPEN"), (0,), told=(1,)), alone, {}, set(), IGNORED)

    assert (failure.promise if failure else None) == promise


@pytest.mark.parametrize(
    ("kept", "newer", "promise"),
    [(1, {0: 1}, None), (0, {0: 1}, Promise.LOST), (1, {}, None), (0, {}, None)],
)
def test_the_newest_version_wins_and_without_versions_any_order_may_stand(
    kept: int, newer: dict[int, int], promise: Promise | None
) -> None:
    failure = wrong(left(last((kept,)), (0, 1)), last, newer, set(), IGNORED)

    assert (failure.promise if failure else None) == promise


def test_an_event_that_is_done_by_half_may_be_told_of() -> None:
    def two(events: Events) -> World:
        return {"table A": [{"id": each} for each in events], "table B": [{"id": each} for each in events]}

    half = {"table A": [{"id": 0}, {"id": 1}], "table B": [{"id": 0}]}
    assert wrong(left(half, (0,), told=(1,)), two, {}, set(), IGNORED) is None
    assert wrong(left(half, (0, 1)), two, {}, set(), IGNORED) is not None
    other = {**half, "table B": [{"id": 0}, {"id": 7}]}
    assert wrong(left(other, (0,), told=(1,)), two, {}, set(), IGNORED) is not None


# ---- sequences


def plain(plan: Plan) -> list[int]:
    return [step.event for step in plan if step.fault is Fault.NONE and step.beside is None]


def another_in_between(plan: Plan) -> bool:
    """Whether an event, another one and the first again come in this order."""
    sent = plain(plan)
    return any(sent[i] == sent[k] != sent[j] for k in range(len(sent)) for j in range(k) for i in range(j))


@pytest.mark.e2e
def test_the_shortest_sequence_that_fails_is_found() -> None:
    found = shortest([2, 2, 2], another_in_between, most=200)
    assert found
    small = reduced(found, another_in_between)

    assert (len(small), small[0], another_in_between(small)) == (3, small[2], True)


def test_a_queue_is_played_unless_one_that_writes_into_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    receive, work = Source(Kind.HTTP, "Receive", "Receive.Post"), Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
    reference = Reference(Sample("{}", "event.json"))
    monkeypatch.setattr(search, "absent", lambda *_: "")
    monkeypatch.setattr(search, "of", lambda *_: reference)
    body = {"Resources": {"Receive": {"Properties": {"Environment": {"Variables": {"JOBS": {"Ref": "Jobs"}}}}}}}
    stage = cast("Stage", SimpleNamespace(project=SimpleNamespace(body=body)))

    assert search.comparable(stage, work, []) == (reference, "")
    assert search.comparable(stage, work, [receive])[0] is None


@pytest.mark.parametrize("known_by", ["id", "version"])
def test_a_next_version_that_is_taken_for_a_repeat_is_not_played(
    known_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = list[dict[str, int]]()
    source = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")

    def deliver(_stage: Stage, _source: Source, samples: list[Sample]) -> None:
        event = samples[0].payload
        if all(each[known_by] != event[known_by] for each in table):
            table.append(event)

    monkeypatch.setattr(search, "deliver", deliver)
    stage = cast("Stage", SimpleNamespace(fresh=table.clear, world=lambda: {"table T": list(table)}))
    sample = Sample({"id": 1, "version": 1}, "event.json")
    reference = Reference(sample, world={"table T": [sample.payload]})
    after = Sent(source, replace(sample, payload={"id": 1, "version": 2}), (), "the next version")

    assert search.follows(stage, after, reference) is (known_by == "version")


def test_a_fault_that_is_not_needed_is_left_out() -> None:
    plan = (Step(0, Fault.KILLED, 1), Step(1, Fault.THROTTLED), Step(0), Step(0, Fault.REDRIVE))

    assert reduced(plan, lambda tried: sum(step.event == 0 for step in tried) >= 2) == (Step(0), Step(0))
    assert reduced(plan, lambda tried: any(step.fault is Fault.KILLED for step in tried)) == (plan[0],)


@pytest.mark.e2e
def test_each_portion_draws_sequences_of_its_own_the_same_at_each_time() -> None:
    def drawn(portion: int) -> list[Plan]:
        seen = list[Plan]()

        def holds(plan: Plan) -> bool:
            seen.append(plan)
            return False

        shortest([2, 0], holds, 20, portion)
        return seen

    first, second = drawn(1), drawn(2)
    assert first == drawn(1)
    assert len(set(first) & set(second)) < len(set(first)) / 2


@pytest.mark.e2e
def test_where_nothing_fails_nothing_is_found_and_every_kind_of_step_was_drawn() -> None:
    seen = list[Plan]()

    def holds(plan: Plan) -> bool:
        seen.append(plan)
        return False

    assert shortest([2, 0], holds, most=300) is None

    steps = {step for plan in seen for step in plan}
    assert {step.fault for step in steps} == set(Fault)
    assert any(step.beside is not None for step in steps)
    assert all(step.fault in (Fault.NONE, Fault.RENEWED) for step in steps if step.event == 1)  # it makes no calls


def test_a_sequence_is_told_step_by_step() -> None:
    names = Names(("queue A", "queue B"), (("dynamodb PutItem", "sqs SendMessage"), ()))
    plan = (Step(0, Fault.KILLED, 1), Step(1), Step(0, beside=1), Step(0, Fault.OUTAGE), Step(0, Fault.REDRIVE))

    assert names.told(plan) == [
        "1. queue A, killed after sqs SendMessage",
        "2. queue B",
        "3. queue A, again, and at once queue B",
        "4. queue A, again, dynamodb PutItem refused throughout",
        "5. what lies among the dead letters, again",
    ]


# ---- the command


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--keep-failure", "test_it.py"], "--search N"),
        (["--search", "-1"], "number of steps"),
        (["--search", "many"], ""),
    ],
)
def test_what_cannot_be_searched_is_one_line(
    given: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", str(PLANTED[0]), *given])
    with pytest.raises(SystemExit, match="2"):
        arguments([])

    assert said in capsys.readouterr().err


# ---- planted


HELD = "110 sequences, 503 steps, of 3 events: in the end"


@pytest.mark.parametrize(
    ("system", "judgement", "right"),
    [
        (EXAMPLES[0], held(HELD), True),
        (EXAMPLES[0], unproved(NOTHING_TO_PLAY), True),
        (EXAMPLES[0], unproved("the process of the search ended without a word"), False),
        (EXAMPLES[0], broken(Promise.LOST, "found in sequence 3"), False),
        (PLANTED[0], broken(Promise.LOST, "found in sequence 3"), True),
        (PLANTED[0], unproved(NOTHING_TO_PLAY), False),
    ],
)
def test_an_example_survives_and_a_planted_fault_is_found(system: Path, judgement: Judgement, right: bool) -> None:
    assert Row(system, Finding("all sources", "search", judgement), 1.0).as_it_is is right


@pytest.mark.e2e
@pytest.mark.parametrize("planted", PLANTED[:1], ids=lambda folder: folder.name)
def test_a_planted_fault_is_found(planted: Path) -> None:
    command = [sys.executable, "-m", "support.planted_orders", planted.name]
    done = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True, check=False, timeout=900)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_survives_hundreds_of_steps(example: Path) -> None:
    command = [sys.executable, "-m", "support.planted_orders", "--again", f"examples/{example.name}/"]
    done = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True, check=False, timeout=3600)

    assert done.returncode == 0, done.stdout + done.stderr


# ---- what the slow round said


def test_what_the_slow_round_said_of_each_example_is_published_and_none_failed() -> None:
    results = known()
    said = " ".join((ROOT / "tests" / "README.md").read_text().split())

    assert set(results) <= {example.name for example in EXAMPLES}
    assert [name for name, one in results.items() if not (one.survived or one.nothing_to_play or one.unfinished)] == []
    assert summary(results) in said, (
        f"run `uv run pytest -m slow`, or of one example with -k; then it says: {summary(results)}"
    )


def test_portions_add_up_and_an_example_has_survived_once_all_steps_were_played() -> None:
    row = Row(EXAMPLES[0], Finding("all sources", "search", held(HELD.replace("503", "250"))), 1.0)
    first = result(row)
    second = result(row, first)

    assert (first.unfinished, first.survived) == (True, False)
    assert (second.portions, second.sequences, second.steps, second.survived) == (2, 220, 500, True)
    lost = Row(EXAMPLES[0], Finding("all sources", "search", broken(Promise.LOST, "found in sequence 3")), 1.0)
    assert (result(lost, second).survived, result(lost, second).unfinished) == (False, False)
    nothing = Row(EXAMPLES[0], Finding("all sources", "search", unproved("the process ended without a word")), 1.0)
    assert (result(nothing).nothing_to_play, result(nothing).unfinished) == (False, False)


def test_an_example_that_changed_counts_as_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = EXAMPLES[:2]
    ours = [
        Row(each, Finding("all sources", "search", said), 1.0)
        for each, said in ((first, held(HELD)), (second, unproved(NOTHING_TO_PLAY)))
    ]
    results = {row.system.name: result(row) for row in ours}
    monkeypatch.setattr(planted_orders, "EXAMPLES", [first, second])

    assert summary(results) == (
        "Of 2 examples 1 survived at least 500 steps each, 503 in 110 sequences; in 1 there is nothing to play."
    )
    monkeypatch.setattr(planted_orders, "digest", lambda _: "of other files")
    assert not is_current(first, results)
    assert (
        summary(results) == "Of 2 examples 0 survived at least 500 steps; not searched to the end as they are now: 2."
    )
