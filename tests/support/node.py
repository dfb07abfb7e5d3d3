"""The checks that only npm has: installed from the lock file below `tests/node`, run with Node.js 20 or newer."""

import json
import subprocess
from pathlib import Path
from typing import Any

from trials.local_aws.synthesis import NODE

HOME = NODE


class NodeError(Exception):
    """A script of `tests/node` failed; the message is its own."""


def run(script: str, given: Any) -> Any:
    """What a script of `tests/node` answers, as JSON, to JSON on its standard input."""
    done = subprocess.run(
        ["node", script], cwd=HOME, input=json.dumps(given), capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        raise NodeError(f"{script} failed: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def javascript(module: Path) -> str:
    """A TypeScript module's JavaScript; raises `NodeError` if it cannot be read."""
    program = str(HOME / "node_modules" / ".bin" / "esbuild")
    done = subprocess.run([program, str(module)], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise NodeError(f"{module.name}: {done.stderr[-500:]}")
    return done.stdout


def diagrams(texts: list[str]) -> list[str]:
    """What Mermaid's own parser says of each diagram: nothing, or its error."""
    answer = run("diagrams.mjs", texts)
    assert isinstance(answer, list)
    return answer
