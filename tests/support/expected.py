"""What the trials must say of a project, read from its `expected.toml`, and what is wrong with what they said.

```toml
about = "what the project does, and what a right product says of it"
exit = [1]            # the exit codes that are right
thorough = false      # whether it needs `--thorough`
[sources]             # the status of each source, all of them
"queue Jobs → Work" = "delivered"
[[must]]              # a finding that must be there: trial, promise or verdict, and a part of what happened
trial = "malformed"
promise = "lost"
[[may]]               # one that is true as well
[[must_not]]          # one that would be false
[[wanted]]            # one that is true and not told yet; whoever builds it turns the line into `must`
issue = 20
```
Every other finding that says "broken" is false.
"""

import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STOPPED = "the trials stopped"  # by a mistake of their own
Finding = dict[str, Any]  # as `--json` prints it, or the part of one that is expected


@dataclass(frozen=True)
class Expected:
    about: str = ""
    exit: tuple[int, ...] = (0, 3)
    thorough: bool = False
    sources: dict[str, str] = field(default_factory=dict)
    must: tuple[Finding, ...] = ()
    may: tuple[Finding, ...] = ()
    must_not: tuple[Finding, ...] = ()
    wanted: tuple[Finding, ...] = ()


def read(folder: Path) -> Expected:
    data: dict[str, Any] = tomllib.loads((folder / "expected.toml").read_text())
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return Expected(**values)


def meant(part: Finding, finding: Finding) -> bool:
    """Whether a finding is the one that is expected; a promise alone means that it broke."""
    wanted = {key: value for key, value in part.items() if key not in ("happened", "issue", "why")}
    if "promise" in wanted:
        wanted.setdefault("verdict", "broken")
    return part.get("happened", "") in str(finding.get("happened")) and wanted.items() <= finding.items()


def complaints(expected: Expected, told: dict[str, Any]) -> list[str]:
    """What is wrong with the JSON of a run, a line each; nothing if it is right."""
    findings = told["findings"]
    wrong = [f"exit {told['exit']}, not {expected.exit}: {told['error']}"] * (told["exit"] not in expected.exit)
    statuses = {each["source"]: each["status"] for each in told["sources"]}
    if expected.sources and statuses != expected.sources:
        wrong.append(f"sources: {statuses}, not {expected.sources}")
    wrong += [f"stopped: {line(each)}" for each in findings if str(each["happened"]).startswith(STOPPED)]
    wrong += [f"not said: {part}" for part in expected.must if not any(meant(part, each) for each in findings)]
    wrong += [f"false: {line(each)}" for each in findings if false(expected, each)]
    for part in expected.wanted:
        if any(meant(part, each) for each in findings):
            wrong.append(f"is said now, so turn this [[wanted]] into [[must]]: {part}")
    return wrong


def false(expected: Expected, finding: Finding) -> bool:
    """Whether a finding says what is not so."""
    if any(meant(part, finding) for part in expected.must_not):
        return True
    allowed = (*expected.must, *expected.may, *expected.wanted)
    return finding["verdict"] == "broken" and not any(meant(part, finding) for part in allowed)


def line(finding: Finding) -> str:
    return f"{finding['trial']}: {finding['verdict']} {finding['promise']} {finding['happened'][:160]}"


def score(expected: Expected, told: dict[str, Any]) -> Counter[tuple[str, str]]:
    """How many findings of each verdict are right, wrong or unproved, and how many true ones were missed."""
    counted: Counter[tuple[str, str]] = Counter()
    for finding in told["findings"]:
        verdict = finding["promise"] or finding["verdict"]
        if finding["verdict"] == "unproved":
            counted[verdict, "unproved"] += 1
        else:
            counted[verdict, "wrong" if false(expected, finding) else "right"] += 1
    for part in (*expected.must, *expected.wanted):
        if not any(meant(part, each) for each in told["findings"]):
            of_it = [each for each in told["findings"] if each["trial"] == part.get("trial")]
            held = bool(of_it) and all(each["verdict"] == "held" for each in of_it)
            counted[str(part.get("promise", part.get("verdict"))), "missed, held" if held else "missed"] += 1
    for source in told["sources"]:
        counted["source", source["status"]] += 1
    return counted
