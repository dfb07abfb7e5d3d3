"""How long it takes to try a project, and in which phases: one queue with its worker, and five of them.

uv run --directory tests python -m benchmarks.trials

Other work on the machine counts: run it on an idle one, and twice, for the first run of a machine also installs.
"""

import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from support.documents import ROOT
from trials import own
from trials.report.events import Deployed, Event, SourceEnded, SourceStarted, TrialStarted
from trials.report.result import Result

SYSTEM = ROOT / "tests" / "bench" / "right" / "queue_conditional_write"
SIZES = (1, 5)  # sources
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

    A source's end is told after those of the sources before it: it ended as long after its start as it says itself.
    """
    taken: dict[str, float] = {}
    started: dict[str, float] = {}
    running: dict[str, tuple[str, float]] = {}  # by source: its trial, and since when
    for second, event in events:
        if isinstance(event, Deployed):
            taken[START] = second
        elif isinstance(event, SourceStarted):
            started[str(event.source)] = second
        elif isinstance(event, TrialStarted | SourceEnded):
            source = str(event.source)
            end = min(second, started[source] + event.seconds) if isinstance(event, SourceEnded) else second
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


def shown(rows: list[Phases]) -> Table:
    names = list(rows[0].phases)
    table = Table("Sources", "Whole, s", *names, title="Trying a project; trials: all sources together")
    for row in rows:
        cells = [row.whole, *(row.phases.get(name, 0) for name in names)]
        table.add_row(str(row.sources), *(f"{each:.1f}" for each in cells))
    return table


if __name__ == "__main__":
    Console().print(shown([measure(number) for number in SIZES]))
