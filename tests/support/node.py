"""The checks that only npm has: installed from the lock file below `tests/node`, run with Node.js 20 or newer."""

import fcntl
import hashlib
import json
import shutil
import subprocess
from typing import Any

from support.documents import ROOT

HOME = ROOT / "tests" / "node"
STAMP = HOME / "node_modules" / ".installed"


class NodeError(Exception):
    """Node.js or a package is not there; the message says what to do."""


def install() -> None:
    """Bring `node_modules` to what the lock file says; does nothing when it is there already."""
    wanted = hashlib.sha256((HOME / "package-lock.json").read_bytes()).hexdigest()
    with (HOME / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes of a run start at once
        if STAMP.exists() and STAMP.read_text() == wanted:
            return
        npm = shutil.which("npm")
        if not npm:
            raise NodeError("npm is not on PATH: the tests need Node.js 20 or newer")
        done = subprocess.run([npm, "ci", "--silent"], cwd=HOME, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NodeError(f"`npm ci` in tests/node failed; it needs the network. npm says: {done.stderr[-300:]}")
        STAMP.write_text(wanted)


def run(script: str, given: Any) -> Any:
    """What a script of `tests/node` answers, as JSON, to JSON on its standard input."""
    done = subprocess.run(
        ["node", script], cwd=HOME, input=json.dumps(given), capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        raise NodeError(f"{script} failed: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def diagrams(texts: list[str]) -> list[str]:
    """What Mermaid's own parser says of each diagram: nothing, or its error."""
    answer = run("diagrams.mjs", texts)
    assert isinstance(answer, list)
    return answer
