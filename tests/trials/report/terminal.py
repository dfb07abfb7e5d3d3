"""The result for a person at a terminal; whole, not cut, when it goes into a pipe or a file."""

import time
from collections.abc import Iterable
from datetime import timedelta

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from trials.local_aws import Outcome
from trials.report.events import Deployed, Event, SourceStarted, Step, TrialStarted
from trials.report.remarks import Remark, position, remarks
from trials.report.result import OPEN, Result
from trials.report.told import again
from trials.verdicts.words import Finding, Status, Verdict

STYLE = {Verdict.HELD: "green", Verdict.BROKEN: "bold red", Verdict.UNPROVED: "yellow"}
LONGEST = 200  # characters of what happened in a table; the rest stands below it
WIDE = 160  # columns of a table that nobody reads at a terminal


class Progress:
    """One line about what is going on, with the time: it ticks on a terminal, elsewhere each step is a line."""

    def __init__(self, console: Console) -> None:
        self._console, self._began = console, time.monotonic()
        self._places: dict[str, str] = {}  # of each source, which of how many it is: several are tried at a time
        text = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
        columns = (SpinnerColumn(), TimeElapsedColumn(), text)
        self.bar = Bar(*columns, console=console, transient=True, expand=True, disable=not console.is_terminal)
        self._task = self.bar.add_task("reading the template", total=None)

    def take(self, event: Event) -> None:
        if isinstance(event, SourceStarted):
            self._places[str(event.source)] = f"source {event.number} of {event.of}"
        elif isinstance(event, TrialStarted):
            name = str(event.source)
            self.say(f"{self._places.get(name, 'source')}, {name}: {event.trial}")
        elif isinstance(event, Step):
            self.say(event.text)
        elif isinstance(event, Deployed):
            self.say(f"{len(event.resources)} resources deployed")

    def say(self, text: str) -> None:
        self.bar.update(self._task, description=escape(text))
        if not self._console.is_terminal:
            took = timedelta(seconds=int(time.monotonic() - self._began))
            self._console.print(f"{took} {text}", highlight=False, markup=False, soft_wrap=True)


def show(result: Result, console: Console) -> None:
    longest: int | None = LONGEST
    if not console.is_terminal:
        console, longest = Console(file=console.file, width=WIDE), None
    for shown in (trials_table(result.findings, longest), scenario_table(result.outcomes)):
        if shown.row_count:
            console.print(shown)
    said = remarks(result)
    where = {remark.finding: position(remark, result) for remark in said}
    for finding in broken(result.findings):
        for line in story(finding, where.get(finding, ""), again(result, finding)):
            console.print(line, highlight=False, soft_wrap=True)
    for heading, lines in accounts(result, said).items():
        for line in lines:
            console.print(f"[bold]{heading}[/]  {escape(line)}", highlight=False, soft_wrap=True)
    console.print(f"{closing(result)} · {result.seconds:.0f} s", highlight=False, soft_wrap=True)


def broken(findings: list[Finding]) -> Iterable[Finding]:
    return (finding for finding in findings if finding.judgement.verdict is Verdict.BROKEN)


def story(finding: Finding, where: str, command: str) -> list[str]:
    """What broke and where, and what to do about it, in lines that may be longer than the terminal is wide."""
    judgement = finding.judgement
    lines = [f"[bold red]{judgement.promise}[/]  {escape(f'{finding.source}, {finding.trial}: {judgement.happened}')}"]
    lines += [f"    {escape(detail)}" for detail in judgement.details if detail not in judgement.happened]
    told = {
        "at": where,
        "remedy": finding.remedy,
        "to supply": judgement.supply,
        "why": finding.link,
        "again": command,
    }
    return [*lines, *(f"    {name}: {escape(text)}" for name, text in told.items() if text)]


def accounts(result: Result, said: list[Remark]) -> dict[str, list[str]]:
    """Everything that was looked at, and everything that was not, with the reason."""
    return {
        "Unproved": [*ended_as(Status.UNPROVED, result), *trials_to_supply(result)],
        "Untried": ended_as(Status.UNTRIED, result),
        "Sample not used": samples_not_used(result),
        "Sample written": [f"{file}: {why}" for file, why in result.written.items()],
        "Not deployed": [f"{name}: {why}" for name, why in result.not_deployed.items()],
        "Note": result.notes,
        "Least policy": [f"{name}: {line}" for name, used in result.policies.items() for line in used.least],
        "Granted but never used": [
            f"{name}: {', '.join(used.unused)} in no trial" for name, used in result.policies.items() if used.unused
        ],
        "Lint": [f"{each.rule} {position(each, result)}: {each.text}" for each in said if each.is_lint]
        or [result.not_linted or "clean"],
        **baseline(result),
        "Stopped": [result.error] if result.error else [],
    }


def baseline(result: Result) -> dict[str, list[str]]:
    """What differs from the baseline, if there is one."""
    compared = result.compared
    if not compared:
        return {}
    mend = f"take it out of {compared.file}, or let --baseline write do it"
    return {
        "New": [f"{each}" for each in compared.new],
        "Changed": [f"{each}" for each in compared.changed],
        "Overdue": [f"{each}: its date in {compared.file} has passed" for each in compared.overdue],
        "Mended": [f"{each}: {mend}" for each in compared.mended],
        "Accepted": [f"{each}: {why}" for each, why in compared.accepted.items()],
    }


def ended_as(status: Status, result: Result) -> list[str]:
    here = [ended for ended in result.sources if ended.status is status]
    return [f"{ended.source}: {supplied(ended.why, ended.to_supply)}" for ended in here]


def samples_not_used(result: Result) -> list[str]:
    """Of each file why; of a run that stopped before its first source only what is wrong with the file itself."""
    whys = [(file, file.why if result.error and not result.sources else result.unused(file)) for file in result.samples]
    return [f"{file.path}: {why}" for file, why in whys if why]


def trials_to_supply(result: Result) -> list[str]:
    """What would prove a trial, once for all trials of a source that lack the same; a source's own rows say theirs."""
    told = {(str(ended.source), ended.supply) for ended in result.sources}
    lacking: dict[tuple[str, str, str], list[str]] = {}
    for finding in result.findings:
        judgement = finding.judgement
        open_and_new = judgement.verdict is Verdict.UNPROVED and (finding.source, judgement.supply) not in told
        if open_and_new and judgement.supply:
            lacking.setdefault((finding.source, judgement.happened, judgement.supply), []).append(finding.trial)
    return [f"{source}, {', '.join(trials)}: {supplied(why, put)}" for (source, why, put), trials in lacking.items()]


def supplied(why: str, supply: str) -> str:
    return f"{why}. To supply: {supply}" if supply else why


def closing(result: Result) -> str:
    """The count of sources and what the exit code means."""
    delivered = sum(each.status is Status.DELIVERED for each in result.sources)
    meaning = {
        0: "every promise held",
        1: "something broke",
        2: "the work could not be done",
        3: "nothing broke, but not all could be told",
    }[result.exit_code]
    if result.compared:
        same = f"nothing but what {result.compared.file} accepts"
        meaning = {0: same, 1: f"it is not as {result.compared.file} says"}.get(result.exit_code, meaning)
    if result.exit_code == OPEN and not (result.sources or result.outcomes or result.compared):
        return f"nothing to try: the template has nothing that sets a function off (exit {OPEN})"
    return f"{delivered} of {len(result.sources)} sources delivered: {meaning} (exit {result.exit_code})"


def trials_table(findings: list[Finding], longest: int | None) -> Table:
    """What happened is cut to so many characters; whole if there is no limit."""
    shown = Table(title="Trials", title_justify="left", title_style="bold")
    for heading in ("Source", "Trial", "What happened", "Verdict"):
        shown.add_column(heading)
    before = ""
    for finding in findings:
        judgement = finding.judgement
        verdict = f"[{STYLE[judgement.verdict]}]{judgement.promise or judgement.verdict}"
        text = judgement.happened
        text = text if longest is None or len(text) < longest else f"{text[: longest - 3]}…"
        shown.add_row(escape(finding.source) if finding.source != before else "", finding.trial, escape(text), verdict)
        before = finding.source
    return shown


def scenario_table(outcomes: list[Outcome]) -> Table:
    shown = Table(title="Your scenario.py", title_justify="left", title_style="bold")
    for heading in ("Sent", "What happened", "Promise", "Held"):
        shown.add_column(heading)
    for outcome in outcomes:
        verdict = "[green]yes" if outcome.held else "[bold red]NO"
        shown.add_row(escape(outcome.sent), escape(outcome.happened), escape(outcome.promise), verdict)
    return shown
