"""Rounds of tests: everything, what is quick, and what is quick of one pattern, by `-k` with its name alone."""

from support.documents import ROOT

QUICK = "not e2e"
EVERYTHING = "e2e or not e2e"
PATTERNS = {path.name for path in (ROOT / "tests" / "patterns").iterdir() if (path / "test_promises.py").exists()}


def marks(keyword: str, wanted: str) -> str:
    """The expression of `-m` that holds, given those of `-k` and `-m`."""
    return QUICK if keyword in PATTERNS and not wanted else wanted


def left_out(keyword: str, wanted: str) -> str:
    """The line that says what a round leaves out that nobody asked it to; empty if it is nothing."""
    if marks(keyword, wanted) == wanted:
        return ""
    return f'the quick tests of {keyword}; those that start whole programs too: -k {keyword} -m "{EVERYTHING}"'
