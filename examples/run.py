"""Run the examples, or a project of your own, end to end on a local AWS; `--help` says how."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from trials.cli import main

if __name__ == "__main__":
    sys.exit(main())
