"""Small systems whose fault needs an order of events, and right ones, our examples among them: what the search says.

All of them, with a table: uv run --directory tests python -m support.planted_orders
Our examples, each alone:  uv run --directory tests python -m support.planted_orders examples/
"""

import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from support.documents import ROOT
from trials.search.search import NOTHING, search
from trials.verdicts import Finding, Verdict

BENCH = ROOT / "tests" / "bench"
PLANTED = sorted(path.parent for path in BENCH.glob("planted/*/template.yaml"))
RIGHT = [BENCH / "right" / "queue_counts_in_one_transaction"]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/template.yaml"))
MOST = 200  # sequences in which a planted fault must be found
STEPS = 4 * MOST  # of sequences, whose length varies
OF_RIGHT, OF_EXAMPLES = 200, 500  # steps that a right system must survive, and one of our examples
SEQUENCE = re.compile(r"found in sequence (\d+)")


@dataclass(frozen=True)
class Row:
    system: Path
    finding: Finding
    seconds: float

    @property
    def as_it_is(self) -> bool:
        """Whether a fault was found in time, and nothing in a right system; of some examples nothing can be played."""
        if self.system in EXAMPLES and self.finding.judgement.happened.startswith(NOTHING):
            return True
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
    steps = STEPS if system in PLANTED else OF_EXAMPLES if system in EXAMPLES else OF_RIGHT
    finding = search(system, steps)
    return Row(system, finding, time.monotonic() - began)


def main(words: list[str]) -> int:
    every = (*PLANTED, *RIGHT, *EXAMPLES)
    chosen = [each for each in every if not words or any(word in str(each.relative_to(ROOT)) for word in words)]
    rows = []
    for system in chosen:
        rows.append(tried(system))
        print(rows[-1], flush=True)  # noqa: T201
    return int(not rows or not all(row.as_it_is for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
