"""MiniStack whose functions find their layers at `/opt`, as Lambda's do, and not only where modules are looked for.

Each environment gets a mount namespace of its own, on Linux. Of what several layers hold under one name, the last
one's is seen. Where the kernel refuses, or the runtime itself lies under `/opt`, modules are found and paths are not.
"""

import ctypes
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime as runtime

OPT = Path("/opt")
CLONE_NEWNS, CLONE_NEWUSER = 0x0002_0000, 0x1000_0000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x4_0000
plain = subprocess.Popen


def popen(command: list[str], **given: Any) -> Any:
    layers = [each for each in (given.get("env") or {}).get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep) if each]
    needed = (command[0], *command[1:2], sys.base_prefix, sys.prefix)
    if not layers or not OPT.is_dir() or any(Path(each).resolve().is_relative_to(OPT) for each in needed):
        return plain(command, **given)
    return plain(command, **given, preexec_fn=laying(layers))


def laying(layers: list[str]) -> Callable[[], None]:
    """What lays these folders over `/opt` in the process that calls it; nothing where the kernel refuses."""
    libc, user, group = ctypes.CDLL(None, use_errno=True), os.getuid(), os.getgid()
    options = f"lowerdir={':'.join(reversed(layers))}".encode()

    def lay() -> None:
        if libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if user else 0)):
            return
        if user:
            for file, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{user} {user} 1"),
                ("gid_map", f"{group} {group} 1"),
            ):
                Path("/proc/self", file).write_text(text)
        libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        if len(layers) == 1:
            libc.mount(layers[0].encode(), bytes(OPT), None, MS_BIND, None)
        else:
            libc.mount(b"layers", bytes(OPT), b"overlay", 0, options)

    return lay


if sys.platform == "linux":
    runtime.subprocess = types.SimpleNamespace(**{**vars(subprocess), "Popen": popen})
