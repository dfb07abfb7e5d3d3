"""Mistakes put into a copy of an example: the shapes, what several of them edit, and where each example lists its own.

`tests/patterns/NAME/mutants.py` lists those that a test of ours must catch, `seeds.py` those that the trials must, and
`breaks.py` those that the scenario must report, each as the promise that it breaks.
"""

import importlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from support.documents import ROOT

PATTERNS = sorted(path.parent.name for path in (ROOT / "tests" / "patterns").glob("*/test_promises.py"))
Edits = tuple[tuple[str, str, str], ...]  # a file, what stands there and what replaces its first occurrence

TEMPLATE, MACHINE = "template.yaml", "statemachine.asl.json"
REPORTS = "FunctionResponseTypes: [ReportBatchItemFailures]"
ONCE = "except dynamodb.exceptions.ConditionalCheckFailedException:"
JWT = "      AuthorizationType: JWT\n      AuthorizerId: !Ref Customers\n"
REDRIVE, NO_REDRIVE = "RedrivePolicy: {", "# RedrivePolicy: {"
GIVEN_UP, LOST = "DestinationConfig: {", "# DestinationConfig: {"


@dataclass(frozen=True)
class Mutant:
    """A mistake that a test of the example's own must catch."""

    example: str
    name: str
    edits: Edits

    @property
    def in_code(self) -> bool:
        """In a handler, else in the template or the state machine."""
        return all(file.endswith((".py", ".ts")) for file, _, _ in self.edits)

    @property
    def in_typescript(self) -> bool:
        return any(file.endswith(".ts") for file, _, _ in self.edits)

    def __str__(self) -> str:
        return f"{self.example}: {self.name}"


@dataclass(frozen=True)
class Seed:
    """A mistake that the trials of a reader's own project must report, by the trial and the word named here.

    `also` are other words that are true of it, which other trials may say.
    """

    example: str
    name: str
    trial: str
    broken: str
    edits: Edits
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.example}: {self.name}"


@dataclass(frozen=True)
class Break:
    """A mistake that the example's scenario must report in the row of this promise."""

    example: str
    promise: str
    edits: Edits

    def __str__(self) -> str:
        return f"{self.example}: {self.promise}"


UNREAD = ("async_task", "event_store", "fan_out", "ordered_consumer", "queue_worker", "stream_processor", "webhook")
# Mistakes of one kind in several examples: what a SAM resource says and only its translation shows to be wrong.
IN_SAM = (
    *(
        Mutant(name, "nothing reads what the handler reports", ((TEMPLATE, REPORTS, REPORTS.replace("Batch", "No")),))
        for name in UNREAD
    ),
    Mutant(
        "queue_worker",
        "reserved concurrency is the brake",
        (
            (TEMPLATE, "            ScalingConfig: { MaximumConcurrency: 5 }", "            Enabled: true"),
            (TEMPLATE, "      Timeout: 60 #", "      ReservedConcurrentExecutions: 5\n      Timeout: 60 #"),
        ),
    ),
    Mutant("event_router", "the DLQ admits a rule that is none", ((TEMPLATE, "ShipPlaced.Arn", "PlacedShip.Arn"),)),
    Mutant("stream_processor", "the alarm watches no mapping", ((TEMPLATE, "KeepPricesStream", "KeepPricesRecords"),)),
    Mutant("rest_api", "logs in a format that is none", ((TEMPLATE, "LogFormat: JSON", "LogFormat: Json"),)),
    Mutant("saga", "a processor that is none", ((TEMPLATE, "Architectures: [arm64]", "Architectures: [arm]"),)),
    Mutant("scheduled_job", "a window of a mode that is none", ((TEMPLATE, "Mode: FLEXIBLE", "Mode: LOOSE"),)),
)


def mutants() -> list[Mutant]:
    """Those of every example, then those of one kind."""
    own = [each for name in PATTERNS for each in importlib.import_module(f"patterns.{name}.mutants").MUTANTS]
    return sorted([*own, *IN_SAM], key=lambda mutant: mutant.example)


def seeds() -> list[Seed]:
    return [each for name in PATTERNS for each in importlib.import_module(f"patterns.{name}.seeds").SEEDS]


def breaks() -> list[Break]:
    return [each for name in PATTERNS for each in importlib.import_module(f"patterns.{name}.breaks").BREAKS]


def edited(mistake: Mutant | Seed | Break) -> dict[str, str]:
    """The files that a mistake changes, as they are with it."""
    texts: dict[str, str] = {}
    for file, old, new in mistake.edits:
        text = texts[file] if file in texts else (ROOT / "examples" / mistake.example / file).read_text()
        assert old in text, f"{mistake}: {file} no longer holds {old!r}"
        texts[file] = text.replace(old, new, 1)
    return texts


def sow(mistake: Mutant | Seed | Break, folder: Path) -> Path:
    """A copy of the example below `folder` with the mistake in it."""
    copy = folder / mistake.example
    shutil.copytree(ROOT / "examples" / mistake.example, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file, text in edited(mistake).items():
        (copy / file).write_text(text)
    return copy


def planted(mistake: Mutant | Seed, folder: Path) -> Path:
    """As `sow`, without the scenario: the trials alone have to tell, and a scenario waits long for what never comes."""
    copy = sow(mistake, folder)
    (copy / "scenario.py").unlink()
    return copy
