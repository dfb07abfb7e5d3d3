"""Every function of every example under every fault: the world is afterwards as one undisturbed call leaves it.

The table:  uv run pytest tests/patterns/test_every_pattern.py -v
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from support import faults
from support.documents import ROOT
from support.faults import Reference, Stage, Subject
from support.handlers import Example
from support.subjects import subjects
from support.templates import functions
from trials.examples import in_typescript, patterns
from trials.world import differences

SUBJECTS = subjects()


@pytest.fixture
def stages(example: Callable[..., Example], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Subject], Stage]]:
    """Makes fresh stages of a subject."""
    with ExitStack() as stubs:

        def made(subject: Subject) -> Stage:
            stub = stubs.enter_context(subject.outside())
            shop = example(subject.example, subject.language, **subject.parameters(stub))
            stage = Stage(subject, shop, stub, monkeypatch.setenv)
            subject.before(stage)
            return stage

        yield made


REFERENCES: dict[str, Reference] = {}


def reference(subject: Subject, stages: Callable[[Subject], Stage]) -> Reference:
    if str(subject) not in REFERENCES:
        REFERENCES[str(subject)] = faults.undisturbed(lambda: stages(subject))
    return REFERENCES[str(subject)]


def test_every_function_is_a_subject() -> None:
    there = {(name, each) for name in patterns() for each in functions(ROOT / "examples" / name / "template.yaml")}
    python = [subject for subject in SUBJECTS if subject.language == "python"]

    subjects_of = {(subject.example, subject.name) for subject in python}
    places = {f"edit SUBJECTS of tests/patterns/{name}/faults.py: {each}" for name, each in subjects_of ^ there}
    assert not places, "\n".join(sorted(places))
    assert len(there) == len(python)
    both = {subject.example for subject in SUBJECTS if subject not in python}
    assert set(in_typescript()) - both == {"durable_workflow"}


@pytest.mark.e2e
@pytest.mark.parametrize("subject", [each for each in SUBJECTS if each.language == "typescript"], ids=str)
def test_a_handler_in_typescript_leaves_what_its_sibling_in_python_leaves(
    stages: Callable[[Subject], Stage], subject: Subject
) -> None:
    sibling = replace(subject, language="python")
    python, typescript = reference(sibling, stages), reference(subject, stages)
    ours, theirs = faults.without_answers(python.world), faults.without_answers(typescript.world)

    assert [str(each) for each in differences(ours, theirs, python.noisy | typescript.noisy)] == []


@pytest.mark.e2e
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
@pytest.mark.parametrize("fault", [faults.twice, faults.at_once], ids=lambda fault: fault.__name__)
def test_a_repeat_changes_nothing(
    stages: Callable[[Subject], Stage], subject: Subject, fault: Callable[[Stage], None]
) -> None:
    wanted, stage = reference(subject, stages), stages(subject)

    fault(stage)

    assert wanted.missed(stage) == []


@pytest.mark.e2e
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_whatever_throttles_only_delays(stages: Callable[[Subject], Stage], subject: Subject) -> None:
    wanted = reference(subject, stages)
    asked = dict.fromkeys(each for each in wanted.calls if each[0])
    assert bool(asked) == subject.asks_aws
    for service, operation in asked:
        stage = stages(subject)

        faults.throttled(stage, service, operation)

        assert wanted.missed(stage) == [], f"{service} {operation}"


@pytest.mark.e2e
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_a_death_after_any_call_is_made_good_by_the_next_attempt(
    stages: Callable[[Subject], Stage], subject: Subject
) -> None:
    wanted = reference(subject, stages)
    assert wanted.calls
    for after in wanted.deaths():
        stage = stages(subject)

        faults.dies(stage, after)

        assert wanted.missed(stage) == [], f"after call {after} of {wanted.calls}"


@pytest.mark.e2e
@pytest.mark.parametrize("subject", [each for each in SUBJECTS if each.name == "Publish"], ids=str)
def test_what_is_refused_under_http_200_is_an_error_and_not_lost(
    stages: Callable[[Subject], Stage], subject: Subject
) -> None:
    wanted, stage = reference(subject, stages), stages(subject)

    faults.refused_partly(stage)

    assert wanted.missed(stage) == []


@pytest.mark.e2e
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_what_nobody_can_mean_is_refused_and_changes_nothing(
    stages: Callable[[Subject], Stage], subject: Subject
) -> None:
    stage = stages(subject)
    before = stage.world()

    taken, after = faults.malformed(stage), stage.world()

    if subject.sets_aside:
        assert len(taken) == len(subject.malformed(stage)) == len(after.pop(subject.sets_aside))
        assert before.pop(subject.sets_aside) == []
    else:
        assert taken == []
    assert after == before
