"""Our examples, each with one promise broken: proof that their scenarios can say NO, and say it of that promise.

All of them, with a table:       uv run --directory tests python -m support.promises
Some, by words in their names:   uv run --directory tests python -m support.promises saga: "nobody sees"
"""

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.mistakes import Break, breaks, sow
from support.mutants import copied
from trials.local_aws import install

AT_ONCE = 1 + (os.cpu_count() or 1)  # each has a local AWS of its own
LIMIT = 900  # seconds; each wait that a break makes vain takes a minute


def promised(scenario: Path) -> list[str]:
    """The promise of each row that a scenario may yield: the third argument of its `Outcome`s, which are literals."""
    made = [node for node in ast.walk(ast.parse(scenario.read_text())) if isinstance(node, ast.Call)]
    return [ast.literal_eval(call.args[2]) for call in made if ast.unparse(call.func) == "Outcome"]


def unkept(example: str, mistake: Break | None) -> dict[str, str]:
    """The promises that the main job reports as broken in a copy with this mistake, and what happened."""
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        if mistake:
            shutil.rmtree(copy / "examples" / example)
            sow(mistake, copy / "examples")
        command = [sys.executable, str(copy / "examples" / "run.py"), example, "--json"]
        played = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
        if played.returncode not in (0, 1):
            raise RuntimeError(f"{mistake or example}: the main job could not be run\n{played.stderr[-2000:]}")
    broken = [outcome for outcome in json.loads(played.stdout)[example] if not outcome["held"]]
    return {outcome["promise"]: outcome["happened"] for outcome in broken}


def main(words: list[str]) -> int:
    chosen = [mistake for mistake in breaks() if not words or any(word in str(mistake) for word in words)]
    if not chosen:
        sys.exit(f"no promise has one of these words in its name: {', '.join(words)}")
    install()
    failed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        examples = list(dict.fromkeys(mistake.example for mistake in chosen))
        whole = {example: pool.submit(unkept, example, None) for example in examples}
        broken = [(mistake, pool.submit(unkept, mistake.example, mistake)) for mistake in chosen]
        for example, run in whole.items():
            said = run.result()
            failed += bool(said)
            print(f"{example}, as it is | {said or 'every promise holds'}", flush=True)  # noqa: T201
        for mistake, run in broken:
            said = run.result()
            failed += mistake.promise not in said
            happened = f"NO: {said.pop(mistake.promise)}" if mistake.promise in said else f"NOT REPORTED, but {said}"
            print(f"{mistake} | {happened} | {'; '.join(said)}", flush=True)  # noqa: T201
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
