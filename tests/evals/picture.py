"""The picture of a run: the mean score of each arm by kind of task, with its interval.

uv run --group bench --directory tests python -m evals.picture evals/results/FILE.json
"""

import io
import sys
from pathlib import Path
from statistics import mean

import matplotlib as mpl
import matplotlib.pyplot as plt
from benchmarks.picture import STYLE, both

from evals.results import Run, interval, load

COLORS = ("#888888", "#4477aa", "#228833", "#ee6677", "#ddaa33")


def svg(run: Run) -> str:
    """The picture, in the colours of a light page, or of a dark one where the reader's system prefers that."""
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8, 1.2 + 0.5 * len(run.kinds)), layout="constrained")
        for number, arm in enumerate(run.arms):
            for place, kind in enumerate(run.kinds):
                scores = list(run.scores(arm, kind).values())
                if not scores:
                    continue
                (low, high), middle = interval(scores), mean(scores)
                height = place + 0.16 * (number - (len(run.arms) - 1) / 2)
                axes.errorbar(
                    middle,
                    height,
                    xerr=[[middle - low], [high - middle]],
                    color=COLORS[number % len(COLORS)],
                    fmt="o",
                    markersize=4,
                    capsize=3,
                    label=arm if place == 0 else None,
                )
        axes.set_yticks(range(len(run.kinds)), run.kinds)
        axes.set_ylim(-0.6, len(run.kinds) - 0.4)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.03)
        axes.set_title(f"Mean score and its 95 % interval; {run.model}, {run.date}", fontsize=9)
        figure.legend(loc="outside lower right", ncols=len(run.arms), frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return both(text.getvalue())


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).with_suffix(".svg").write_text(svg(load(Path(name))))
