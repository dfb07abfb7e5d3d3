"""Damage is of every kind and leaves code readable, and what graders noticed of it is published as it was measured."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from evals import damage
from evals.scoring import Check, Severity, Task, scored_tasks
from trials.local_aws import LocalAws

FIGURES = damage.RESULTS / "damage.json"
README = Path(__file__).resolve().parent / "README.md"
AGAIN = "uv run --directory tests python -m evals.damage --json evals/results/damage.json"
LEAST = 0.75  # of one task


def test_nine_tenths_of_all_damage_was_noticed() -> None:
    figures = damage.measured(FIGURES)
    noticed, tried = damage.total(figures)

    assert noticed >= damage.ENOUGH * tried
    assert [name for name, one in figures.items() if one.noticed < LEAST * one.tried] == []


@pytest.mark.e2e
def test_figures_are_of_the_answers_that_stand_here(tmp_path: Path) -> None:
    figures = damage.measured(FIGURES)
    today = {
        task.name: [f"{each.file}, {each.what}" for each in damage.of_task(task, task.good(tmp_path / task.name))]
        for task in scored_tasks()
    }

    assert {name: one.tried for name, one in figures.items()} == {
        name: len(all_of_it) for name, all_of_it in today.items()
    }, AGAIN
    assert {what for name, one in figures.items() for what in one.missed if what not in today[name]} == set(), AGAIN


def test_the_readme_tells_what_was_measured() -> None:
    whole, figures = json.loads(FIGURES.read_text()), damage.measured(FIGURES)
    noticed, tried = damage.total(figures)
    text = " ".join(README.read_text().split())

    assert f"at commit {whole['commit']}, {whole['date']}: {noticed} of {tried} noticed" in text
    for name, one in figures.items():
        assert (f"| {name} | {one.noticed} of {one.tried} |" in text) == bool(one.missed), name


def test_figures_of_one_commit_are_added_up_and_others_dropped(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    damage.keep({"b": damage.Measured(3, ["x"])}, file, "1")
    damage.keep({"a": damage.Measured(2, [])}, file, "1")

    assert list(damage.measured(file)) == ["a", "b"]
    assert damage.total(damage.measured(file)) == (4, 5)

    damage.keep({"a": damage.Measured(2, ["y"])}, file, "2")

    assert damage.measured(file) == {"a": damage.Measured(2, ["y"])}


def test_an_answer_that_fails_undamaged_is_not_damaged(tmp_path: Path, aws: LocalAws) -> None:
    bad = Check("it_is_asked_for", Severity.ASKED, lambda *_: ["it is not there"])
    task = SimpleNamespace(name="t", good=lambda folder: folder, checks=[bad])

    with pytest.raises(SystemExit, match="t: the good answer fails it_is_asked_for"):
        damage.unnoticed(cast(Task, task), aws, tmp_path)


CODE = """
def handler(event):
    if event:
        store.put(event, ConditionExpression="c")
    queue.send(event)
    raise ValueError
"""
TEMPLATE = """
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      RedrivePolicy: { a: b }
  Policy:
    Type: AWS::IAM::Policy
    Action: [s3:GetObject, s3:GetObjectVersion]
    More: { Action: sqs:SendMessage, Resource: a }
  Permission:
    Type: AWS::Lambda::Permission
    Action: lambda:InvokeFunction
"""


def test_damage_is_of_every_kind_and_leaves_code_readable() -> None:
    of_code = dict(damage.in_python(CODE))
    of_template = dict(damage.in_template(TEMPLATE))

    assert [what.split(": ")[1] for what in of_code] == [
        "swapped with the next",
        "condition turned round",
        "no raise",
        "no ConditionExpression",
    ]
    for text in of_code.values():
        compile(text, "damaged", "exec")
    assert of_code["line 3: swapped with the next"].index("queue.send") < of_code[
        "line 3: swapped with the next"
    ].index("if")
    assert list(of_template) == [
        "line 5: no RedrivePolicy",
        "line 8: may not s3:GetObject",
        "line 8: may not s3:GetObjectVersion",
        "line 9: may not sqs:SendMessage",
    ]
    assert f"Action: [{damage.NOTHING}, s3:GetObjectVersion]" in of_template["line 8: may not s3:GetObject"]
    assert f"{{ Action: {damage.NOTHING}, Resource: a }}" in of_template["line 9: may not sqs:SendMessage"]


APART = """
table = resource.Table("t")
def plain(event):
    return event["a"]
def handler(event):
    first = plain(event)
    second = int(event["b"])
    {third}
"""


@pytest.mark.parametrize(
    ("third", "lines"),
    [
        ("third = str(event)", []),
        ("third = str(second)", [7]),  # which uses what the one before it sets
        ("third = table.get(event)", [7]),  # which asks somebody
        ("third = other(event)", [7]),  # nobody knows what it does
        ("event['third'] = str(event)", [7]),  # which others see
        ("print(event)", [7]),
    ],
)
def test_only_what_nobody_can_notice_is_not_swapped(third: str, lines: list[int]) -> None:
    assert [what for what, _ in damage.in_python(APART.format(third=third))] == [
        f"line {line}: swapped with the next" for line in lines
    ]
