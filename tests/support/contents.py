"""The table of contents of each reference and the routing of SKILL.md: where each section begins, and how long it is.

A reading tool takes a first line and a number of lines, so that one section is what gets loaded.
Repair after an edit of a reference:  uv run --directory tests python -m support.contents
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from support.documents import ROOT, slug

REPAIR = "uv run --directory tests python -m support.contents"
SKILL = ROOT / "SKILL.md"
REFERENCES = sorted((ROOT / "references").glob("*.md"))
HEADING = re.compile(r"(?m)^## (.+)$")
ENTRY = re.compile(r"(?m)^- (.+?), lines \d+-\d+: (.+)$")
LIST = re.compile(r"(?m)(?:^- .+, lines \d+-\d+: .*\n)+\n")
LINK = re.compile(r"\]\((references/[\w-]+\.md)#([\w-]+)\)(?: \d+\+\d+)?")
ROW = re.compile(r"(?m)^\| (\[\w+\]\((references/[\w-]+\.md)\)) \| (.+) \|$")
ITEM = re.compile(r"(.+?)(?: \d+\+\d+)?( \(.+\))?")
NOT_SAID = "say what it is about"


def spans(text: str) -> dict[str, tuple[int, int]]:
    """First and last line of each second-level section, blank lines at its end left out."""
    heads = [(found[1], found.start()) for found in HEADING.finditer(_without_fences(text))]
    ends = [*(start for _, start in heads[1:]), len(text)]
    return {
        title: (text.count("\n", 0, start) + 1, text.count("\n", 0, start) + len(text[start:end].rstrip().splitlines()))
        for (title, start), end in zip(heads, ends, strict=True)
    }


def subjects(text: str) -> dict[str, str]:
    """What the table of contents says that each section is about."""
    return {found[1]: found[2] for found in ENTRY.finditer(_opening(text))}


def listed(text: str) -> str:
    """A reference whose table of contents has its sections, in order, with their lines; what each is about stays."""
    said = subjects(text)
    bare = LIST.sub("", _opening(text)) + text[len(_opening(text)) :]
    at = len(_opening(bare))

    def entries(of: str) -> str:
        lines = [f"- {title}, lines {a}-{b}: {said.get(title, NOT_SAID)}\n" for title, (a, b) in spans(of).items()]
        return "".join(lines) + "\n"

    whole = bare[:at] + entries(bare) + bare[at:]  # as long as the one with the right numbers
    return bare[:at] + entries(whole) + bare[at:]


def routed(front: str, root: Path = ROOT) -> str:
    """The front page with, behind each section that it names, the section's first line and number of lines."""

    def place(file: str, title: str) -> str:
        first, last = spans((root / file).read_text())[title]
        return f" {first}+{last - first + 1}"

    def link(found: re.Match[str]) -> str:
        titles = {slug(title): title for title in spans((root / found[1]).read_text())}
        return f"]({found[1]}#{found[2]}){place(found[1], titles[found[2]])}"

    def row(found: re.Match[str]) -> str:
        items = []
        for item in found[3].split("; "):
            parts = ITEM.fullmatch(item)
            assert parts
            items.append(f"{parts[1]}{place(found[2], parts[1])}{parts[2] or ''}")
        return f"| {found[1]} | {'; '.join(items)} |"

    return ROW.sub(row, LINK.sub(link, front))


def routes(front: str) -> Iterator[tuple[str, str]]:
    """The file and the title's anchor of each section that the front page names."""
    yield from ((found[1], found[2]) for found in LINK.finditer(front))
    for found in ROW.finditer(front):
        for item in found[3].split("; "):
            if parts := ITEM.fullmatch(item):
                yield found[2], slug(parts[1])


def _opening(text: str) -> str:
    """What stands before the first section."""
    found = HEADING.search(text)
    return text[: found.start()] if found else text


def _without_fences(text: str) -> str:
    """The text with every line of a fence blanked out, so that a comment in code is no heading."""
    marks = [found.start() for found in re.finditer(r"(?m)^```", text)]
    for start, end in list(pairwise(marks))[::2]:
        text = text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
    return text


def main() -> None:
    for path in REFERENCES:
        path.write_text(listed(path.read_text()))
    SKILL.write_text(routed(SKILL.read_text()))


if __name__ == "__main__":
    main()
