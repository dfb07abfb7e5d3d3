"""Sentences that a colleague reads once, in every document but the history of what changed."""

from pathlib import Path

import pytest

from support.documents import ROOT, documents
from support.style import complaints, openings

READ = [path for path in documents() if path.name != "CHANGELOG.md"]
REFERENCES = [path for path in READ if path.parent.name == "references"]

TRAP = "| Condition | Symptom | Remedy |\n| --- | --- | --- |\n"


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_all_that_people_and_agents_read_is_looked_at() -> None:
    assert {"SKILL.md", "README.md", "examples/README.md", "tests/README.md"} <= set(map(name, READ))
    assert len(REFERENCES) == 6


@pytest.mark.parametrize("path", READ, ids=name)
def test_a_document_is_written_in_sentences(path: Path) -> None:
    assert [str(each) for each in complaints(path.read_text())] == []


@pytest.mark.parametrize("path", REFERENCES, ids=name)
def test_a_section_opens_with_a_sentence_that_says_what_it_is_about(path: Path) -> None:
    found = openings(path.read_text())

    assert {title for title, block in found.items() if block != "paragraph_open"} == set()
    assert len(found) >= 5


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("| Need | Take |\n| --- | --- |\n| one · many | SQS · SNS |\n", "a cell pairs by middots"),
        ("| Need | Take |\n| --- | --- |\n| It waits. | SQS |\n", "a cell begins with a pronoun"),
        (f"{TRAP}| the mark is late | Two calls. | Mark first. |\n", "a cell of a trap is no sentence"),
        (f"{TRAP}| The mark is late. | Two calls. | Mark first |\n", "a cell of a trap is no sentence"),
        (
            f"{TRAP}| The mark is late. | Two calls (put the mark before the call). | Mark first. |\n",
            "a bracket hides a clause",
        ),
        (f"{'word ' * 36}end.\n", "a sentence has 37 words"),
        (f"- {'word ' * 36}end.\n", "a sentence has 37 words"),
        (f"{TRAP}| The mark {'is ' * 36}late. | Two calls. | Mark first. |\n", "a sentence has 39 words"),
    ],
)
def test_what_is_against_the_style_is_noticed(text: str, law: str) -> None:
    assert law in {each.law for each in complaints(text)}


@pytest.mark.parametrize(
    "text",
    [
        f"{TRAP}| The mark is late. | Two calls. | `RetryPolicy` |\n",
        "| Need | Take |\n| --- | --- |\n| one service does the work | an SQS queue |\n",
        f"{TRAP}| The mark [is late](../a_b.md) (`A`, one of two). | Two calls. | Mark first. |\n",
        f"{'word ' * 30}end. {'Word ' * 30}end.\n",
        "```text\na · b\n```\n",
    ],
)
def test_what_is_in_style_passes(text: str) -> None:
    assert complaints(text) == []


def test_a_section_that_opens_with_a_table_is_noticed() -> None:
    assert openings("## A\n\n| a |\n| --- |\n| b |\n\n## B\n\nSays.\n") == {"A": "table_open", "B": "paragraph_open"}
