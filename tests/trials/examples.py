"""Play the examples: deploy each and let its scenario say what it promises and whether that held."""

import importlib.util
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType

from trials.local_aws import ENVIRONMENT, ROOT, LocalAws, LocalAwsError, Outcome
from trials.local_aws.synthesis import synthesise

Result = tuple[list[Outcome], float]  # and the seconds it took
EXAMPLES = ROOT / "examples"
IAC = ("sam", "cdk-python", "cdk-typescript")
SECONDS = ENVIRONMENT / "seconds.json"  # that each example took the last time
AT_ONCE = 2 * (os.cpu_count() or 1) + 1  # half the time a scenario waits for retries and pollers


def patterns() -> dict[str, str]:
    """Every example's name and one-line summary, which is the first line of its scenario."""
    scenarios = sorted(EXAMPLES.glob("*/scenario.py"))
    return {path.parent.name: path.read_text().splitlines()[0].strip('"') for path in scenarios}


def scenario(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{folder.name}_scenario", folder / "scenario.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def play(folder: Path, template: Path, local: LocalAws, say: Callable[[str], None]) -> tuple[list[Outcome], float]:
    """The outcomes of a folder's scenario and its seconds; a step that fails or never ends breaks a promise."""
    began, outcomes = time.monotonic(), []
    say("packaging and deploying")
    try:
        for outcome in scenario(folder).play(local, say, template):
            outcomes.append(outcome)
    except Exception as error:
        happened = str(error) if isinstance(error, LocalAwsError) else f"{type(error).__name__}: {error}"
        outcomes.append(Outcome("the scenario", happened, "it plays to the end", False))
    return outcomes, time.monotonic() - began


def seconds() -> dict[str, float]:
    """What each example took the last time; empty before the first run."""
    try:
        took: dict[str, float] = json.loads(SECONDS.read_text())
    except (OSError, ValueError):
        return {}
    return took


def longest_first(names: Iterable[str], took: dict[str, float]) -> list[str]:
    """So that no long one runs alone at the end; what was never timed may be long."""
    return sorted(names, key=lambda name: -took.get(name, math.inf))


def in_typescript() -> list[str]:
    """The examples that have handlers in TypeScript beside those in Python."""
    return sorted({path.parent.name for path in EXAMPLES.glob("*/*.ts") if path.name != "stack.ts"})


def templates(names: Sequence[str], iac: str, folder: Path, handlers: str = "python") -> dict[str, Path]:
    """The template of each example; those of CDK are synthesised into `folder`, with `handlers` in that language."""
    if iac == "sam":
        return {name: EXAMPLES / name / "template.yaml" for name in names}
    stacks = tuple(name.title().replace("_", "") for name in names) if handlers == "typescript" else ()
    made = synthesise(iac.removeprefix("cdk-"), folder, stacks, handlers=handlers)
    return {name: made[name] for name in names}
