"""Small systems with a known fault, or with a known trap for the trials: what is said of them is what is expected.

Each folder of `cases` holds one, with its `expected.toml`; `support.expected` says how to read it.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.expected import Expected, complaints, meant, read, score
from support.labelled import VISIBLE, variants
from support.mistakes import mutants

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted(path.parent for path in (ROOT / "tests" / "bench" / "cases").glob("*/template.yaml"))
RUN = [sys.executable, str(ROOT / "examples" / "run.py")]


@pytest.mark.e2e
@pytest.mark.parametrize("case", CASES, ids=lambda folder: folder.name)
def test_what_is_said_of_a_case_is_what_is_expected(case: Path) -> None:
    expected = read(case)
    thorough = ["--thorough"] if expected.thorough else []
    done = subprocess.run(
        [*RUN, str(case), "--json", *thorough], capture_output=True, text=True, timeout=600, check=False
    )
    told = json.loads(done.stdout)

    assert complaints(expected, told) == []
    assert done.returncode == told["exit"]


def test_every_case_says_what_it_is_and_what_is_expected() -> None:
    assert CASES
    for case in CASES:
        expected = read(case)
        assert expected.about, case.name
        assert expected.exit, case.name
        assert all(part.get("issue") for part in expected.wanted), case.name


def test_the_labelled_set_is_large_enough_to_measure_with() -> None:
    names = [variant.name for variant in variants()]

    assert len(names) >= 80
    assert len(set(names)) == len(names)
    assert len([name for name in names if name.startswith("right/")]) >= 30
    assert set(VISIBLE) <= {str(mutant) for mutant in mutants()}


# ---- the reading of expectations itself

LOST = {"trial": "malformed", "verdict": "broken", "promise": "lost", "happened": "gone"}
HELD = {"trial": "malformed", "verdict": "held", "promise": "", "happened": "kept"}
OPEN = {"trial": "malformed", "verdict": "unproved", "promise": "", "happened": "?"}


def told(*findings: dict[str, Any], code: int = 1) -> dict[str, Any]:
    sources = [{"source": "queue Jobs → Work", "status": "delivered"}]
    return {"exit": code, "error": "", "sources": sources, "findings": list(findings)}


@pytest.mark.parametrize(
    ("expected", "findings", "right"),
    [
        (Expected(exit=(1,), must=({"trial": "malformed", "promise": "lost"},)), [LOST], True),
        (Expected(exit=(1,), must=({"trial": "malformed", "promise": "lost"},)), [HELD], False),
        (Expected(exit=(1,), must=({"promise": "lost", "happened": "gone"},)), [LOST], True),
        (Expected(exit=(1,), must=({"promise": "lost", "happened": "never"},)), [LOST], False),
        (Expected(exit=(1,), may=({"promise": "lost"},)), [LOST], True),
        (Expected(exit=(1,)), [LOST], False),  # every other "broken" is false
        (Expected(exit=(1,)), [HELD, OPEN], True),
        (Expected(exit=(1,)), [HELD, {**OPEN, "happened": "the trials stopped: OverflowError"}], False),
        (Expected(exit=(1,), must_not=({"trial": "malformed", "verdict": "held"},)), [HELD], False),
        (Expected(exit=(1,), must_not=({"trial": "malformed", "verdict": "held"},)), [OPEN], True),
        (Expected(exit=(0,)), [HELD], False),
        (Expected(exit=(1,), sources={"queue Jobs → Work": "delivered"}), [], True),
        (Expected(exit=(1,), sources={"queue Jobs → Work": "unproved"}), [], False),
        (Expected(exit=(1,), wanted=({"promise": "lost", "issue": 20},)), [HELD], True),
        (Expected(exit=(1,), wanted=({"promise": "lost", "issue": 20},)), [LOST], False),  # turn the line
    ],
)
def test_a_run_is_right_or_it_is_said_what_is_wrong(
    expected: Expected, findings: list[dict[str, Any]], right: bool
) -> None:
    assert (complaints(expected, told(*findings)) == []) is right


def test_a_verdict_is_meant_only_with_all_its_words() -> None:
    assert meant({"promise": "lost"}, LOST)
    assert not meant({"promise": "lost", "trial": "once"}, LOST)
    assert not meant({"promise": "lost"}, HELD)


def test_a_missed_fault_that_was_called_held_is_counted_as_such() -> None:
    expected = Expected(must=({"trial": "malformed", "promise": "lost"},))

    assert score(expected, told(HELD))["lost", "missed, held"] == 1
    assert score(expected, told(OPEN))["lost", "missed"] == 1
    assert score(expected, told(OPEN))["unproved", "unproved"] == 1
    assert score(expected, told(LOST))["lost", "right"] == 1
    assert score(Expected(), told(LOST))["lost", "wrong"] == 1
