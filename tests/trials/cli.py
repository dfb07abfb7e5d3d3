"""Run the examples, or a project of your own, end to end on a local AWS, and check what they promise.

An example is deployed and plays its scenario. A project, given as a folder or a template, is linted, deployed and put
through the trials; a `scenario.py` beside its template is played too.
Exit code: 0 when every promise held, 1 when one broke, 2 when the work could not be done, 3 when nothing broke but a
source of the project is unproved or untried.
"""

import argparse
import datetime
import json
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from trials import own
from trials.examples import (
    AT_ONCE,
    EXAMPLES,
    IAC,
    SECONDS,
    Result,
    in_typescript,
    longest_first,
    patterns,
    play,
    seconds,
    templates,
)
from trials.home import outdated
from trials.local_aws import ACCOUNT, REGION, LocalAws, LocalAwsError, Outcome
from trials.local_aws.environment import is_installed, once
from trials.local_aws.synthesis import LANGUAGES, NODE
from trials.report.baseline import NAME as BASELINE
from trials.report.outputs import FORMATS, unwritable
from trials.signals import end_on_signals
from trials.words_given import Parser, meant, one_of

LABELS = {
    "sarif": "SARIF 2.1.0",
    "junit": "JUnit XML",
    "markdown": "a comment for a pull request, with a picture of the system",
    "html": "one page with the system as a picture, the trials as a matrix and their stories",
}


def table(name: str, outcomes: list[Outcome], took: float) -> Table:
    shown = Table(title=f"{name} · {took:.0f} s", title_justify="left", title_style="bold")
    for heading in ("Sent", "What happened", "Promise"):
        shown.add_column(heading)
    shown.add_column("Held", justify="center")
    for outcome in outcomes:
        shown.add_row(outcome.sent, outcome.happened, outcome.promise, "[green]yes" if outcome.held else "[bold red]NO")
    return shown


def summary(results: dict[str, Result]) -> Table:
    shown = Table(title="All", title_justify="left", title_style="bold")
    for heading in ("Example", "Promises held", "Seconds"):
        shown.add_column(heading, justify="left" if heading == "Example" else "right")
    for name, (outcomes, lasted) in results.items():
        held = sum(outcome.held for outcome in outcomes)
        style = "green" if held == len(outcomes) else "bold red"
        shown.add_row(name, f"[{style}]{held} of {len(outcomes)}", f"{lasted:.0f}")
    return shown


def keep(local: LocalAws, console: Console) -> None:
    """Leave the local AWS up until the reader presses Ctrl-C."""
    aws = f"aws --endpoint-url {local.endpoint}"
    console.print(
        f"\nThe local AWS stays up at {local.endpoint} until Ctrl-C. In another terminal:\n\n"
        f"export AWS_ACCESS_KEY_ID={ACCOUNT} AWS_SECRET_ACCESS_KEY=local AWS_REGION={REGION} AWS_CA_BUNDLE={local.ca}\n"
        f"{aws} sqs list-queues\n{aws} lambda list-functions\n{aws} cloudformation describe-stacks\n"
        f"tail -f {local.log}",
        highlight=False,
        soft_wrap=True,
    )
    signal.pause()


def arguments(known: list[str]) -> argparse.Namespace:
    about = "Run the examples, or your own project, end to end on a local AWS."
    parser = Parser(prog="run.py", description=about)
    parser.add_argument(
        "patterns",
        nargs="*",
        metavar="PATTERN|PATH",
        help="which examples to run (default: all), or one folder or template of your own to put through the trials",
    )
    parser.add_argument("--list", action="store_true", help="name the examples and stop")
    parser.add_argument("--keep", action="store_true", help="leave the local AWS up and say how to reach it")
    parser.add_argument("--json", action="store_true", help="print the outcomes as JSON instead of tables")
    parser.add_argument(
        "--iac",
        type=one_of(IAC),
        metavar=f"{{{','.join(IAC)}}}",
        default="sam",
        help="deploy template.yaml, or what CDK makes of stack.py or stack.ts (default: sam)",
    )
    parser.add_argument(
        "--handlers",
        type=one_of(LANGUAGES),
        metavar=f"{{{','.join(LANGUAGES)}}}",
        default="python",
        help="which modules the functions run; those in TypeScript are for --iac cdk-typescript (default: python)",
    )
    parser.add_argument(
        "--allow-unproved", action="store_true", help="exit 0 although a source of your project is unproved or untried"
    )
    parser.add_argument(
        "--thorough", action="store_true", help="also kill, cut off and time out your functions in each of their calls"
    )
    parser.add_argument(
        "--policy", action="store_true", help="also print the least policy of each function, from the calls it made"
    )
    parser.add_argument(
        "--samples", action="store_true", help="write an event for each source of yours that took none, to be filled in"
    )
    for name in FORMATS:
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"also write the findings as {LABELS[name]}")
    parser.add_argument("--only", metavar="SOURCE", default="", help="try only the sources whose name has this in it")
    parser.add_argument(
        "--baseline",
        nargs="+",
        metavar=("write|check", "FILE"),
        help=f"accept what broke before: write it into FILE (default: {BASELINE} beside the template), or check by it",
    )
    parser.add_argument(
        "--search",
        type=int,
        default=0,
        metavar="N",
        help="also play about N steps of random sequences of your sources' events, repeats, faults and redrives",
    )
    parser.add_argument(
        "--keep-failure", type=Path, metavar="FILE", help="write a sequence that fails as a pytest file (with --search)"
    )
    parser.add_argument("--port", type=int, default=0, help="port of the local AWS (default: a free one)")
    parser.add_argument(
        "--jobs", type=int, default=AT_ONCE, help=f"how many examples run at a time (default, by processors: {AT_ONCE})"
    )
    asked = parser.parsed()
    asked.path = path_of(asked.patterns, known)
    asked.files = {name: vars(asked)[name] for name in FORMATS if vars(asked)[name]}
    unknown = [name for name in asked.patterns if name not in known]
    if asked.path and (asked.keep or asked.list or asked.iac != "sam" or asked.handlers != "python"):
        parser.error("--keep, --list, --iac and --handlers are for the examples")
    if asked.files and not asked.path:
        parser.error(f"--{next(iter(asked.files))} is for a project of your own: name its folder, as in `run.py .`")
    if why := next((why for file in asked.files.values() if (why := unwritable(file))), ""):
        parser.error(why)
    if asked.only and (asked.baseline or not asked.path):
        parser.error("--only is for a project of your own, and not for its baseline, which is about all sources")
    if why := wrong_baseline(asked):
        parser.error(why)
    if asked.keep_failure and not asked.search:
        parser.error("--keep-failure keeps what --search N finds: name both")
    if asked.search < 0:
        parser.error("--search takes a number of steps, such as 200")
    if unknown and not asked.path:
        if paths := [name for name in unknown if Path(name).exists()]:
            parser.error(f"{paths[0]} is a project of your own: name it alone")
        parser.error(no_example(unknown, known))
    if asked.handlers == "typescript":
        ready = in_typescript()
        if asked.iac != "cdk-typescript":
            parser.error("--handlers typescript needs --iac cdk-typescript")
        if lacking := [name for name in asked.patterns if name not in ready]:
            parser.error(f"{', '.join(lacking)} has no handlers in TypeScript; there are for: {', '.join(ready)}")
        asked.patterns = asked.patterns or ready
    return asked


def no_example(unknown: list[str], known: list[str]) -> str:
    """Of names that no example has: the one that is probably meant, else all that there are."""
    no_path = "and there is no such file or folder"
    if likely := meant(unknown[0], known):
        return f"no example is called {unknown[0]}{likely}, {no_path}"
    return f"no example is called {', '.join(unknown)}; there are: {', '.join(known)}; {no_path}"


def wrong_baseline(asked: argparse.Namespace) -> str:
    """What is wrong with the words after `--baseline`; empty if nothing is. They become two values of their own."""
    what, *files = asked.baseline or [""]
    asked.baseline, asked.baseline_file = what, Path(files[0]) if files else None
    if what and not asked.path:
        return "--baseline is for a project of your own: name its folder first, as in `run.py . --baseline check`"
    if what not in ("", "write", "check") or len(files) > 1:
        return f"after --baseline comes write or check, then a file if it is not {BASELINE}"
    return unwritable(asked.baseline_file) if asked.baseline_file else ""


def path_of(given: list[str], known: list[str]) -> Path | None:
    """The one argument, if it is a path and no example's name."""
    if len(given) != 1 or given[0] in known:
        return None
    path = Path(given[0])
    meant = path.exists() or "/" in given[0] or path.suffix in (".yaml", ".yml", ".json")  # or it was mistyped
    return path.resolve() if meant else None


def run() -> int:
    known = patterns()
    asked = arguments(list(known))
    console, progress = Console(), Console(stderr=True)
    if asked.path:
        return own.run(
            own.Wish(
                asked.path,
                asked.port,
                asked.json,
                asked.allow_unproved,
                asked.thorough,
                policy=asked.policy,
                search=asked.search,
                keep_failure=asked.keep_failure and asked.keep_failure.resolve(),
                samples=asked.samples,
                files=asked.files,
                only=asked.only,
                baseline=asked.baseline,
                baseline_file=asked.baseline_file,
            ),
            console,
            progress,
        )
    if asked.list:
        for name, line in known.items():
            console.print(f"{name}: {line}", highlight=False, soft_wrap=True)
        return 0
    if old := outdated(datetime.date.today()):
        progress.print(old, highlight=False, soft_wrap=True)
    results: dict[str, Result] = {}
    with (
        progress.status(f"starting the local AWS{once(is_installed())}") as status,
        tempfile.TemporaryDirectory(prefix="local-aws-") as home,
        ThreadPoolExecutor(asked.jobs) as pool,
        LocalAws(asked.port, home=Path(home)) as local,  # ends first: on Ctrl-C no scenario then waits for an answer
    ):

        def say(name: str, step: str) -> None:
            status.update(f"{name}: {step}")
            if not progress.is_terminal:
                progress.print(f"{name}: {step}", highlight=False)

        if asked.iac != "sam":
            status.update(f"synthesising the stacks{once((NODE / 'node_modules').exists())}")
        deployed = templates(asked.patterns or list(known), asked.iac, Path(home) / "synthesised", asked.handlers)
        took = seconds()
        running = {
            name: pool.submit(play, EXAMPLES / name, deployed[name], local, partial(say, name))
            for name in longest_first(deployed, took)
        }
        for name in deployed:
            results[name] = running[name].result()
            if not asked.json:
                console.print(table(name, *results[name]))
        SECONDS.write_text(json.dumps(took | {name: round(now, 1) for name, (_, now) in results.items()}))
        if asked.json:
            by_example = {name: [asdict(outcome) for outcome in outcomes] for name, (outcomes, _) in results.items()}
            print(json.dumps(by_example, indent=2))
        elif len(results) > 1:
            console.print(summary(results))
        if local.left_out:
            names = ", ".join(f"{name} ({kind})" for name, kind in local.left_out.items())
            progress.print(f"not deployed, for the local AWS does not know the type: {names}", highlight=False)
        if asked.keep:
            status.stop()
            keep(local, console)
    return 0 if all(outcome.held for outcomes, _ in results.values() for outcome in outcomes) else 1


def main() -> int:
    """The exit code of the command, whatever happens."""
    try:
        end_on_signals()
        return run()
    except LocalAwsError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
