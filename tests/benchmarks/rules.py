"""What our rules cost: cfn-lint on the templates of all examples, with them and without, in turn."""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reading import processor
from support.documents import ROOT
from support.templates import RULES
from trials.examples import patterns

COMMAND = [str(Path(sys.executable).parent / "cfn-lint")]
OURS = ["-a", str(RULES)]


@dataclass(frozen=True)
class Run:
    """One run of a command: seconds on the clock and of processor time."""

    clock: float
    processor: float


@dataclass(frozen=True)
class Cost:
    """Of plain cfn-lint the seconds, and of cfn-lint with our rules the multiple of them in the same round: medians."""

    templates: int
    clock: float
    processor: float
    clock_ratio: float
    processor_ratio: float


def templates() -> list[Path]:
    return [ROOT / "examples" / name / "template.yaml" for name in patterns()]


def timed(command: list[str]) -> Run:
    """Run a command; raises when it does not succeed, since it may then have ended early."""
    before, began = processor(), time.perf_counter()
    subprocess.run(command, env=os.environ | {"AWS_DEFAULT_REGION": "us-east-1"}, stdout=sys.stderr, check=True)
    return Run(time.perf_counter() - began, processor() - before)


def measure(rounds: int) -> Cost:
    """The first of the two alternates, so that none always finds the files read."""
    paths = templates()
    told = ["-t", *map(str, paths)]
    pairs = []
    for number in range(rounds):
        order = (COMMAND, COMMAND + OURS) if number % 2 == 0 else (COMMAND + OURS, COMMAND)
        runs = {len(command): timed([*command, *told]) for command in order}
        pairs.append((runs[len(COMMAND)], runs[len(COMMAND + OURS)]))
    return compared(len(paths), pairs)


def compared(count: int, pairs: list[tuple[Run, Run]]) -> Cost:
    return Cost(
        count,
        statistics.median(plain.clock for plain, _ in pairs),
        statistics.median(plain.processor for plain, _ in pairs),
        statistics.median(ours.clock / plain.clock for plain, ours in pairs),
        statistics.median(ours.processor / plain.processor for plain, ours in pairs),
    )
