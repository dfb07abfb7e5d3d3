"""How long it takes to try a project, and in which phases: one queue with its worker, and five of them.

uv run --directory tests python -m benchmarks.trials

Other work on the machine counts: run it on an idle one, and twice, for the first run of a machine also installs.
"""

import json
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from support.documents import ROOT
from trials import own
from trials.report.events import Deployed, Event, SourceEnded, TrialStarted
from trials.report.result import Result

SYSTEM = ROOT / "tests" / "bench" / "right" / "queue_conditional_write"
BUDGETS = {1: 15, 5: 45}  # seconds on two cores, by the number of sources
SIZES = tuple(BUDGETS)
OWN_NAMES = re.compile(r"\b(Ledger|Jobs|JobsDlq|Work)\b")
START = "until deployed"


@dataclass(frozen=True)
class Phases:
    """Seconds on the clock by phase; trials of several sources overlap, so that theirs add up to more than `whole`."""

    sources: int
    whole: float
    phases: dict[str, float] = field(default_factory=dict)


def several(folder: Path, number: int) -> Path:
    """A project of so many queues, each with its worker, its table and its dead-letter queue."""
    head, _, resources = (SYSTEM / "template.yaml").read_text().partition("Resources:\n")
    copies = [OWN_NAMES.sub(rf"\g<1>{copy}", resources.rstrip()) for copy in range(1, number + 1)]
    (folder / "template.yaml").write_text(f"{head}Resources:\n" + "\n".join(copies) + "\n")
    (folder / "src").symlink_to(SYSTEM / "src")
    return folder


def phases(events: Iterable[tuple[float, Event]]) -> dict[str, float]:
    """Seconds of each phase, from events with the second in which they came; all sources of one trial together.

    A source's end is told after those of the sources before it: it ended as long after its first trial began as it says
    itself. A trial that lasts no time was not for this source.
    """
    taken: dict[str, float] = {}
    began: dict[str, float] = {}  # by source: its first trial; a source is handed out before its worker has deployed
    running: dict[str, tuple[str, float]] = {}  # by source: its trial, and since when
    for second, event in events:
        if isinstance(event, Deployed):
            taken[START] = second
        elif isinstance(event, TrialStarted | SourceEnded):
            source = str(event.source)
            first = began.setdefault(source, second)
            end = min(second, first + event.seconds) if isinstance(event, SourceEnded) else second
            if source in running:
                trial, since = running.pop(source)
                taken[trial] = taken.get(trial, 0) + end - since
            if isinstance(event, TrialStarted):
                running[source] = (event.trial, second)
    return taken


def timed(events: Iterator[Event], began: float) -> Iterator[tuple[float, Event]]:
    for event in events:
        yield time.monotonic() - began, event


def measure(number: int) -> Phases:
    with tempfile.TemporaryDirectory(prefix="trials-") as folder:
        wish = own.Wish(several(Path(folder), number))
        result, began = Result(), time.monotonic()
        seen = list(timed(own.events(wish, result), began))
        ended = [event for _, event in seen if isinstance(event, SourceEnded)]
        if [event.status.value for event in ended] != ["delivered"] * number:
            raise LookupError(f"not all of {number} sources were delivered: {[event.why for event in ended]}")
        return Phases(number, time.monotonic() - began, phases(seen))


def table(rows: list[Phases]) -> Table:
    """A column for each size."""
    made = Table("Seconds", *heads(rows), title="Trying a project; a phase adds up those of all sources")
    for name, cells in lines(rows):
        made.add_row(name, *cells)
    return made


def heads(rows: list[Phases]) -> list[str]:
    return ["1 source" if row.sources == 1 else f"{row.sources} sources" for row in rows]


def lines(rows: list[Phases]) -> Iterator[tuple[str, list[str]]]:
    """Each phase that takes time, and its seconds for each size."""
    yield "in all", [f"{row.whole:.0f}" for row in rows]
    for name in rows[0].phases:
        seconds = [row.phases.get(name, 0) for row in rows]
        if any(each >= 0.1 for each in seconds):
            yield name, [f"{each:.1f}" for each in seconds]


if __name__ == "__main__":
    measured = [measure(number) for number in SIZES]
    Console().print(table(measured))
    print(json.dumps([asdict(row) for row in measured]))  # noqa: T201, for `results.json`
