"""Every fact is proved by a model, or dated with its page, and stands in a document."""

from collections import Counter
from datetime import date

import pytest

from support.documents import documents
from support.facts import Fact, agrees, facts, months_old

FACTS = facts()


@pytest.mark.parametrize("fact", [fact for fact in FACTS if fact.botocore], ids=lambda fact: fact.id)
def test_the_model_shows_it(fact: Fact) -> None:
    assert agrees(fact), f"{fact.botocore} no longer shows {fact.value!r}: look it up and mend every {fact.says!r}"


@pytest.mark.parametrize("fact", [fact for fact in FACTS if not fact.botocore], ids=lambda fact: fact.id)
def test_a_page_stands_for_it_and_was_read_within_a_year(fact: Fact) -> None:
    assert fact.url.startswith("https://")
    assert 0 <= months_old(fact, date.today()) <= 12, f"read {fact.url} again, then date {fact.id} anew"


def test_each_fact_is_said_somewhere_and_has_its_own_name() -> None:
    text = "\n".join(path.read_text() for path in documents())

    assert [fact.id for fact in FACTS if fact.says not in " ".join(text.split())] == []
    assert [name for name, count in Counter(fact.id for fact in FACTS).items() if count > 1] == []
    assert len(FACTS) >= 7
