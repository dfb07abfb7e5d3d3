"""What of the style a program can see: sentences that are too long, and cells that are no name, number or sentence."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from support.documents import parsed

LONGEST = 35  # words of a sentence
TRAPS = ("Condition", "You see")  # the first heading of a table whose every cell is a sentence
PRONOUN = re.compile(r"(?:It|Its|They|Their|Them|He|She|Both|Some|it|its|they|their)\b(?!')")
CLAUSE = 6  # words in brackets that say more than a name, and may be the remedy
BRACKET, LINK = re.compile(r"\(([^()]*)\)"), re.compile(r"\[[^\]]*\]\([^)]*\)")
CODE = re.compile(r"`[^`]*`")
SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+(?=[A-Z`\[*])")


@dataclass(frozen=True)
class Complaint:
    law: str
    text: str

    def __str__(self) -> str:
        return f"{self.law}: {self.text[:100]}"


def complaints(text: str) -> list[Complaint]:
    """What is against the style in the prose and the tables of a piece of Markdown."""
    found = []
    for heading, cell in cells(text):
        if " · " in cell:
            found.append(Complaint("a cell pairs by middots", cell))
        if PRONOUN.match(cell):
            found.append(Complaint("a cell begins with a pronoun", cell))
        if heading in TRAPS and not is_sentence(cell):
            found.append(Complaint("a cell of a trap is no sentence", cell))
        if any(len(inside.split()) >= CLAUSE for inside in BRACKET.findall(LINK.sub("link", CODE.sub("code", cell)))):
            found.append(Complaint("a bracket hides a clause", cell))
    for paragraph in [*paragraphs(text), *(cell for _, cell in cells(text))]:
        found += [
            Complaint(f"a sentence has {len(words)} words", sentence)
            for sentence in SENTENCE_END.split(paragraph)
            if len(words := CODE.sub("code", sentence).split()) > LONGEST
        ]
    return found


def is_sentence(cell: str) -> bool:
    """Begins as a sentence does and ends as one, or is code and nothing else."""
    return bool(re.fullmatch(r"`[^`]+`", cell)) or bool(re.match(r"[A-Z0-9`\[]", cell) and cell.endswith((".", "?")))


def cells(text: str) -> Iterator[tuple[str, str]]:
    """The cells of every table body, each with the first heading of its table."""
    heading, inside, first = "", "", False
    for token in parsed(text):
        if token.type in ("thead_open", "tbody_open"):
            inside, first = token.type, True
        elif token.type in ("thead_close", "tbody_close"):
            inside = ""
        elif token.type == "inline" and inside == "thead_open" and first:
            heading, first = token.content, False
        elif token.type == "inline" and inside == "tbody_open":
            yield heading, " ".join(token.content.split())


def paragraphs(text: str) -> Iterator[str]:
    """The paragraphs and list items, without where links lead."""
    inside = False
    for token in parsed(text):
        if token.type in ("paragraph_open", "paragraph_close"):
            inside = token.type == "paragraph_open"
        elif token.type == "inline" and inside:
            yield " ".join(re.sub(r"\]\([^)]*\)", "]", token.content).split())


def openings(text: str) -> dict[str, str]:
    """What follows the heading of each second-level section: the type of the first block."""
    tokens = parsed(text)
    return {
        tokens[i + 1].content: tokens[i + 3].type if i + 3 < len(tokens) else ""
        for i, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag == "h2"
    }
