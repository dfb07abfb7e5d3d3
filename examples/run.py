"""Run the examples, or a project of your own, end to end on a local AWS; `--help` says how."""

import os
import signal

signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # as long as it only imports, there is nothing to tidy up

import shlex
import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CLONE / "tests"))

try:
    from trials.cli import main
except ModuleNotFoundError as missing:
    lacking = missing.name or ""
    if lacking in ("trials", "trials.cli"):
        why = "this copy has no bench; take a clone, or aws-serverless-eda-whole.zip of a release"
    elif not lacking.startswith("trials."):  # a package: an older uv takes the project of the folder it stands in
        words = ["--frozen", "--project", str(CLONE), str(CLONE / "examples" / "run.py"), *sys.argv[1:]]
        again = shlex.join(["uv", "run", *words])
        why = f"its package {lacking} is not here; install uv 0.12 or newer, or run `{again}`"
    else:
        raise
    sys.stderr.write(f"run.py: {why}\n")
    sys.exit(2)

if __name__ == "__main__":
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done, and Python's own end takes no notice
    sys.exit(code)
