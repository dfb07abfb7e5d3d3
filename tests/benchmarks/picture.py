"""The picture of `tests/README.md`: tokens to an answer by reference, and every function's cold start by variant.

Draw it again after an edit of this file:  uv run --group bench --directory tests python -m benchmarks.picture
"""

import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

from benchmarks.cold_start import BASE, VARIANTS
from benchmarks.results import AGAIN, BUDGET, PICTURE, Results, load

INK, PAPER, LINES = "#24292f", "#ffffff", "#d0d7de"
DARK = {INK: "#e6edf3", PAPER: "#0d1117", LINES: "#30363d"}
MARKS = {AGAIN: ("#888888", "|"), "no bytecode": ("#4477aa", "o"), "six unused clients": ("#228833", "^")}
MARKS |= {"all of Powertools": ("#ddaa33", "s"), "all three": ("#ee6677", "D")}
STYLE: Any = {
    "svg.hashsalt": "fixed",
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINES,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINES,
    "grid.linewidth": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
}


def svg(results: Results) -> str:
    """The picture, in the colours of a light page, or of a dark one where the reader's system prefers that."""
    with mpl.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(10, 5), layout="constrained", width_ratios=[2, 3])

        files = sorted({_file(answer.section) for answer in results.answers}, reverse=True)
        places = [files.index(_file(answer.section)) for answer in results.answers]
        costs = [answer.with_front_page for answer in results.answers]
        left.scatter(costs, places, color="#4477aa", s=16, alpha=0.9, linewidths=0)
        left.axvline(BUDGET, color="#ee6677", linewidth=1)
        left.set_xlim(0, BUDGET * 1.05)
        left.set_yticks(range(len(files)), files)
        left.set_title(f"Tokens to an answer, SKILL.md included; budget {BUDGET:,}", fontsize=9)

        functions = sorted({row.function for row in results.starts}, reverse=True)
        for variant in VARIANTS:
            if variant != BASE:
                own = {row.function: row.processor_ratio for row in results.starts if row.variant == variant}
                color, marker = MARKS[variant]
                ratios = [own[function] for function in functions]
                right.scatter(ratios, range(len(functions)), color=color, marker=marker, s=22, label=variant)
        right.axvline(1, color=INK, linewidth=0.8)
        right.set_yticks(range(len(functions)), [function.replace("_", " ", 1) for function in functions])
        right.set_title("Processor time of a cold start; the handler as it is = 1", fontsize=9)
        marks, names = right.get_legend_handles_labels()
        figure.legend(marks, names, loc="outside lower right", ncols=len(names), frameon=False, handletextpad=0.1)

        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return both(text.getvalue())


def both(drawn: str) -> str:
    """An SVG with a style that exchanges the colours of ink, paper and lines for those of a dark page."""
    rules = "".join(
        f'[style*="{name}: {light}"]{{{name}:{dark}!important}}'
        for light, dark in DARK.items()
        for name in ("fill", "stroke")
    )
    head, rest = drawn.split("<defs>", 1)
    lines = f"{head}<style>@media(prefers-color-scheme:dark){{{rules}}}</style>\n<defs>{rest}".splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _file(section: str) -> str:
    return Path(section.partition("#")[0]).stem.removesuffix("-best-practices").replace("-", " ")


if __name__ == "__main__":
    PICTURE.write_text(svg(load()))
