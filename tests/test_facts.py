"""Every fact is proved by a model, a package or a test, or dated with its page; every number in prose is a fact."""

import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from support.documents import ROOT, documents
from support.facts import Fact, agrees, facts, months_old, unproved

FACTS = facts()
SHIPPED = [ROOT / "SKILL.md", *sorted((ROOT / "references").glob("*.md"))]


@pytest.mark.parametrize("fact", [fact for fact in FACTS if fact.proof != "url"], ids=lambda fact: fact.id)
def test_the_proof_shows_it(fact: Fact) -> None:
    proof = getattr(fact, fact.proof)
    assert agrees(fact), f"{proof} no longer shows {fact.value!r}: look it up and mend every {fact.says!r}"


@pytest.mark.parametrize("fact", [fact for fact in FACTS if fact.proof == "url"], ids=lambda fact: fact.id)
def test_a_page_stands_for_it_and_was_read_within_a_year(fact: Fact) -> None:
    assert fact.url.startswith("https://")
    assert 0 <= months_old(fact, date.today()) <= 12, f"read {fact.url} again, then date {fact.id} anew"


def test_each_fact_is_said_somewhere_and_has_its_own_name() -> None:
    text = " ".join(word for path in documents() for word in path.read_text().split())

    assert [fact.id for fact in FACTS if fact.says not in text] == []
    assert [fact.id for fact in FACTS if not re.search("[A-Za-z]", fact.says)] == [], "say its unit or its name too"
    assert [name for name, count in Counter(fact.id for fact in FACTS).items() if count > 1] == []
    assert len(FACTS) >= 60


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_no_number_stands_without_a_fact(path: Path) -> None:
    assert unproved(path, [fact.says for fact in FACTS]) == []
