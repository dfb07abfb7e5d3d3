"""How long somebody waits for what a server does."""

import time
from collections.abc import Callable
from typing import TypeVar

from trials.local_aws.environment import LocalAwsError

T = TypeVar("T")


def wait_for(what: str, poll: Callable[[], T], timeout: float = 120) -> T:
    """Return the first truthy answer of `poll`; raise `LocalAwsError` when `timeout` seconds pass without one.

    It asks often at first and every half second later on: a question costs the server as much as an event does.
    """
    answer = seen(poll, timeout)
    if not answer:
        raise LocalAwsError(f"waited {timeout:.0f} s for {what}")
    return answer


def seen(poll: Callable[[], T], timeout: float = 60) -> T:
    """The first truthy answer of `poll`, else the last: for what a promise is about, so that its row says NO."""
    deadline, pause = time.monotonic() + timeout, 0.05
    while True:
        answer = poll()
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(pause)
        pause = min(0.5, pause * 1.3)
