"""Lint, deploy and try a project that is not ours, and tell what was found in the ways that were asked for."""

import datetime
import json
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from trials.bench import try_project
from trials.examples import play
from trials.home import outdated
from trials.local_aws import LocalAws, LocalAwsError
from trials.local_aws.environment import is_installed, once
from trials.project import Project, Source, read
from trials.report import baseline
from trials.report.events import Event, Step, Told
from trials.report.lint import Linting
from trials.report.outputs import annotate, write_files
from trials.report.result import Result
from trials.report.terminal import Progress, show
from trials.samples.written import write
from trials.search.search import search
from trials.verdicts import Status
from trials.workers import URL


@dataclass(frozen=True)
class Wish:
    """What the command line asks for."""

    path: Path
    port: int = 0
    as_json: bool = False
    allow_unproved: bool = False
    thorough: bool = False
    policy: bool = False
    search: int = 0  # steps of random sequences
    keep_failure: Path | None = None  # a file for a sequence that fails
    samples: bool = False  # write those that were not taken into the project
    files: dict[str, Path] = field(default_factory=dict)  # by format
    only: str = ""  # sources whose name has this in it
    baseline: str = ""  # write, check or nothing
    baseline_file: Path | None = None  # if it is not the one beside the template


def run(wish: Wish, console: Console, progress_console: Console) -> int:
    """The exit code; one JSON object or the tables are printed, whatever happened."""
    began = time.monotonic()
    result = Result(allow_unproved=wish.allow_unproved)
    progress = Progress(progress_console)
    accepted: baseline.Baseline | None = None
    with progress.bar:
        try:
            accepted = the_baseline(wish)
            with closing(events(wish, result)) as happening:
                for event in happening:
                    progress.take(event)
                    result.take(event)
        except LocalAwsError as error:
            result.error = str(error)
        except Exception as error:  # of ours: what is known so far is still told
            result.error = f"the trials themselves failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    if wish.samples and result.template:
        write_samples(result)
    if accepted:
        if accepted.writes and not result.error:
            accepted = baseline.write(accepted, result)
        result.compared = baseline.compare(accepted, result)
    result.seconds = round(time.monotonic() - began, 1)
    if wish.as_json:
        print(json.dumps(result.as_json(), indent=2))
    else:
        show(result, console)
    annotate(result)
    write_files(result, wish.files)
    return result.exit_code


def the_baseline(wish: Wish) -> baseline.Baseline | None:
    if not wish.baseline:
        return None
    folder = wish.path if wish.path.is_dir() else wish.path.parent
    folder = folder.parent if folder.name == "cdk.out" else folder  # which each synthesis makes anew
    return baseline.opened(wish.baseline_file or folder / baseline.NAME, wish.baseline == "write")


def events(wish: Wish, result: Result) -> Generator[Event]:
    project = read(wish.path, URL)
    result.asked = [f"--{name}" for name in ("thorough", "policy") if getattr(wish, name)]
    result.searched = wish.search
    account(project, result)
    if old := outdated(datetime.date.today()):
        result.notes.append(old)
    project.sources = chosen(project.sources, wish.only)
    with Linting(project.template) as linting:
        yield Step(f"linting, starting the local AWS{once(is_installed())}, packaging and deploying")
        try:
            yield from try_project(project, wish.port, wish.thorough, wish.policy)
        except LocalAwsError:
            result.take(linting.finish())
            raise
        result.take(linting.finish())
    if wish.search:
        yield Step(f"searching, {wish.search} steps of random sequences")
        yield Told(search(wish.path, wish.search, wish.keep_failure))
    if (project.folder / "scenario.py").exists() and not wish.only:
        yield Step("playing scenario.py")
        with LocalAws(port=wish.port) as local:
            result.outcomes = play(project.folder, project.template, local, lambda _: None)[0]


def chosen(sources: list[Source], only: str) -> list[Source]:
    """The sources whose name has a text in it; raises `LocalAwsError` with all names if there is none."""
    matching = [source for source in sources if only in str(source)]
    if only and not matching:
        raise LocalAwsError(f"no source is called {only!r}; there are: {', '.join(map(str, sources)) or 'none'}")
    return matching


def write_samples(result: Result) -> None:
    """An event for each source that is unproved, beside the template unless there is one, and why it was not taken."""
    for ended in result.sources:
        if ended.status is not Status.UNPROVED or ended.event is None:
            continue
        if file := write(Path(result.folder), ended.source, ended.event):
            result.written[file] = ended.why


def account(project: Project, result: Result) -> None:
    result.template, result.folder = str(project.template), str(project.folder)
    result.body, result.listed = project.model.body, project.sources
    result.notes, result.samples = project.notes, project.files
    result.not_deployed |= project.left_out
