"""The Markdown files of the bundle: their headings, links, tables and fenced code blocks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent.parent
PARSER = MarkdownIt("commonmark").enable("table")


@cache
def parsed(markdown: str) -> list[Token]:
    """The tokens of a text, which are to be read only: most texts are asked for many times."""
    return PARSER.parse(markdown)


@dataclass(frozen=True)
class Fence:
    """A fenced block: its language, the address behind it, its text, and the zero-based lines of its body."""

    path: Path
    language: str
    address: str
    text: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path.name}:{self.first}"


@dataclass(frozen=True)
class Link:
    path: Path
    target: str

    def __str__(self) -> str:
        return f"{self.path.name} -> {self.target}"


def documents(root: Path = ROOT) -> list[Path]:
    """Every Markdown file that ships: at the top, in `references/` and `examples/`, and the pages of `tests/`."""
    places = ("*.md", "references/*.md", "examples/**/*.md", "tests/README*.md", "tests/rules/*.md")
    return sorted(path for place in places for path in root.glob(place))


def fences(path: Path) -> list[Fence]:
    found = []
    for token in parsed(path.read_text()):
        if token.type == "code_block":
            assert token.map
            found.append(Fence(path, "indented", "", token.content, *token.map))
        elif token.type == "fence":
            assert token.map
            language, _, address = token.info.strip().partition(" ")
            found.append(Fence(path, language, address.strip(), token.content, token.map[0] + 1, token.map[1] - 1))
    return found


def links(path: Path) -> list[Link]:
    return [Link(path, str(token.attrs["href"])) for token in _inline(path) if token.type == "link_open"]


def anchors(path: Path) -> set[str]:
    """The fragment identifiers that GitHub gives the headings of a file."""
    tokens = parsed(path.read_text())
    titles = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]
    return {slug(title) for title in titles}


def slug(title: str) -> str:
    """The fragment identifier that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def section(path: Path, title: str) -> str:
    """The text of a second-level section, heading included."""
    parts = re.split(r"(?m)^(?=## )", path.read_text())
    found = [part for part in parts if part.startswith(f"## {title}\n")]
    if len(found) != 1:
        raise LookupError(f"{path.name} has {len(found)} sections called {title!r}")
    return found[0]


def sections(path: Path) -> dict[str, str]:
    """Every second-level section by its title, heading included."""
    parts = re.split(r"(?m)^(?=## )", path.read_text())[1:]
    return {part.split("\n", 1)[0].removeprefix("## "): part for part in parts}


def rows(text: str) -> list[list[str]]:
    """The cells of every table row in a piece of Markdown, header rows left out."""
    found: list[list[str]] = []
    body = False
    for token in parsed(text):
        if token.type in ("tbody_open", "tbody_close"):
            body = token.type == "tbody_open"
        elif body and token.type == "tr_open":
            found.append([])
        elif body and token.type == "inline":
            found[-1].append(token.content)
    return found


def tokens(text: str) -> int:
    """Length in tokens of the o200k encoding, which is near enough to every current model's."""
    return len(_encoding().encode(text))


@cache
def _encoding() -> Any:
    import bpe_openai  # takes a second, which only those who count should spend

    return bpe_openai.get_encoding("o200k_base")


def _inline(path: Path) -> Iterator[Token]:
    for token in parsed(path.read_text()):
        yield from token.children or []
