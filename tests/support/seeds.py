"""Our examples, each broken in one way, and what the trials must say of it.

All of them, with a table:  uv run --directory tests python -m support.seeds
"""

import sys
import tempfile
import time
from pathlib import Path

from support.mistakes import Seed, seeds, sow
from trials.bench import try_project
from trials.project import read
from trials.report.events import Told
from trials.verdicts import Finding
from trials.workers import URL


def harvest(folder: Path) -> list[Finding]:
    """All findings about the project in a folder."""
    return [event.finding for event in try_project(read(folder, URL)) if isinstance(event, Told)]


def caught(seed: Seed, findings: list[Finding]) -> bool:
    return any((each.trial, each.judgement.promise) == (seed.trial, seed.broken) for each in findings)


def main(words: list[str]) -> None:
    for seed in seeds():
        if words and not any(word in str(seed) for word in words):
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            findings = harvest(sow(seed, Path(folder)))
        broken = [(each.trial, each.judgement) for each in findings if each.judgement.promise]
        told = "; ".join(f"{trial}: {one.promise} ({one.happened[:110]})" for trial, one in broken)
        verdict = "found" if caught(seed, findings) else "MISSED"
        print(f"{verdict} | {seed} | {told} | {len(broken)} | {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
