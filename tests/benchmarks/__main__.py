"""Prints what the skill costs its readers, and what a cold start costs, as tables; draws them for the README.

uv run --group bench --directory tests python -m benchmarks [--rounds 7] [--only queue_worker] [--picture FILE]
"""

import argparse
import statistics
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.cold_start import VARIANTS, measure, ratios
from benchmarks.reading import Answer, answers, checks
from run import patterns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=7, help="cold starts of each variant (7)")
    parser.add_argument("--only", action="append", choices=patterns(), help="cold starts of this example alone")
    parser.add_argument("--picture", type=Path, help="an SVG file to write")
    given = parser.parse_args()
    console = Console()

    read = answers()
    table = Table("Question", "Section", "Tokens", "With SKILL.md", title="Tokens to an answer")
    for answer in read:
        table.add_row(
            answer.ask, answer.section.removeprefix("references/"), *map(str, (answer.tokens, answer.with_front_page))
        )
    console.print(table)

    table = Table("Bundle", "Quotes", "ms each", title="Checking the quotes")
    for name, times in (("as it is", 1), ("twice", 2), ("four times", 4)):
        check = checks(times)
        table.add_row(name, str(check.fences), f"{check.milliseconds:.1f}")
    console.print(table)

    starts = list(track(measure(given.rounds, set(given.only or ())), "cold starts", console=console))
    found = ratios(starts)
    table = Table(
        "Function", "as it is, ms", *list(VARIANTS)[1:], title=f"Init, medians of {given.rounds}, as multiples"
    )
    for function, row in found.items():
        table.add_row(function, f"{row['as it is']:.0f}", *(f"{row[variant]:.2f}" for variant in list(VARIANTS)[1:]))
    middle = {variant: statistics.median(row[variant] for row in found.values()) for variant in list(VARIANTS)[1:]}
    table.add_section()
    table.add_row("median", "", *(f"{ratio:.2f}" for ratio in middle.values()))
    console.print(table)
    if given.picture:
        draw(read, found, given.picture)


def draw(read: list[Answer], starts: dict[str, dict[str, float]], picture: Path) -> None:
    mpl.rcParams.update({"svg.hashsalt": "fixed", "font.size": 8})
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 7), layout="constrained")
    costs = sorted(read, key=lambda answer: answer.with_front_page)
    left.barh([answer.ask[:46] for answer in costs], [answer.with_front_page for answer in costs], color="#4477aa")
    left.axvline(3500, color="#cc3311", linewidth=1)
    left.set_title("Tokens to an answer, SKILL.md included (budget 3,500)")
    variants = list(VARIANTS)[1:]
    for index, variant in enumerate(variants):
        places = [place + index * 0.2 for place in range(len(starts))]
        right.barh(places, [row[variant] for row in starts.values()], height=0.2, label=variant)
    right.set_yticks([place + 0.3 for place in range(len(starts))], list(starts))
    right.axvline(1, color="black", linewidth=1)
    right.set_title("Init, as a multiple of the handler as it is")
    right.legend()
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main()
