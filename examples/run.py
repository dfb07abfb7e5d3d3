"""Run the examples, or a project of your own, end to end on a local AWS; `--help` says how."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

try:
    from trials.cli import main
except ModuleNotFoundError as missing:
    if missing.name not in ("trials", "trials.cli"):
        raise
    sys.stderr.write("run.py: this copy has no bench; take a clone, or aws-serverless-eda-whole.zip of a release\n")
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main())
