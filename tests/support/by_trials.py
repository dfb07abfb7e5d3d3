"""Our examples with a mistake in a Python handler, and what the trials alone say: no test, no scenario.

Each, and what the trials reported of it, as a table: uv run --directory tests python -m support.mutants --by-trials
What was asked already is taken from `by_trials.json`, unless the example's files have changed since. The trial that
reported a mistake before comes first; `--first=TRIAL` names one for those that were not asked about.
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
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from support.documents import ROOT
from support.mistakes import Mutant, mutants, planted
from trials import faults
from trials.bench import safely, why_untried
from trials.local_aws.processes import end_with_parent
from trials.machines import trying
from trials.machines.definition import Task
from trials.machines.history import Fault, Play, Way
from trials.project import Kind, Project, Source
from trials.project.effects import modules
from trials.report.events import Told, TrialStarted
from trials.search.search import searched
from trials.stage import Stage
from trials.template import references
from trials.verdicts import Finding, Judgement, Verdict
from trials.waves import feeders, waves
from trials.workers import Theatre

RESULTS = Path(__file__).with_suffix(".json")
REASONS = Path(__file__).with_name("own_promises.toml")
LIMIT = 900  # seconds for one mistake
STEPS = 200  # of the search
SEARCH = "search"
OF_MACHINES = {"undone twice": Way.FOR_GOOD, "late step": Way.UNKNOWN}  # by --thorough, beside plays of a way
OF_EVERY_WAY = trying.faults
FIRST = "--first="
NOT_YET = "not yet: "  # how a reason begins that is none of a promise, but a lack of the trials


@dataclass(frozen=True)
class Report:
    """What was said of one mistake; `trial` is empty if nothing broke. `thorough` if only `--thorough` shows it."""

    mutant: str
    files: str  # a digest of what was tried
    trial: str = ""
    promise: str = ""
    happened: str = ""  # or why not everything was asked
    thorough: bool = False
    seconds: float = 0

    @property
    def reported(self) -> bool:
        return bool(self.trial)


def in_python(mutant: Mutant) -> bool:
    """Whether a mistake lies in Python handlers alone."""
    return all(file.endswith(".py") for file, _, _ in mutant.edits)


def digest(folder: Path) -> str:
    """Of what the trials read of a project."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".yaml", ".json", ".txt")]
    read = [path for path in files if path.name not in ("stack.py", "scenario.py")]
    text = "".join(f"{path.relative_to(folder)}\n{path.read_text()}" for path in read)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def touched(project: Project, files: Iterable[str]) -> set[str]:
    """The functions whose code loads one of these files, and the state machines that call such a function."""
    changed, found = set(files), set[str]()
    resources = project.body["Resources"]
    for name, resource in resources.items():
        if resource.get("Type") not in ("AWS::Serverless::Function", "AWS::Lambda::Function"):
            continue
        folder, handler, _ = project.code(name)
        start = folder / f"{handler.rsplit('.', 1)[0]}.py"
        if start.is_file() and changed & {path.name for path, _ in modules(start, folder)}:
            found.add(name)
    machines = {source.function for source in project.sources if source.kind is Kind.MACHINE}
    return found | {name for name in machines if found & set(references(resources[name]))}


def broken(stage: Stage, files: Iterable[str]) -> Iterator[tuple[Finding, str]]:
    """What broke in the sources of functions that load these files, and the trial as it is called in `faults.ALL`."""
    project = stage.project
    own = touched(project, files)
    sources = [source for source in project.sources if not why_untried(project, source)]
    for source in [each for group in waves(project, sources) for each in group]:
        if source.kind is Kind.MACHINE and not stage.thorough:  # it is tried with all that it can be
            continue
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


def of_one_way(way: Way | None, reference: Play, known: dict[str, Task]) -> list[Fault]:
    """The faults of a machine's tasks that a trial needs; all if it is none of a machine's own."""
    return [fault for fault in OF_EVERY_WAY(reference, known) if way is None or fault.way is way]


class Overdue(BaseException):
    """The trials of one mistake take too long; no `Exception`, so that no trial takes it for a fault of its own."""


def overdue(*_: object) -> None:
    raise Overdue


def parts(first: str) -> Iterator[tuple[tuple[faults.Trial, ...], bool]]:
    """The trials in the order in which they are asked, and whether with all that `--thorough` adds.

    First one that may tell, or what it needs of a machine's plays; then those by default, and the others.
    """
    every = faults.ALL
    named = tuple(each for each in every if each.name == first)
    if named or first in OF_MACHINES:
        trying.faults = partial(of_one_way, OF_MACHINES.get(first))
        yield named, first in OF_MACHINES or named[0].thorough
    trying.faults = OF_EVERY_WAY
    yield tuple(each for each in every if each.name != first and not each.thorough), False
    yield tuple(each for each in every if each.name != first and each.thorough), True


def asked(mutant: Mutant, stage: Stage, files: str, first: str = "") -> Report:
    """What the first trial that reports something says; if none does, the search is asked."""
    began, every = time.monotonic(), faults.ALL
    thorough = {each.name for each in every if each.thorough}
    signal.signal(signal.SIGALRM, overdue)
    signal.alarm(LIMIT)
    unfinished = ""

    def report(trial: str, said: Judgement, happened: str) -> Report:
        took = round(time.monotonic() - began, 1)
        return Report(
            str(mutant),
            files,
            trial,
            str(said.promise),
            happened[:300],
            trial in {*thorough, SEARCH, *OF_MACHINES},
            took,
        )

    try:
        stage.fresh()
        for faults.ALL, stage.thorough in parts(first):
            for finding, trial in broken(stage, [file for file, _, _ in mutant.edits]):
                return report(trial, finding.judgement, finding.judgement.happened)
        said = searched(stage, STEPS).judgement
        if said.verdict is Verdict.BROKEN:
            return report(SEARCH, said, " · ".join((said.happened, *said.details)))
    except Overdue:
        unfinished = f"not all of it was asked within {LIMIT} seconds"
    finally:
        signal.alarm(0)
        faults.ALL, trying.faults = every, OF_EVERY_WAY
    return Report(str(mutant), files, happened=unfinished, seconds=round(time.monotonic() - began, 1))


def work(pipe: Any, home: Path, chosen: list[tuple[Mutant, str]]) -> None:
    """In a process of its own, which enters a namespace: a report for each mistake, its likely trial first."""
    end_with_parent()
    tempfile.tempdir = str(home)
    with ExitStack() as stack:
        theatre = stack.enter_context(Theatre(home, ROOT))
        for mutant, first in chosen:
            with tempfile.TemporaryDirectory() as folder:
                copy = planted(mutant, Path(folder))
                pipe.send(asked(mutant, theatre.stage(copy), digest(copy), first))


def reports(chosen: list[tuple[Mutant, str]]) -> Iterator[Report]:
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
        option = f" (--{SEARCH})" if report.trial == SEARCH else " (--thorough)" if report.thorough else ""
        return f"{report.mutant} | {report.trial}{option} | {report.promise}"
    return f"{report.mutant} | - | {why or 'MISSED, and no reason is known'}"


def summary(found: dict[str, Report], names: list[str]) -> str:
    told = [found[name] for name in names if name in found]
    seen = [each for each in told if each.reported]
    default = sum(not each.thorough for each in seen)
    why = reasons()
    lacking = {name for name in names if why.get(name, "").startswith(NOT_YET)}
    own = sum(not each.reported and each.mutant in why and each.mutant not in lacking for each in told)
    unasked = sum(name not in found and name in why and name not in lacking for name in names)
    beyond = sum(name in lacking and not (name in found and found[name].reported) for name in names)
    rest = sum(name not in found and name not in why for name in names)
    return (
        f"of {len(names)} mistakes in Python handlers {len(told)} were asked about; "
        f"the trials alone report {len(seen)}, {default} of them by default; "
        f"{own} of the others break what only a promise of the example's own says; "
        f"{unasked} were not asked about, for the same reason"
        + (f"; {beyond} more need what the trials lack so far" if beyond else "")
        + (f"; nobody has asked about the other {rest} yet" if rest else "")
    )


def main(words: list[str]) -> int:
    """Ask about those that were not asked about, or whose files changed; 1 if one is missed without a reason."""
    first = next((word.removeprefix(FIRST) for word in words if word.startswith(FIRST)), "")
    words = [word for word in words if not word.startswith(FIRST)]
    chosen = [each for each in mutants() if in_python(each) and (not words or any(word in str(each) for word in words))]
    found, why = known(), reasons()
    new = [each for each in chosen if (old := found.get(str(each))) is None or not current(each, old)]
    before = {name: report.trial for name, report in found.items()}
    for report in reports([(each, before.get(str(each)) or first) for each in new]):
        found[report.mutant] = report
        keep(found)
        print(row(report, why.get(report.mutant, "")), flush=True)  # noqa: T201
    for mutant in chosen:
        if mutant not in new:
            print(row(found[str(mutant)], why.get(str(mutant), "")))  # noqa: T201
    print("", summary(found, [str(each) for each in chosen]), sep="\n")  # noqa: T201
    return int(any(not found[str(each)].reported and str(each) not in why for each in chosen))
