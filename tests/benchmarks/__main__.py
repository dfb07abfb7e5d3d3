"""Prints what the skill costs its readers, its checks and its handlers, as tables; draws them for `tests/README.md`.

uv run --group bench --directory tests python -m benchmarks [--rounds 3] [--only queue_worker] [--publish]

The tables are whole; `--publish` keeps the results, draws the picture and refills the page's section.
"""

import argparse
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import cold_start, reading, rules, trials
from benchmarks.results import PAGE, PICTURE, Results, refilled, save
from support.commands import SAM
from trials.examples import patterns


def tables(results: Results) -> list[Table]:
    read = Table("Question", "Section", "Tokens", "With SKILL.md", title="Tokens to an answer")
    for answer in results.answers:
        cells = (answer.section.removeprefix("references/"), *map(str, (answer.tokens, answer.with_front_page)))
        read.add_row(answer.ask, *cells)

    variants = [name for name in cold_start.VARIANTS if name != cold_start.BASE]
    title = f"Init by the emulator and by processor time, as multiples: medians of {results.rounds} rounds"
    starts = Table("Function", "as it is, ms", *variants, title=title)
    rows = {(row.function, row.variant): row for row in results.starts}
    for function in dict.fromkeys(row.function for row in results.starts):
        base = rows[function, cold_start.BASE]
        own = [rows[function, name] for name in variants]
        multiples = [f"{row.init_ratio:.2f} {row.processor_ratio:.2f}" for row in own]
        starts.add_row(function, f"{base.init:.0f} {base.processor:.0f}", *multiples)

    checks = Table("Fences", "Count", "Processor ms each", "Twice the bundle", title="Checking the fences")
    for check in results.checks:
        checks.add_row(check.kind, str(check.fences), f"{check.milliseconds:.1f}", f"x {check.growth:.2f}")

    cost = results.rules
    lint = Table("", "cfn-lint, s", "with our rules", title=f"Linting {cost.templates} templates")
    lint.add_row("on the clock", f"{cost.clock:.1f}", f"x {cost.clock_ratio:.2f}")
    lint.add_row("processor time", f"{cost.processor:.1f}", f"x {cost.processor_ratio:.2f}")
    return [read, starts, checks, lint, trials.table(results.trials)]


def versions() -> dict[str, str]:
    (sam,) = SAM.glob("lib/python*/site-packages/aws_sam_cli-*.dist-info")
    return {
        "python": platform.python_version(),
        "awslambdaric": version("awslambdaric"),
        "boto3": version("boto3"),
        "powertools": version("aws-lambda-powertools"),
        "cfn_lint": version("cfn-lint"),
        "sam_cli": sam.name.removesuffix(".dist-info").rpartition("-")[2],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often everything takes its turn (3)")
    parser.add_argument("--only", action="append", choices=patterns(), help="cold starts of this example alone")
    parser.add_argument("--publish", action="store_true", help="keep the results, and refill tests/README.md with them")
    given = parser.parse_args()
    if given.publish and given.only:
        parser.error("--publish needs the cold starts of all examples")
    console = Console()
    measured = cold_start.measure(given.rounds, set(given.only or ()))
    results = Results(
        month=f"{datetime.now(UTC):%Y-%m}",
        machine=f"{os.cpu_count()} {platform.machine()} cores",
        rounds=given.rounds,
        answers=reading.answers(),
        checks=reading.checks(given.rounds),
        rules=rules.measure(given.rounds),
        trials=[trials.measure(number) for number in trials.SIZES],
        starts=cold_start.ratios(list(track(measured, "cold starts", console=console))),
        versions=versions(),  # of what has been installed by now
    )
    for table in tables(results):
        console.print(table)
    if given.publish:
        from benchmarks.picture import svg  # needs matplotlib, nothing else does

        save(results)
        PICTURE.write_text(svg(results))
        PAGE.write_text(refilled(PAGE.read_text(), results))


if __name__ == "__main__":
    main()
