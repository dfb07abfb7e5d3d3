"""Our examples, each with one realistic mistake, and the test that catches it: proof that the checks can fail.

The test that caught a mistake the last time is asked first (`caught.json` names it beside the mistake, and each run
writes it), then the quick round, and the tests that start whole programs only about what that lets through.
All of them, with a table:  uv run --directory tests python -m support.mutants
What the trials alone say of those in Python:  … -m support.mutants --by-trials
"""

import itertools
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from support import by_trials
from support.bundle import tracked
from support.documents import ROOT
from support.mistakes import Mutant, mutants, sow
from trials.local_aws import install
from trials.local_aws.synthesis import install_node

SHARED = (".local-aws", "tests/node/node_modules")  # environments that a copy finds under its own root
LIMIT = 600  # seconds; the slowest example takes a twentieth of them on an idle machine
ROUNDS = {"quick": "not e2e", "e2e": "e2e"}
CAUGHT = Path(__file__).with_name("caught.json")
FIRST_FAILURE = re.compile(r"^(?:FAILED|ERROR) \S+::(\w+)", re.MULTILINE)


def copied(folder: Path) -> Path:
    """A copy of the repository that shares its environments."""
    for path in tracked():
        (to := folder / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, to)
    for name in SHARED:
        (folder / name).symlink_to(ROOT / name)
    return folder


def known() -> dict[str, str]:
    """By mistake the test that caught it the last time."""
    found: dict[str, str] = json.loads(CAUGHT.read_text()) if CAUGHT.exists() else {}
    return found


def checked(mutant: Mutant, copy: Path, *choice: str, only: str = "") -> tuple[int, str]:
    """What pytest answers and says when it runs the example's checks, with this mistake only, until one fails.

    `only` is the name of the one test that is run.
    """
    shutil.rmtree(copy / "examples" / mutant.example)
    sow(mutant, copy / "examples")
    files = [f"tests/patterns/{mutant.example}", "tests/test_templates.py"]
    if not mutant.in_code:
        files.reverse()  # the linter is faster
    named = f"{mutant.example} and {only}" if only else mutant.example
    if mutant.in_typescript:
        files += ["tests/patterns/test_every_pattern.py", "tests/test_typescript.py"]  # its faults, its scenario
        named += " and typescript"
    options = ["-n", "0", "-v", "-x", "-p", "no:cacheprovider", "-k", named, *choice]
    command = [sys.executable, "-m", "pytest", *options, *files]
    with subprocess.Popen(command, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as tests:
        try:
            said, _ = tests.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            tests.send_signal(signal.SIGINT)  # so that it ends its servers
            said, _ = tests.communicate()
    return tests.returncode, said


def catcher(said: str) -> str | None:
    """The first test that failed; a module that cannot be imported is no test."""
    found = FIRST_FAILURE.search(said)
    return found[1] if found else None


def caught(mutant: Mutant, copy: Path) -> str | None:
    """The round of tests and the first of them that fails with this mistake; exits if the tests could not be run."""
    if before := known().get(str(mutant)):
        _, said = checked(mutant, copy, "-m", "e2e or not e2e", only=before)
        if found := catcher(said):
            return f"named | {found}"
    for name, choice in ROUNDS.items():
        if mutant.in_typescript and name == "quick":
            continue  # none of its tests starts Node.js
        code, said = checked(mutant, copy, "-m", choice)
        if found := catcher(said):
            return f"{name} | {found}"
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            sys.exit(f"{mutant}: the {name} round could not be run to its end\n{said[-2000:]}")
    return None


def passes(mistakes: list[Mutant], copy: Path) -> bool:
    """The checks of an example as it is are there and pass: what fails later is due to the mistake.

    Those are asked that have caught these mistakes; if one was caught by none yet, some of each file.
    """
    first, tests = mistakes[0], {known().get(str(mutant), "") for mutant in mistakes}
    unchanged = tuple((file, "", "") for file, _, _ in first.edits)
    each = {f"::{test}\\b" for test in tests}
    if "" in tests:
        of_templates = rf"test_templates.py::.*\[{first.example}"
        each = {"typescript"} if first.in_typescript else {"/test_promises.py::", of_templates}
    only = "" if "" in tests else f"({' or '.join(sorted(tests))})"
    choice = ["-m", "not e2e"] if "" in tests and not first.in_typescript else ["-m", "e2e or not e2e"]
    code, said = checked(Mutant(first.example, "as it is", unchanged), copy, *choice, only=only)
    return code == 0 and all(re.search(f"^tests/.*{test}.* PASSED", said, re.MULTILINE) for test in each)


def remember(mutant: Mutant, found: str | None) -> None:
    """Name the test beside the mistake, or none."""
    names = known() | {str(mutant): found.split(" | ")[1] if found else ""}
    written = {str(each): names[str(each)] for each in mutants() if names.get(str(each))}
    CAUGHT.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")


def language(mutant: Mutant) -> tuple[str, bool]:
    return mutant.example, mutant.in_typescript


def main(words: list[str]) -> int:
    if "--by-trials" in words:
        install()
        return by_trials.main([word for word in words if word != "--by-trials"])
    chosen = [mutant for mutant in mutants() if not words or any(word in str(mutant) for word in words)]
    chosen.sort(key=language)
    install_node()
    install()
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        for (example, _), group in itertools.groupby(chosen, language):
            mistakes = list(group)
            if not passes(mistakes, copy):
                sys.exit(f"the checks of {example} fail, or select nothing, before it is changed")
            for mutant in mistakes:
                found = caught(mutant, copy)
                missed += found is None
                remember(mutant, found)
                print(f"{example} | {mutant.name} | {found or 'NOT CAUGHT'}", flush=True)  # noqa: T201
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
