"""Rounds of tests: what CI runs, what is quick, what is quick of one pattern by `-k` with its name alone, the slow one.

The slow round takes longer than all others together: it runs only where `-m` names it, and what it said is kept.
"""

from support.documents import ROOT

QUICK = "not e2e"
EVERYTHING = "e2e or not e2e"
SLOW = "slow"
PATTERNS = {path.name for path in (ROOT / "tests" / "patterns").iterdir() if (path / "test_promises.py").exists()}


def marks(keyword: str, wanted: str) -> str:
    """The expression of `-m` that holds, given those of `-k` and `-m`."""
    if SLOW in wanted:
        return wanted
    wanted = QUICK if keyword in PATTERNS and not wanted else wanted
    return f"({wanted}) and not {SLOW}" if wanted else f"not {SLOW}"


def left_out(keyword: str, wanted: str) -> str:
    """The line that says what a round leaves out that nobody asked it to; empty if it is nothing."""
    if keyword not in PATTERNS or wanted:
        return ""
    return f'the quick tests of {keyword}; those that start whole programs too: -k {keyword} -m "{EVERYTHING}"'
