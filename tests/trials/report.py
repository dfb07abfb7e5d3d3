"""Lint, deploy and try a project that is not ours, and tell what was found."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trials.local_aws import ROOT, LocalAws, LocalAwsError, Outcome
from trials.project import Project, read
from trials.stage import BROKEN, UNKNOWN, Finding, Stage, StandIn, try_source

RULES = ROOT / "tests" / "rules"
STYLE = {"held": "[green]", BROKEN: "[bold red]", UNKNOWN: "[yellow]"}
Play = Callable[[Path, Path, LocalAws, Callable[[str], None]], tuple[list[Outcome], float]]


@dataclass
class Report:
    """All that was found out about one project."""

    template: str
    lint: list[dict[str, str]] = field(default_factory=list)
    not_linted: str = ""
    notes: list[str] = field(default_factory=list)
    deployed: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    untried: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)  # of the project's own scenario
    seconds: float = 0

    @property
    def broken(self) -> bool:
        errors = any(each["level"] == "Error" for each in self.lint)
        return errors or any(each.verdict == BROKEN for each in self.findings) or not all(o.held for o in self.outcomes)

    @property
    def exit_code(self) -> int:
        """1 for what is broken, 2 if nothing was tried: what nobody looked at has not passed."""
        return 1 if self.broken else 0 if self.findings or self.outcomes else 2


def run(path: Path, port: int, as_json: bool, console: Console, progress: Console, play: Play) -> int:
    began = time.monotonic()
    with progress.status("reading the template") as status, StandIn() as outside:

        def say(step: str) -> None:
            status.update(step)
            if not progress.is_terminal:
                progress.print(step, highlight=False)

        project = read(path, outside.url)
        report = Report(str(project.template), notes=project.notes, left_out=dict(project.left_out))
        report.untried = dict(project.untried)
        say("linting")
        report.lint, report.not_linted = lint(project.template)
        say("starting the local AWS (the first time, this downloads it)")
        try_project(project, report, outside, port, say)
        if (project.folder / "scenario.py").exists():
            say("playing scenario.py")
            with LocalAws(port=port) as local:
                report.outcomes = play(project.folder, project.template, local, say)[0]
    report.seconds = round(time.monotonic() - began, 1)
    if as_json:
        print(json.dumps({**asdict(report), "broken": report.broken}, indent=2))
    else:
        show(report, console)
    return report.exit_code


def try_project(project: Project, report: Report, outside: StandIn, port: int, say: Callable[[str], None]) -> None:
    with LocalAws(port=port, faults=True) as local:
        stage = Stage(local, project, outside)
        say("packaging and deploying")
        stage.fresh()
        report.left_out |= stage.stack.left_out
        report.deployed = sorted(f"{name} ({kind})" for name, kind in stage.stack.types.items())
        for source in project.sources:
            try:
                report.findings += try_source(stage, source, lambda step: say(f"{source}: {step}"))  # noqa: B023
            except Exception as error:
                text = str(error) if isinstance(error, LocalAwsError) else f"{type(error).__name__}: {error}"
                report.findings.append(Finding(str(source), "all", UNKNOWN, f"the trials stopped: {text[:300]}"))


def lint(template: Path) -> tuple[list[dict[str, str]], str]:
    """What cfn-lint and the rules of this repository say, or why they were not asked."""
    if beside := shutil.which("cfn-lint", path=str(Path(sys.executable).parent)):
        command = [beside]
    elif uv := os.environ.get("UV") or shutil.which("uv"):
        command = [uv, "tool", "run", "cfn-lint"]
    else:
        return [], "neither cfn-lint nor uv is here"
    rules = ["--append-rules", str(RULES)] if RULES.is_dir() else []
    done = subprocess.run(
        [*command, *rules, "--format", "json", "--regions", "us-east-1", "--template", str(template)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    except ValueError:
        return [], f"cfn-lint failed: {' '.join((done.stderr or done.stdout).split())[:200]}"
    if not found and done.returncode:
        return [], f"cfn-lint failed: {' '.join(done.stderr.split())[:200]}"
    return [
        {
            "rule": each["Rule"]["Id"],
            "level": each["Level"],
            "line": str(each["Location"]["Start"]["LineNumber"]),
            "message": each["Message"],
        }
        for each in found
    ], ""


# ---- showing


def show(report: Report, console: Console) -> None:
    for shown in (trials_table(report.findings), scenario_table(report.outcomes)):
        if shown.row_count:
            console.print(shown)
    details = {
        "Deployed": [f"{len(report.deployed)} resources"],
        "Not deployed": [f"{name}: {why}" for name, why in report.left_out.items()],
        "Not tried": [f"{name}: no trials for {kind}" for name, kind in report.untried.items()],
        "Note": report.notes + ([] if report.findings else ["no event source of a function was found: nothing tried"]),
        "Lint": [f"{e['rule']} line {e['line']}: {e['message']}" for e in report.lint]
        or [report.not_linted or "clean"],
        "Broken": [
            f"{each.source}, {each.trial}: {each.broken}. {'; '.join(each.details) or each.happened}"
            for each in report.findings
            if each.verdict == BROKEN
        ],
    }
    for heading, lines in details.items():
        for line in lines:
            console.print(f"[bold]{heading}[/]  {escape(line)}", highlight=False, soft_wrap=True)
    console.print(f"{report.seconds:.0f} s", highlight=False)


def trials_table(findings: list[Finding]) -> Table:
    shown = Table(title="Trials", title_justify="left", title_style="bold")
    for heading in ("Source", "Trial", "What happened", "Verdict"):
        shown.add_column(heading)
    before = ""
    for each in findings:
        verdict = f"{STYLE[each.verdict]}{each.broken or each.verdict}"
        happened = each.happened if len(each.happened) < 200 else each.happened[:197] + "…"
        shown.add_row(escape(each.source) if each.source != before else "", each.trial, escape(happened), verdict)
        before = each.source
    return shown


def scenario_table(outcomes: list[Outcome]) -> Table:
    shown = Table(title="Your scenario.py", title_justify="left", title_style="bold")
    for heading in ("Sent", "What happened", "Promise", "Held"):
        shown.add_column(heading)
    for each in outcomes:
        verdict = "[green]yes" if each.held else "[bold red]NO"
        shown.add_row(escape(each.sent), escape(each.happened), escape(each.promise), verdict)
    return shown
