"""Our examples with a mistake in a Python handler, and what the trials alone say: no test, no scenario.

Each, and what the trials reported of it, as a table: uv run --directory tests python -m support.mutants --by-trials
What was asked already is taken from `by_trials.json`, unless the example's files have changed since.
"""

import hashlib
import json
import shutil
import signal
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from support.documents import ROOT
from support.mistakes import Mutant, mutants, sow
from trials import faults
from trials.bench import safely, why_untried
from trials.local_aws.server import end_with_parent
from trials.project import Project, Source
from trials.project.effects import modules
from trials.report.events import Told, TrialStarted
from trials.stage import Stage
from trials.verdicts import Finding, Verdict
from trials.waves import feeders, waves
from trials.workers import Theatre

RESULTS = Path(__file__).with_suffix(".json")
REASONS = Path(__file__).with_name("own_promises.toml")
LIMIT = 900  # seconds for one mistake


@dataclass(frozen=True)
class Report:
    """What was said of one mistake; `trial` is empty if nothing broke. `thorough` if only `--thorough` shows it."""

    mutant: str
    files: str  # a digest of what was tried
    trial: str = ""
    promise: str = ""
    happened: str = ""
    thorough: bool = False
    seconds: float = 0

    @property
    def reported(self) -> bool:
        return bool(self.trial)


def in_python(mutant: Mutant) -> bool:
    """Whether a mistake lies in Python handlers alone."""
    return all(file.endswith(".py") for file, _, _ in mutant.edits)


def planted(mutant: Mutant, folder: Path) -> Path:
    """A copy of the example with the mistake and without its scenario."""
    copy = sow(mutant, folder)
    (copy / "scenario.py").unlink()
    return copy


def digest(folder: Path) -> str:
    """Of what the trials read of a project."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".yaml", ".json", ".txt")]
    text = "".join(f"{path.relative_to(folder)}\n{path.read_text()}" for path in files if path.name != "stack.py")
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def touched(project: Project, files: Iterable[str]) -> set[str]:
    """The functions whose code loads one of these files."""
    changed, found = set(files), set[str]()
    for function in {source.function for source in project.sources}:
        folder, handler, _ = project.code(function)
        start = folder / f"{handler.rsplit('.', 1)[0]}.py"
        if start.is_file() and changed & {path.name for path, _ in modules(start, folder)}:
            found.add(function)
    return found


def broken(stage: Stage, files: Iterable[str]) -> Iterator[tuple[Finding, str]]:
    """What broke in the sources of functions that load these files, and the trial as it is called in `faults.ALL`."""
    project = stage.project
    own = touched(project, files)
    sources = [source for source in project.sources if not why_untried(project, source)]
    for source in [each for group in waves(project, sources) for each in group]:
        if source.function in own:
            for event in safely(stage, source):
                if isinstance(event, Told) and event.finding.judgement.verdict is Verdict.BROKEN:
                    yield event.finding, event.finding.trial
        elif any(source in feeders(project, each, sources) for each in sources if each.function in own):
            feed(stage, source)


def feed(stage: Stage, source: Source) -> None:
    """Deliver once, so that what this source sends on is there as a sample for those behind it."""
    started = (event for event in safely(stage, source) if isinstance(event, TrialStarted))
    for event in started:
        if event.trial != "once":
            return


class Overdue(BaseException):
    """The trials of one mistake take too long; no `Exception`, so that no trial takes it for a fault of its own."""


def overdue(*_: object) -> None:
    raise Overdue


def asked(mutant: Mutant, stage: Stage, files: str) -> Report:
    """By the default trials first; only if they report nothing, by the others too."""
    began, every = time.monotonic(), faults.ALL
    parts = (False, tuple(each for each in every if not each.thorough)), (True, tuple(e for e in every if e.thorough))
    signal.signal(signal.SIGALRM, overdue)
    signal.alarm(LIMIT)
    try:
        stage.fresh()
        for thorough, part in parts:
            faults.ALL, stage.thorough = part, thorough
            for finding, trial in broken(stage, [file for file, _, _ in mutant.edits]):
                said, took = finding.judgement, round(time.monotonic() - began, 1)
                return Report(str(mutant), files, trial, str(said.promise), said.happened[:300], thorough, took)
    except Overdue:
        pass
    finally:
        signal.alarm(0)
        faults.ALL = every
    return Report(str(mutant), files, seconds=round(time.monotonic() - began, 1))


def work(pipe: Any, home: Path, chosen: list[Mutant]) -> None:
    """In a process of its own, which enters a namespace: a report for each mistake, or why there is none."""
    end_with_parent()
    tempfile.tempdir = str(home)
    with ExitStack() as stack:
        theatre = stack.enter_context(Theatre(home, ROOT))
        for mutant in chosen:
            with tempfile.TemporaryDirectory() as folder:
                copy = planted(mutant, Path(folder))
                pipe.send(asked(mutant, theatre.stage(copy), digest(copy)))


def reports(chosen: list[Mutant]) -> Iterator[Report]:
    context = get_context("fork")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory(prefix="local-aws-", ignore_cleanup_errors=True) as home:
        process = context.Process(target=work, args=(theirs, Path(home), chosen), daemon=True)
        process.start()
        theirs.close()
        try:
            for _ in chosen:
                yield ours.recv()
        finally:
            process.kill()
            process.join()
            shutil.rmtree(home, ignore_errors=True)


def known() -> dict[str, Report]:
    """What was said before, by the name of the mistake."""
    if not RESULTS.exists():
        return {}
    return {each["mutant"]: Report(**each) for each in json.loads(RESULTS.read_text())}


def keep(found: dict[str, Report]) -> None:
    rows = [asdict(report) for _, report in sorted(found.items())]
    RESULTS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def reasons() -> dict[str, str]:
    """Why nothing but a promise of the reader's own could tell, by the name of the mistake."""
    told: dict[str, dict[str, str]] = tomllib.loads(REASONS.read_text())
    return {f"{example}: {name}": why for example, names in told.items() for name, why in names.items()}


def current(mutant: Mutant, before: Report) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        return digest(planted(mutant, Path(folder))) == before.files


def row(report: Report, why: str) -> str:
    if report.reported:
        return f"{report.mutant} | {report.trial}{' (--thorough)' if report.thorough else ''} | {report.promise}"
    return f"{report.mutant} | - | {why or 'MISSED, and no reason is known'}"


def summary(found: dict[str, Report], names: list[str]) -> str:
    told = [found[name] for name in names if name in found]
    seen = [each for each in told if each.reported]
    default = sum(not each.thorough for each in seen)
    why = reasons()
    own = sum(not each.reported and each.mutant in why for each in told)
    return (
        f"of {len(names)} mistakes in Python handlers {len(told)} were asked about; "
        f"the trials alone report {len(seen)}, {default} of them by default; "
        f"{own} of the others break what only a promise of the example's own says"
    )


def main(words: list[str]) -> int:
    """Ask about those that were not asked about, or whose files changed; 1 if one is missed without a reason."""
    chosen = [each for each in mutants() if in_python(each) and (not words or any(word in str(each) for word in words))]
    found, why = known(), reasons()
    new = [each for each in chosen if (old := found.get(str(each))) is None or not current(each, old)]
    for report in reports(new):
        found[report.mutant] = report
        keep(found)
        print(row(report, why.get(report.mutant, "")), flush=True)  # noqa: T201
    for mutant in chosen:
        if mutant not in new:
            print(row(found[str(mutant)], why.get(str(mutant), "")))  # noqa: T201
    print("", summary(found, [str(each) for each in chosen]), sep="\n")  # noqa: T201
    return int(any(not found[str(each)].reported and str(each) not in why for each in chosen))
