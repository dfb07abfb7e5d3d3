"""What people ask leads to one section that holds the answer and costs little."""

import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import contents
from support.documents import ROOT, section, sections, slug, tokens

SKILL = ROOT / "SKILL.md"


@dataclass(frozen=True)
class Question:
    ask: str
    go: str
    holds: list[str]
    report: str = ""
    error: str = ""

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
    assert tuple(question.go.split("#")) in set(contents.routes(SKILL.read_text()))


SEARCH = "grep -nF 'TEXT' references/*.md"


def found_in(text: str) -> set[str]:
    """Which sections the search of the front page leads to, as a question names them; it sees one line at a time."""
    files = [f"references/{path.name}" for path in contents.REFERENCES]
    lines = subprocess.run(["grep", "-nF", text, *files], cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    places = [re.match(r"(.+?):(\d+):", line) for line in lines]
    return {
        f"{place[1]}#{slug(title)}"
        for place in places
        if place
        for title, (first, last) in contents.spans((ROOT / place[1]).read_text()).items()
        if first <= int(place[2]) <= last
    }


def test_the_front_page_names_the_search_for_an_exact_text() -> None:
    assert SEARCH in " ".join(SKILL.read_text().split())
    assert sum(bool(question.error) for question in QUESTIONS) >= 15


@pytest.mark.parametrize("question", [each for each in QUESTIONS if each.error], ids=lambda each: each.error[:50])
def test_an_exact_text_is_found_in_its_section_and_in_few_others(question: Question) -> None:
    places = found_in(question.error)

    assert question.go in places
    assert len(places) <= 4, "too common to look up: give a longer text"


def test_a_text_that_is_nowhere_or_broken_by_a_line_is_not_found() -> None:
    assert found_in("no such text anywhere") == set()


def test_every_section_of_every_reference_is_on_the_front_page_and_nothing_else_is() -> None:
    every = {(f"references/{path.name}", slug(title)) for path in contents.REFERENCES for title in sections(path)}

    assert set(contents.routes(SKILL.read_text())) == every


def test_the_front_page_says_where_each_section_begins_and_how_long_it_is() -> None:
    assert SKILL.read_text() == contents.routed(SKILL.read_text()), f"repair with: {contents.REPAIR}"


@pytest.mark.parametrize("path", contents.REFERENCES, ids=lambda path: path.stem)
def test_a_reference_opens_with_a_table_of_its_sections(path: Path) -> None:
    text = path.read_text()

    assert text == contents.listed(text), f"repair with: {contents.REPAIR}"
    assert contents.NOT_SAID not in contents.subjects(text).values()
    assert list(contents.subjects(text)) == list(sections(path))


@pytest.mark.parametrize("path", contents.REFERENCES, ids=lambda path: path.stem)
def test_what_is_read_by_its_lines_is_the_section_and_nothing_else(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    read = {
        title: "".join(lines[first - 1 : last]) for title, (first, last) in contents.spans(path.read_text()).items()
    }

    assert read == {title: f"{text.rstrip()}\n" for title, text in sections(path).items()}


REFERENCE = """# Things

Opens.

- One, lines 7-9: of the first
- Two, lines 11-16: of the second

## One

a

## Two

```bash
## no heading
```

"""


def test_lines_that_moved_are_mended_and_what_is_said_stays() -> None:
    listed = contents.listed(REFERENCE)

    assert "- One, lines 8-10: of the first\n- Two, lines 12-16: of the second\n\n## One" in listed
    assert contents.listed(listed) == listed
    assert contents.listed(listed.replace("a\n", "a\nb\n")) != listed.replace("a\n", "a\nb\n")


def test_a_section_without_a_word_of_what_it_is_about_is_noticed() -> None:
    assert contents.NOT_SAID in contents.listed(f"{REFERENCE}## Three\n\nc\n")


def test_a_route_that_moved_is_mended_in_a_link_and_in_a_row(tmp_path: Path) -> None:
    (tmp_path / "references").mkdir()
    (tmp_path / "references" / "things.md").write_text(contents.listed(REFERENCE))
    front = "[x](references/things.md#one)\n\n| [things](references/things.md) | One; Two 1+2 (hint) |\n"

    mended = contents.routed(front, tmp_path)

    assert mended == front.replace("#one)", "#one) 8+3").replace("One; Two 1+2", "One 8+3; Two 12+5")
    assert contents.routed(mended, tmp_path) == mended
    with pytest.raises(KeyError, match="Three"):
        contents.routed(front.replace("One;", "Three;"), tmp_path)
