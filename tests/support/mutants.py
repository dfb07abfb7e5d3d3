"""Our examples, each with one realistic mistake, and the test that catches it: proof that the checks can fail.

The quick round is asked first, and the tests that need a server only about what it lets through.
All of them, with a table:  uv run --directory tests python -m support.mutants
What the trials alone say of those in Python:  … -m support.mutants --by-trials
"""

import itertools
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
LIMIT = 300  # seconds; the slowest example takes a tenth of them
ROUNDS = {"quick": "not e2e", "e2e": "e2e"}
FIRST_FAILURE = re.compile(r"^(?:FAILED|ERROR) \S+::(\w+)", re.MULTILINE)


def copied(folder: Path) -> Path:
    """A copy of the repository that shares its environments."""
    for path in tracked():
        (to := folder / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, to)
    for name in SHARED:
        (folder / name).symlink_to(ROOT / name)
    return folder


def checked(mutant: Mutant, copy: Path, *choice: str) -> tuple[int, str]:
    """What pytest answers and says when it runs the example's checks, with this mistake only, until one fails."""
    shutil.rmtree(copy / "examples" / mutant.example)
    sow(mutant, copy / "examples")
    files = [f"tests/patterns/{mutant.example}", "tests/test_templates.py"]
    if not mutant.in_code:
        files.reverse()  # the linter is faster
    named = mutant.example
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
    for name, choice in ROUNDS.items():
        if mutant.in_typescript and name == "quick":
            continue  # none of its tests starts Node.js
        code, said = checked(mutant, copy, "-m", choice)
        if found := catcher(said):
            return f"{name} | {found}"
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            sys.exit(f"{mutant}: the {name} round could not be run to its end\n{said[-2000:]}")
    return None


def passes(example: str, copy: Path) -> bool:
    """The checks of the example as it is are some of each file and pass: what fails later is due to the mistake."""
    code, said = checked(Mutant(example, "as it is", ()), copy)
    each = (f"tests/patterns/{example}/test_promises.py::", rf"tests/test_templates.py::.*\[{example}")
    return code == 0 and all(re.search(f"^{test}.* PASSED", said, re.MULTILINE) for test in each)


def main(words: list[str]) -> int:
    if "--by-trials" in words:
        install()
        return by_trials.main([word for word in words if word != "--by-trials"])
    chosen = [mutant for mutant in mutants() if not words or any(word in str(mutant) for word in words)]
    install_node()
    install()
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        for example, mistakes in itertools.groupby(chosen, lambda mutant: mutant.example):
            if not passes(example, copy):
                sys.exit(f"the checks of {example} fail, or select nothing, before it is changed")
            for mutant in mistakes:
                found = caught(mutant, copy)
                missed += found is None
                print(f"{example} | {mutant.name} | {found or 'NOT CAUGHT'}", flush=True)  # noqa: T201
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
