"""What the skill costs its readers and its handlers; see `__main__`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "examples"))
