"""Small systems whose fault needs an order of events, and right ones: what the search says of them.

All of them, with a table: uv run --directory tests python -m support.planted_orders
"""

import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from support.documents import ROOT
from trials.search.search import search
from trials.verdicts import Finding, Verdict

BENCH = ROOT / "tests" / "bench"
PLANTED = sorted(path.parent for path in BENCH.glob("planted/*/template.yaml"))
RIGHT = [BENCH / "right" / "queue_counts_in_one_transaction"]
MOST = 200  # sequences in which a planted fault must be found
STEPS = 4 * MOST  # of sequences, whose length varies
OF_RIGHT = 200  # steps that a right system must survive
SEQUENCE = re.compile(r"found in sequence (\d+)")


@dataclass(frozen=True)
class Row:
    system: Path
    finding: Finding
    seconds: float

    @property
    def as_it_is(self) -> bool:
        """Whether a fault was found in time, and nothing in a right system."""
        if self.system not in PLANTED:
            return self.finding.judgement.verdict is Verdict.HELD
        number = SEQUENCE.search(self.finding.judgement.happened)
        return self.finding.judgement.verdict is Verdict.BROKEN and number is not None and int(number[1]) <= MOST

    def __str__(self) -> str:
        judgement = self.finding.judgement
        told = " · ".join((judgement.happened, *judgement.details))
        word = judgement.promise or judgement.verdict
        return f"{'right' if self.as_it_is else 'WRONG'} | {self.system.name} | {word} | {told} | {self.seconds:.0f} s"


def tried(system: Path) -> Row:
    began = time.monotonic()
    finding = search(system, STEPS if system in PLANTED else OF_RIGHT)
    return Row(system, finding, time.monotonic() - began)


def main(words: list[str]) -> int:
    chosen = [each for each in (*PLANTED, *RIGHT) if not words or any(word in each.name for word in words)]
    rows = []
    for system in chosen:
        rows.append(tried(system))
        print(rows[-1], flush=True)  # noqa: T201
    return int(not rows or not all(row.as_it_is for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
