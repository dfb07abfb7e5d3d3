"""Small systems whose fault needs an order of events, and right ones, our examples among them: what the search says.

All of them, with a table: uv run --directory tests python -m support.planted_orders
Our examples, each alone:  uv run --directory tests python -m support.planted_orders examples/

An example is searched in portions. What it survived is kept in `survived.json` after each and taken from there, unless
its files have changed since; with `--again` it is searched anyway.
"""

import fcntl
import json
import re
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from support.by_trials import digest
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
PORTION = 100  # steps of an example that are played on one local AWS, by sequences of their own
SEQUENCE = re.compile(r"found in sequence (\d+)")
PLAYED = re.compile(r"(\d+) sequences, (\d+) steps")
RESULTS = Path(__file__).with_name("survived.json")
AGAIN = "--again"


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


@dataclass(frozen=True)
class Result:
    """What the search said of an example; `files` is a digest of what was searched."""

    files: str
    verdict: str
    portions: int
    sequences: int
    steps: int
    told: list[str]  # of the last portion
    seconds: int

    @property
    def survived(self) -> bool:
        return self.verdict == Verdict.HELD and self.steps >= OF_EXAMPLES

    @property
    def nothing_to_play(self) -> bool:
        return self.verdict == Verdict.UNPROVED and self.told[0].startswith(NOTHING)

    @property
    def unfinished(self) -> bool:
        return self.verdict == Verdict.HELD and not self.survived


def result(row: Row, before: Result | None = None) -> Result:
    """Of an example, with the portions before."""
    judgement = row.finding.judgement
    played = PLAYED.search(judgement.happened)
    sequences, steps = (int(played[1]), int(played[2])) if played else (0, 0)
    told, files, seconds = [judgement.happened, *judgement.details], digest(row.system), round(row.seconds)
    now = Result(files, str(judgement.verdict), 1, sequences, steps, told, seconds)
    if before is None:
        return now
    return replace(
        now,
        portions=before.portions + 1,
        sequences=before.sequences + sequences,
        steps=before.steps + steps,
        seconds=before.seconds + seconds,
    )


def known() -> dict[str, Result]:
    """What was said before, by example."""
    return {name: Result(**fields) for name, fields in json.loads(RESULTS.read_text()).items()}


def keep(example: Path, said: Result) -> None:
    with RESULTS.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # several may be searched at a time
        results = json.load(file) | {example.name: asdict(said)}
        file.seek(0)
        file.truncate()
        file.write(json.dumps(dict(sorted(results.items())), indent=1, ensure_ascii=False) + "\n")


def is_current(example: Path, results: dict[str, Result]) -> bool:
    return example.name in results and results[example.name].files == digest(example)


def summary(results: dict[str, Result]) -> str:
    """One sentence on all examples as they are now."""
    now = [results[example.name] for example in EXAMPLES if is_current(example, results)]
    survived = [one for one in now if one.survived]
    said = f"Of {len(EXAMPLES)} examples {len(survived)} survived at least {OF_EXAMPLES} steps"
    if survived:
        said += f" each, {sum(one.steps for one in survived):,} in {sum(one.sequences for one in survived):,} sequences"
    if nothing := sum(one.nothing_to_play for one in now):
        said += f"; in {nothing} there is nothing to play"
    unfinished = sum(one.unfinished for one in now)
    if failed := len(now) - len(survived) - nothing - unfinished:
        said += f"; {failed} did not survive"
    if others := len(EXAMPLES) - len(now) + unfinished:
        said += f"; not searched to the end as they are now: {others}"
    return f"{said}."


def tried(system: Path, portion: int = 0) -> Row:
    began = time.monotonic()
    steps = STEPS if system in PLANTED else PORTION if system in EXAMPLES else OF_RIGHT
    finding = search(system, steps, portion=portion)
    return Row(system, finding, time.monotonic() - began)


def survives(example: Path, again: bool) -> bool:
    """Search an example until it has survived all steps, from where it was left; each portion is kept and told."""
    said = None if again or not is_current(example, known()) else known()[example.name]
    while said is None or said.unfinished:
        row = tried(example, said.portions + 1 if said else 1)
        said = result(row, said)
        keep(example, said)
        print(row, flush=True)  # noqa: T201
    print(f"{example.name} | {said.steps} steps in {said.sequences} sequences, {said.seconds} s", flush=True)  # noqa: T201
    return said.survived or said.nothing_to_play


def main(words: list[str]) -> int:
    again, words = AGAIN in words, [word for word in words if word != AGAIN]
    every = (*PLANTED, *RIGHT, *EXAMPLES)
    chosen = [each for each in every if not words or any(word in f"{each.relative_to(ROOT)}/" for word in words)]
    right = []
    for system in chosen:
        if system in EXAMPLES:
            right.append(survives(system, again))
        else:
            row = tried(system)
            right.append(row.as_it_is)
            print(row, flush=True)  # noqa: T201
    if any(system in EXAMPLES for system in chosen):
        print("", summary(known()), sep="\n")  # noqa: T201
    return int(not right or not all(right))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
