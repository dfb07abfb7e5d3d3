"""The labelled set: systems of which it is known what holds and what breaks, and how often the trials say so.

All of it, with a table:       uv run --directory tests python -m support.labelled
Some, by words in their names: uv run --directory tests python -m support.labelled right/ fifo
Right ones, by every trial:    uv run --directory tests python -m support.labelled --thorough right/ examples/
With `--keep FOLDER` what was said is kept there, and not asked for again.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from support.documents import ROOT
from support.expected import Expected, complaints, read, score
from support.mistakes import Mutant, Seed, mutants, planted, seeds

BENCH = ROOT / "tests" / "bench"
RUN = [sys.executable, str(ROOT / "examples" / "run.py")]
LIMIT = 900  # seconds
RIGHT = Expected(exit=(0, 3))  # nothing breaks; some of it may be beyond what can be told
VISIBLE = {  # mistakes in handlers that a trial can see, and the word for what they break
    "event_router: entries refused under HTTP 200 are lost": "lost",
    "event_router: every delivery opens a shipment": "lost",
    "event_router: what will never be taken is forgotten": "lost",
    "event_store: a writer overwrites an event": "lost",
    "event_store: only the first page": "blocked",
    "fan_out: a conflict is taken for a repeat": "lost",
    "fan_out: counts without a mark": "doubled",
    "fan_out: entries refused under HTTP 200 are lost": "lost",
    "fan_out: the mark expires before a redrive": "doubled",
    "payment_worker: the copy of a live payment is deleted": "lost",
    "queue_worker: the address is the key": "lost",
    "queue_worker: what fails is taken for done": "silent",
    "rest_api: a used key takes another quantity": "silent",
    "rest_api: an order is not yet there when it was just placed": "silent",
    "rest_api: of a list, the first order": "silent",
    "saga: a step runs after its undo": "lost",
    "saga: gives back without forgetting": "doubled",
    "scheduled_job: Scheduler fills in a customer's text": "lost",
    "scheduled_job: the clock makes the key": "doubled",
    "scheduled_job: the id alone makes the key": "lost",
    "stream_processor: garbage is passed over": "silent",
    "stream_processor: garbage stops its lane": "blocked",
    "stream_processor: goes on after a failure": "lost",
    "stream_processor: the last to come stands": "lost",
}
BY_EVERY_TRIAL = {  # seen only with --thorough
    "event_router: every delivery opens a shipment",
    "event_router: what will never be taken is forgotten",
    "event_store: a writer overwrites an event",
    "event_store: only the first page",
    "fan_out: the mark expires before a redrive",
    "payment_worker: the copy of a live payment is deleted",
    "rest_api: a used key takes another quantity",
    "rest_api: an order is not yet there when it was just placed",
    "rest_api: of a list, the first order",
    "saga: a step runs after its undo",
    "saga: gives back without forgetting",
    "scheduled_job: Scheduler fills in a customer's text",
    "scheduled_job: the clock makes the key",
    "scheduled_job: the id alone makes the key",
    "stream_processor: goes on after a failure",
}
COLUMNS = ("right", "wrong", "unproved", "missed, held", "missed")


@dataclass(frozen=True)
class Variant:
    """One system; `place` puts it into a folder, or says where it lies."""

    name: str
    expected: Expected
    place: Callable[[Path], Path]


def lies(folder: Path, _: Path) -> Path:
    return folder


def variants() -> Iterator[Variant]:
    for folder in sorted(path.parent for path in BENCH.glob("cases/*/expected.toml")):
        yield Variant(f"cases/{folder.name}", read(folder), partial(lies, folder))
    for folder in sorted(path for path in BENCH.glob("right/*") if path.is_dir()):
        expected = replace(read(folder), exit=(0, 3)) if (folder / "expected.toml").exists() else RIGHT
        yield Variant(f"right/{folder.name}", expected, partial(lies, folder))
    for example in sorted({seed.example for seed in seeds()}):
        yield Variant(f"examples/{example}", RIGHT, partial(lies, ROOT / "examples" / example))
    for seed in seeds():
        yield Variant(f"seeds/{seed}", of_seed(seed), partial(planted, seed))
    for mutant in mutants():
        if str(mutant) in VISIBLE:
            yield Variant(f"mutants/{mutant}", of_mutant(mutant), partial(planted, mutant))


def of_mutant(mutant: Mutant) -> Expected:
    """The word must be said in some trial; what else of the mistake shows in others is true too."""
    must, thorough = ({"promise": VISIBLE[str(mutant)]},), str(mutant) in BY_EVERY_TRIAL
    return Expected(str(mutant), exit=(1,), thorough=thorough, must=must, may=({"verdict": "broken"},))


def of_seed(seed: Seed) -> Expected:
    """The mistake must be named; the same word in other trials of the same mistake is true too."""
    must = {"trial": seed.trial, "promise": seed.broken}
    return Expected(
        str(seed), exit=(1,), must=(must,), may=tuple({"promise": word} for word in (seed.broken, *seed.also))
    )


def told(variant: Variant, keep: Path | None, thorough: bool = False) -> dict[str, Any]:
    """The JSON of a run; what was kept of an earlier one is taken as it is."""
    kept = keep / f"{variant.name.replace('/', '+')}.json" if keep else None
    if kept and kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    more = ["--thorough"] if thorough or variant.expected.thorough else []
    with tempfile.TemporaryDirectory() as folder:
        command = [*RUN, str(variant.place(Path(folder))), "--json", *more]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT)
    found = json.loads(done.stdout)
    if kept:
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(done.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="only the variants whose name holds one of these words")
    parser.add_argument("--keep", type=Path, help="a folder for what was said of each")
    parser.add_argument("--thorough", action="store_true", help="also by the trials that only --thorough runs")
    parser.add_argument("--list", action="store_true", help="name the variants and stop")
    asked = parser.parse_args()
    chosen = [each for each in variants() if not asked.words or any(word in each.name for word in asked.words)]
    if asked.list:
        print("\n".join(each.name for each in chosen), len(chosen), sep="\n")
        return 0
    counted: Counter[tuple[str, str]] = Counter()
    right = 0
    for variant in chosen:
        began = time.monotonic()
        try:
            found = told(variant, asked.keep, asked.thorough)
        except (ValueError, subprocess.TimeoutExpired) as error:
            print(f"FAILED | {variant.name} | {type(error).__name__}", flush=True)
            continue
        wrong = complaints(variant.expected, found)
        right += not wrong
        counted += score(variant.expected, found)
        said = "; ".join(wrong)
        print(
            f"{'WRONG' if wrong else 'right'} | {variant.name} | {said} | {time.monotonic() - began:.0f} s", flush=True
        )
    print(f"\n{right} of {len(chosen)} variants are told as they are.\n")
    print("\n".join(table(counted)))
    return int(right < len(chosen))


def table(counted: Counter[tuple[str, str]]) -> list[str]:
    """Verdicts and how many were right, wrong, unproved or missed; then the sources by status."""
    verdicts = sorted({verdict for verdict, _ in counted} - {"source"})
    rows = [["Verdict", *COLUMNS], ["---"] * (1 + len(COLUMNS))]
    rows += [[verdict, *(str(counted[verdict, column]) for column in COLUMNS)] for verdict in verdicts]
    statuses = ", ".join(f"{status} {number}" for (of, status), number in sorted(counted.items()) if of == "source")
    return [*(f"| {' | '.join(row)} |" for row in rows), "", f"Sources: {statuses}"]


if __name__ == "__main__":
    sys.exit(main())
