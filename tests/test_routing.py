"""What people ask leads to one section that holds the answer and costs little."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.documents import ROOT, links, rows, section, sections, slug, tokens

SKILL = ROOT / "SKILL.md"


@dataclass(frozen=True)
class Question:
    ask: str
    go: str
    holds: list[str]
    report: str = ""

    @property
    def file(self) -> Path:
        return ROOT / self.go.partition("#")[0]

    @property
    def text(self) -> str:
        """The section; raises `LookupError` when the file has none that is called so."""
        (title,) = [title for title in sections(self.file) if slug(title) == self.go.partition("#")[2]] or [""]
        return section(self.file, title)


QUESTIONS = [Question(**entry) for entry in tomllib.loads((ROOT / "tests" / "routing.toml").read_text())["question"]]


def test_there_are_enough_questions_and_each_reference_answers_some() -> None:
    asked = {question.file.name for question in QUESTIONS}

    assert len(QUESTIONS) >= 120
    assert sum(bool(question.report) for question in QUESTIONS) >= 40, "reports show what people stumble over"
    assert len({question.ask for question in QUESTIONS}) == len(QUESTIONS)
    assert asked == {path.name for path in (ROOT / "references").glob("*.md")}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.ask[:50])
def test_the_section_holds_the_answer_within_the_budget(question: Question) -> None:
    text = " ".join(question.text.split())

    assert [word for word in question.holds if word not in text] == []
    assert tokens(SKILL.read_text()) + tokens(question.text) <= 3300


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.ask[:50])
def test_the_front_page_leads_there(question: Question) -> None:
    """By a link to the section, as the catalogue has it, or by its title in the row of its file."""
    file, title = question.go.partition("#")[0], question.text.split("\n")[0].removeprefix("## ")
    row = [cells[1] for cells in rows(section(SKILL, "Read")) if f"({file})" in cells[0]]

    assert question.go in {link.target for link in links(SKILL)} or title in row[0]


def test_every_section_of_every_reference_is_on_the_front_page() -> None:
    linked = {link.target for link in links(SKILL)}
    listed = {cells[0].split("(")[1].rstrip(")"): cells[1] for cells in rows(section(SKILL, "Read"))}
    every = {
        f"references/{path.name}#{slug(title)}": title
        for path in (ROOT / "references").glob("*.md")
        for title in sections(path)
    }

    assert [go for go, title in every.items() if go not in linked and title not in listed[go.split("#")[0]]] == []
