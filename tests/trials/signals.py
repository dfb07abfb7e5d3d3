"""How the command ends on a signal: quietly, by the shell's code for it, and with everything tidied up."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 5  # seconds of tidying up that a second Ctrl-C does not disturb


def end_on_signals() -> None:
    """Leave by an exception, so that every server and folder is tidied up."""
    last = -float(PATIENCE)

    def end(number: int, _: Any) -> None:
        nonlocal last
        if time.monotonic() - last < PATIENCE:
            return
        last = time.monotonic()
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Ctrl-C waits for the end of the block: what is forked within begins without an exception of its own."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_interrupts_to_the_parent() -> None:
    """In what was forked so: the parent hears of Ctrl-C too, and ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
