# /// script
# requires-python = ">=3.11"
# ///
"""Run the examples, or a project of your own, end to end on a local AWS; `--help` says how.

By the block above every uv starts this apart from the project of the folder it stands in, and leaves nothing there.
Where its packages are not, it begins again in the environment of the bundle.
"""

import os
import signal

signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # as long as it only imports, there is nothing to tidy up

import shlex
import shutil
import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]
BEGUN_AGAIN = "AWS_SERVERLESS_EDA_BEGUN_AGAIN"
sys.path.insert(0, str(CLONE / "tests"))


def begin_again() -> None:
    """As another program in this one's place; comes back if there is no uv, or if it did so before."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv and BEGUN_AGAIN not in os.environ:
        environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        words = ["run", "--frozen", "--project", str(CLONE), "python", __file__, *sys.argv[1:]]
        os.execve(uv, [uv, *words], {**environment, BEGUN_AGAIN: "1"})  # noqa: S606, no shell


try:
    from trials.cli import main
except ModuleNotFoundError as missing:
    lacking = missing.name or ""
    if lacking in ("trials", "trials.cli"):
        why = "this copy has no bench; take a clone, or aws-serverless-eda-whole.zip of a release"
    elif not lacking.startswith("trials."):
        begin_again()
        again = shlex.join(["uv", "run", str(Path(__file__).resolve()), *sys.argv[1:]])
        why = f"its package {lacking} is not here; install uv as README.md says, and run `{again}`"
    else:
        raise
    sys.stderr.write(f"run.py: {why}\n")
    sys.exit(2)

if __name__ == "__main__":
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done, and Python's own end takes no notice
    sys.exit(code)
