"""Reviews: planted defects by file and line, and findings that stand for them, one for one."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.harness import text
from evals.scoring import Checks, Severity
from trials.local_aws import LocalAws

NEAR = 2  # lines
TRUE_PART = 0.7
Finding = dict[str, Any]  # file, line, problem


@dataclass(frozen=True)
class Place:
    """From the line of `first` to that of `last`, in the part of the file that begins with `after`."""

    file: str
    after: str
    first: str
    last: str = ""

    def lines(self, files: Path) -> range:
        lines = (files / self.file).read_text().splitlines()
        start = next(number for number, line in enumerate(lines) if self.after in line)
        first = next(number for number in range(start, len(lines)) if self.first in lines[number])
        last = next(number for number in range(first, len(lines)) if (self.last or self.first) in lines[number])
        return range(first + 1, last + 2)


@dataclass(frozen=True)
class Defect:
    """Where it stands, and how bad it is; `also` are other places where it can be said to be."""

    severity: Severity
    file: str
    after: str
    first: str
    last: str = ""
    also: tuple[Place, ...] = ()

    @property
    def places(self) -> list[Place]:
        return [Place(self.file, self.after, self.first, self.last), *self.also]


def read(answer: Path) -> list[Finding]:
    return [dict(finding) for finding in json.loads(text(answer, "review.json"))]


def says(finding: Finding, places: list[tuple[str, range]]) -> bool:
    file, line = str(finding["file"]).removeprefix("./"), int(str(finding["line"]))
    return any(file == own and lines.start - NEAR <= line < lines.stop + NEAR for own, lines in places)


def told(findings: list[Finding], defects: dict[str, Defect], files: Path) -> set[str]:
    """The defects that are found, by as many findings: one finding stands for one defect, the most that can be."""
    places = {name: [(at.file, at.lines(files)) for at in defect.places] for name, defect in defects.items()}
    of_finding: dict[int, str] = {}

    def place(name: str, tried: set[int]) -> bool:
        for number, finding in enumerate(findings):
            if number not in tried and says(finding, places[name]):
                tried.add(number)
                if number not in of_finding or place(of_finding[number], tried):
                    of_finding[number] = name
                    return True
        return False

    return {name for name in defects if place(name, set())}


def review(files: Path, defects: dict[str, Defect]) -> Checks:
    """The checks of a review: that it is one, one for each defect, and that most of it is true."""
    checks = Checks()

    @checks(Severity.ASKED)
    def it_is_a_review(answer: Path, _: LocalAws) -> Iterator[str]:
        findings = read(answer)
        if not all({"file", "line", "problem"} <= finding.keys() for finding in findings) or not findings:
            yield "not every finding has a file, a line and a problem"

    for name, defect in defects.items():
        add(checks, files, defects, name, defect)

    @checks(Severity.COSTS)
    def most_of_it_is_true(answer: Path, _: LocalAws) -> Iterator[str]:
        findings = read(answer)
        true = len(told(findings, defects, files))
        if true < TRUE_PART * len(findings):
            yield f"{len(findings) - true} of {len(findings)} findings are at no defect, or say one again"

    return checks


def add(checks: Checks, files: Path, defects: dict[str, Defect], name: str, defect: Defect) -> None:
    def check(answer: Path, _: LocalAws) -> Iterator[str]:
        if name not in told(read(answer), defects, files):
            yield f"nothing is said of {defect.file}:{defect.places[0].lines(files).start}"

    check.__name__ = name
    checks(defect.severity)(check)
