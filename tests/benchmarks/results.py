"""What one run of all benchmarks found: kept as `results.json`, shown in `tests/README.md` and drawn as `results.svg`.

Repair the page after an edit of this file:  uv run --directory tests python -m benchmarks.results
"""

import json
import re
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.cold_start import BASE, VARIANTS, Row
from benchmarks.reading import EVERY, Answer, Check
from benchmarks.rules import Cost
from benchmarks.trials import Phases, heads, lines
from support.documents import ROOT, section

PAGE = ROOT / "tests" / "README.md"
FILE = Path(__file__).resolve().parent / "results.json"
PICTURE = FILE.with_suffix(".svg")
TITLE = "Measured"
REPAIR = "uv run --directory tests python -m benchmarks.results"
BUDGET = 3300  # tokens, SKILL.md and one section
AGAIN = "as it is, again"
SHOWN = ("quotes", "commands", "diagrams", EVERY)  # the others take too little to be compared

TEXT = """## {title}

One command prints every row of what follows; with `--publish` it refills this section and the picture:

```bash
uv run --group bench --directory tests python -m benchmarks --rounds {rounds}
```

Run in {month} on {machine} shared with other work, so most figures are
one time as a multiple of another. What is compared takes turns, each ratio compares times of one round, and each figure
is the median of {rounds} rounds. Other work disturbs processor time least. The row that compares a handler with itself
shows the noise.

![Tokens to an answer, and cold starts of every function](benchmarks/{picture})

| Tokens to the answer of {questions} [questions](routing.toml) | Least | Median | Most |
| --- | --- | --- | --- |
{reading}

| Init of {functions} functions of {examples} examples | By the emulator | Processor time | Least to most |
| --- | --- | --- | --- |
{starts}

Medians of the functions, as multiples of the handler as it is; least and most by processor time. Every handler starts
under Lambda's own client, awslambdaric {awslambdaric}, and the emulator of SAM CLI {sam_cli}, on Python {python} with
boto3 {boto3} and Powertools {powertools}. What was made worse is in [cold_start.py](benchmarks/cold_start.py).

| Checking the fences | Fences | Processor ms for each | Time for all once the bundle is doubled, as a multiple |
| --- | --- | --- | --- |
{checks}

| Linting the {templates} templates with our rules | On the clock | Processor time |
| --- | --- | --- |
| as a multiple of cfn-lint {cfn_lint} alone | {clock:.2f} | {processor:.2f} |

| Trying a project, in seconds on the clock | {sizes} |
| --- | {rule} |
{trials}

A source is a queue with its worker, its table and its dead-letter queue; two are tried at a time, and a phase adds up
those of all sources. These are no multiples: whatever else the machine did is in them.

Whether answers become better is not among these: no run with a model has been made yet. The graders are proved without
one, and [the evals](evals/) have the one command that asks, with the skill and without it.
"""


@dataclass(frozen=True)
class Results:
    month: str
    machine: str
    rounds: int
    versions: dict[str, str]
    answers: list[Answer]
    starts: list[Row]
    checks: list[Check]
    rules: Cost
    trials: list[Phases]


def load(file: Path = FILE) -> Results:
    found: dict[str, Any] = json.loads(file.read_text())
    found["answers"] = [Answer(**each) for each in found["answers"]]
    found["starts"] = [Row(**each) for each in found["starts"]]
    found["checks"] = [Check(**each) for each in found["checks"]]
    found["trials"] = [Phases(**each) for each in found["trials"]]
    return Results(**found | {"rules": Cost(**found["rules"])})


def save(results: Results, file: Path = FILE) -> None:
    file.write_text(json.dumps(_rounded(asdict(results)), indent=1, ensure_ascii=False) + "\n")


def _rounded(value: Any) -> Any:
    """Numbers to as many digits as they have a meaning."""
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 3) if isinstance(value, float) else value


def page(results: Results) -> str:
    """The section of the page."""
    functions = {row.function for row in results.starts}
    return TEXT.format(
        title=TITLE,
        picture=PICTURE.name,
        rounds=results.rounds,
        month=results.month,
        machine=results.machine,
        questions=len(results.answers),
        reading="\n".join(
            f"| {name} | {min(costs):,} | {statistics.median(costs):,.0f} | {max(costs):,} |"
            for name, costs in (
                ("the section alone", [answer.tokens for answer in results.answers]),
                (f"with SKILL.md; the budget is {BUDGET:,}", [answer.with_front_page for answer in results.answers]),
            )
        ),
        functions=len(functions),
        examples=len({function.split()[0] for function in functions}),
        starts="\n".join(f"| {name} | {_cells(name, results.starts)} |" for name in VARIANTS if name != BASE),
        checks="\n".join(
            f"| {check.kind} | {check.fences} | {check.milliseconds:.1f} | {check.growth:.2f} |"
            for check in results.checks
            if check.kind in SHOWN
        ),
        templates=results.rules.templates,
        clock=results.rules.clock_ratio,
        processor=results.rules.processor_ratio,
        sizes=" | ".join(heads(results.trials)),
        rule=" | ".join("---" for _ in results.trials),
        trials="\n".join(f"| {name} | {' | '.join(cells)} |" for name, cells in lines(results.trials)),
        **results.versions,
    )


def _cells(variant: str, starts: list[Row]) -> str:
    own = [row for row in starts if row.variant == variant]
    init, used = ([getattr(row, name) for row in own] for name in ("init_ratio", "processor_ratio"))
    middle = (statistics.median(init), statistics.median(used), min(used), max(used))
    return "{:.2f} | {:.2f} | {:.2f} to {:.2f}".format(*middle)


def refilled(text: str, results: Results) -> str:
    """A page with the section as the results have it, in the place of the one that is there."""
    changed, count = re.subn(rf"(?ms)^## {TITLE}\n.*?(?=^## )", lambda _: page(results) + "\n", text)
    if count != 1:
        raise LookupError(f"{count} sections called {TITLE!r}, followed by another one")
    return changed


def shown() -> str:
    """The section as the page has it."""
    return section(PAGE, TITLE).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(refilled(PAGE.read_text(), load()))
