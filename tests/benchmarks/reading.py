"""What reading costs: the tokens that answer each routing question, and the time that the fences take to check.

A check runs in a process of its own, `python -m benchmarks.reading FOLDER`, so that nothing is remembered from the one
before, on a bundle of the wanted size: copies of the documents, whose fences quote copies of the files.
"""

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from test_routing import QUESTIONS, SKILL

from support import bundle, logs_insights, node
from support.commands import complaints
from support.documents import ROOT, Fence, documents, fences, tokens
from support.policies import unknown_actions
from support.snippets import QUOTED, excerpt, quotes

EVERY = "all, finding them included"


@dataclass(frozen=True)
class Answer:
    """A question, the section that answers it, and the tokens of that section and of the front page with it."""

    ask: str
    section: str
    tokens: int
    with_front_page: int


@dataclass(frozen=True)
class Check:
    """A kind of fence: how many there are, milliseconds for each, and its growth.

    `growth` is the time for all of them in a bundle twice as large, as a multiple of the time as it is.
    """

    kind: str
    fences: int
    milliseconds: float
    growth: float


def answers() -> list[Answer]:
    front = tokens(SKILL.read_text())
    costs = [(question, tokens(question.text)) for question in QUESTIONS]
    return [Answer(question.ask, question.go, cost, front + cost) for question, cost in costs]


def enlarged(folder: Path, times: int) -> Path:
    """Write the bundle into a folder, with `times` copies of each document and of each file that it may quote."""
    pages = set(documents())
    for path in bundle.tracked():
        name = path.relative_to(ROOT).as_posix()
        if path in pages:
            text = path.read_text()
            for number in range(times):
                copy = folder / (f"{name.removesuffix('.md')}-{number}.md" if number else name)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(readdressed(text, [fence for fence in fences(path) if quotes(fence)], number))
        elif name.startswith(QUOTED):
            for number in range(times):
                copy = folder / moved(name, number)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
    return folder


def moved(name: str, number: int) -> str:
    """Where the copy of that number of a file that may be quoted lies."""
    prefix = next(prefix for prefix in QUOTED if name.startswith(prefix))
    return f"{prefix}copy-{number}/{name.removeprefix(prefix)}" if number else name


def readdressed(text: str, quoted: list[Fence], number: int) -> str:
    """A document whose quotes are of the copies of that number."""
    lines = text.splitlines(keepends=True)
    for fence in quoted:
        head = fence.first - 1
        lines[head] = lines[head].replace(fence.address, moved(fence.address, number))
    return "".join(lines)


def commands(found: list[Fence]) -> list[str]:
    return [complaint for fence in found for complaint in complaints(fence.text)]


def excerpts(found: list[Fence], root: Path) -> list[str]:
    return [str(fence) for fence in found if fence.text != excerpt(fence.address, root)]


def checked(root: Path) -> dict[str, tuple[int, float]]:
    """Of each kind of fence in a bundle how many there are, and seconds of processor time to check them all.

    Raises `ValueError` when one is wrong: the time of a check that complains is not what is asked for.
    """
    began = processor()
    found = [fence for path in documents(root) for fence in fences(path)]
    times = {"found in the documents": (len(found), processor() - began)}
    inline = [fence for fence in found if not quotes(fence)]
    kinds: dict[str, tuple[list[Fence], Callable[[list[Fence]], list[str]]]] = {
        "quotes": ([fence for fence in found if quotes(fence)], lambda own: excerpts(own, root)),
        "commands": ([each for each in inline if each.language == "bash"], commands),
        "inline JSON": (
            [each for each in inline if each.language == "json"],
            lambda own: [action for fence in own for action in unknown_actions(json.loads(fence.text))],
        ),
        "queries": (
            [each for each in inline if each.language == "logs-insights"],
            lambda own: [complaint for fence in own for complaint in logs_insights.complaints(fence.text)],
        ),
        "diagrams": (
            [each for each in inline if each.language == "mermaid"],
            lambda own: [complaint for complaint in node.diagrams([fence.text for fence in own]) if complaint],
        ),
    }
    for kind, (own, check) in kinds.items():
        began = processor()
        if own and (said := check(own)):
            raise ValueError(f"{kind}: {said}")
        if own:
            times[kind] = (len(own), processor() - began)
    return times


def checks(rounds: int) -> list[Check]:
    """The kinds of fences, and all of them, measured on the bundle as it is and twice as large in turn."""
    with tempfile.TemporaryDirectory() as folder:
        once, twice = (enlarged(Path(folder).resolve() / f"times-{times}", times) for times in (1, 2))
        pairs = [(_apart(once), _apart(twice)) for _ in range(rounds)]
    return [compared(kind, [(one[kind], two[kind]) for one, two in pairs]) for kind in pairs[0][0]]


def compared(kind: str, pairs: list[tuple[tuple[int, float], tuple[int, float]]]) -> Check:
    """Medians of rounds, each of which has the number and the seconds once and twice; raises if it is not twice."""
    (count, _), (double, _) = pairs[0]
    if double != 2 * count:
        raise ValueError(f"{kind}: the bundle twice as large has {double} fences, not 2 * {count}")
    each = statistics.median(seconds for (_, seconds), _ in pairs) * 1000 / count
    return Check(kind, count, each, statistics.median(two / one for (_, one), (_, two) in pairs))


def processor() -> float:
    """Seconds of processor time of this process and of those it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _apart(root: Path) -> dict[str, tuple[int, float]]:
    command = [sys.executable, "-m", "benchmarks.reading", str(root)]
    done = subprocess.run(command, cwd=ROOT / "tests", stdout=subprocess.PIPE, text=True, check=True)
    times = {kind: (count, seconds) for kind, (count, seconds) in json.loads(done.stdout).items()}
    fenced = [times[kind] for kind in times if kind != "found in the documents"]
    return times | {EVERY: (sum(count for count, _ in fenced), sum(seconds for _, seconds in times.values()))}


if __name__ == "__main__":
    print(json.dumps(checked(Path(sys.argv[1]))))  # noqa: T201
