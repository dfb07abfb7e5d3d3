"""Our examples, each broken in one way, and what the trials must say of it.

All of them, with a table:  uv run python tests/support/seeds.py
"""

import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "examples")]

from support.mistakes import Seed, seeds, sow  # noqa: E402
from trials.local_aws import LocalAws  # noqa: E402
from trials.project import read  # noqa: E402
from trials.stage import BROKEN, Finding, Stage, StandIn, try_source  # noqa: E402


def harvest(local: LocalAws, folder: Path) -> list[Finding]:
    with StandIn() as outside:
        stage = Stage(local, read(folder, outside.url), outside)
        stage.fresh()
        return [each for source in stage.project.sources for each in try_source(stage, source, lambda _: None)]


def caught(seed: Seed, findings: list[Finding]) -> bool:
    return any((each.trial, each.broken) == (seed.trial, seed.broken) for each in findings)


if __name__ == "__main__":
    for seed in seeds():
        if len(sys.argv) > 1 and not any(word in str(seed) for word in sys.argv[1:]):
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, LocalAws(faults=True) as local:
            found = harvest(local, sow(seed, Path(folder)))
        told = "; ".join(f"{each.trial}: {each.broken} ({each.happened[:110]})" for each in found if each.broken)
        more = sum(each.verdict == BROKEN for each in found)
        verdict = "found" if caught(seed, found) else "MISSED"
        print(f"{verdict} | {seed} | {told} | {more} | {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
