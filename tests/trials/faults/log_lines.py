"""What a function's answer and the lines of its log tell of why it failed."""

import json
import re
from contextlib import suppress
from pathlib import Path

from trials.deliveries.history import Answer, Delivery
from trials.samples.learned import raised
from trials.samples.reads import Reads
from trials.samples.refused import Refusal
from trials.verdicts.judge import tells_of_failure

LOG = 80  # lines of a log that are read
NOT_REACHED = re.compile(
    r'lets nothing out: ([\w.:-]+)|connect to the endpoint URL: "https?://(?!127\.0\.0\.1|localhost)([^/"]+)'
)


def logged(lines: list[str]) -> str:
    """The last error that a function wrote into its log, if it did: its answer may only name the record."""
    for line in reversed(lines):
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("exception"):
                return " ".join(str(entry["exception"]).split())[-300:]
    return ""


CAUGHT = re.compile(r"(?i)\b\w*(?:error|exception)\b|\b(?:missing|invalid|required|fail(?:ed|ure)?|cannot|could not)\b")


FRAME = re.compile(r"\s+at \S")


def caught_in(texts: tuple[str, ...]) -> str:
    """The last line of a log that tells of a failure, no frame of a trace; empty if none does."""
    lines = [line for text in texts for line in text.splitlines() if CAUGHT.search(line) and not FRAME.match(line)]
    return " ".join(lines[-1].split())[:200] if lines else ""


def beside(told: str, lines: list[str]) -> str:
    """What a log says of a failure of which a caller is told no more than that there was one."""
    caught = caught_in(("\n".join(lines),)) if re.match(r"5\d\d\b", told) else ""
    return f"; its log says: {caught}" if caught and caught not in told else ""


def astray(lines: list[str]) -> str:
    """What a function could not reach because nothing here leaves the machine: how it then fails is not its fault."""
    refused = NOT_REACHED.search("\n".join(lines))
    return refused[1] or refused[2] if refused else ""


def said(result: Delivery, log: list[str], folder: Path, reads: Reads | None = None) -> Refusal:
    """All texts in which a function said why it refused a sample."""
    answer = result.answers[-1] if result.answers else Answer()
    body = answer.body.get("body", answer.body) if isinstance(answer.body, dict) else answer.body
    response = body if isinstance(body, str) else json.dumps(body, default=str)
    refused = answer.status >= 400 or tells_of_failure(answer)
    texts = (answer.whole, response if refused else "", "\n".join(log[-LOG:]))
    listed = tuple(reads.fields) if reads else ()
    return Refusal(tuple(text for text in texts if text), raised(log, folder), listed)
