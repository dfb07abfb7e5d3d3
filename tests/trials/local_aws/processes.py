"""Processes and ports of a local AWS."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys


def end_with_parent() -> None:
    """In a child on Linux: be killed when the parent is, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a server and the functions that run under it; all that they would tidy up lies in our temporary folder."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
