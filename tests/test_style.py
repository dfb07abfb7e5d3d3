"""Sentences that a colleague reads once, in the files that are done."""

import pytest

from support.style import complaints, openings, read

DONE = ["references/eda-patterns.md"]

TRAP = "| Condition | Symptom | Remedy |\n| --- | --- | --- |\n"


@pytest.mark.parametrize("name", DONE)
def test_a_file_that_is_done_is_written_in_sentences(name: str) -> None:
    assert [str(each) for each in complaints(read(name))] == []


@pytest.mark.parametrize("name", DONE)
def test_a_section_opens_with_a_sentence_that_says_what_it_is_about(name: str) -> None:
    assert {title for title, block in openings(read(name)).items() if block != "paragraph_open"} == set()
    assert len(openings(read(name))) >= 5


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("| Need | Take |\n| --- | --- |\n| one · many | SQS · SNS |\n", "a cell pairs by middots"),
        ("| Need | Take |\n| --- | --- |\n| It waits. | SQS |\n", "a cell begins with a pronoun"),
        (f"{TRAP}| the mark is late | Two calls. | Mark first. |\n", "a cell of a trap is no sentence"),
        (f"{TRAP}| The mark is late. | Two calls. | Mark first |\n", "a cell of a trap is no sentence"),
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
        f"{'word ' * 30}end. {'Word ' * 30}end.\n",
        "```text\na · b\n```\n",
    ],
)
def test_what_is_in_style_passes(text: str) -> None:
    assert complaints(text) == []


def test_a_section_that_opens_with_a_table_is_noticed() -> None:
    assert openings("## A\n\n| a |\n| --- |\n| b |\n\n## B\n\nSays.\n") == {"A": "table_open", "B": "paragraph_open"}
