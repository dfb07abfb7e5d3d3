"""Our examples, each broken in a few ways that the trials must name; the whole of it is part of the labelled set."""

from collections import Counter
from pathlib import Path

import pytest

from support.labelled import variants
from support.mistakes import Seed, seeds, sow
from support.seeds import caught, harvest

ROOT = Path(__file__).resolve().parents[2]


def test_every_seeded_fault_still_fits_its_example(tmp_path: Path) -> None:
    for number, seed in enumerate(seeds()):
        sow(seed, tmp_path / str(number))

    counted = Counter(seed.example for seed in seeds())
    examples = {path.parent.name for path in (ROOT / "examples").glob("*/template.yaml")}
    assert {name for name in examples if counted[name] < 3} == set(), "name three in tests/patterns/NAME/seeds.py"
    assert len({str(seed) for seed in seeds()}) == len(seeds())


def test_a_mistake_of_the_labelled_set_is_told_by_the_trials_alone(tmp_path: Path) -> None:
    sown = [variant for variant in variants() if variant.name.startswith(("seeds/", "mutants/"))]

    folders = [variant.place(tmp_path / str(number)) for number, variant in enumerate(sown)]

    assert len(folders) > len(seeds())
    assert [folder for folder in folders if (folder / "scenario.py").exists()] == []


@pytest.mark.e2e
@pytest.mark.parametrize("seed", [seed for seed in seeds() if seed.example == "rest_api"][:1], ids=str)
def test_a_seeded_fault_is_found_and_nothing_else_is_claimed(tmp_path: Path, seed: Seed) -> None:
    findings = harvest(sow(seed, tmp_path))

    assert caught(seed, findings)
    assert {str(each.judgement.promise) for each in findings if each.judgement.promise} == {seed.broken}
