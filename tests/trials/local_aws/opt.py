"""MiniStack whose functions find their layers at `/opt`, as Lambda's do, and their file systems below `/mnt`.

Each environment gets a mount namespace of its own, on Linux. Of what several layers hold under one name, the last
one's is seen. Where the kernel refuses, or the runtime itself lies there, modules are found and paths are not. A file
system is a folder that all environments which mount it share, and that is empty in each world.
"""

import ctypes
import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime as runtime

OPT, MNT = Path("/opt"), Path("/mnt")
MOUNTS = "TRIALS_MOUNTS"  # a variable: `/mnt/files=FileSystem/folder`, several apart by a colon
CLONE_NEWNS, CLONE_NEWUSER = 0x0002_0000, 0x1000_0000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x4_0000
plain = subprocess.Popen


def popen(command: list[str], **given: Any) -> Any:
    variables = given.get("env") or {}
    layers = [each for each in variables.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep) if each]
    mounts = [each for each in variables.get(MOUNTS, "").split(os.pathsep) if each.startswith(f"{MNT}/")]
    needed = (command[0], *command[1:2], sys.base_prefix, sys.prefix)
    options = layered(layers) if layers and may_hide(OPT, needed) else []
    if mounts and may_hide(MNT, (*needed, variables["TRIALS_HOME"])):
        options += mounted(mounts, Path(variables["TRIALS_HOME"]), Path(given["cwd"]).with_name("mnt"))
    return plain(command, **given, preexec_fn=laying(options)) if options else plain(command, **given)


def may_hide(place: Path, needed: Iterable[str]) -> bool:
    """Whether a folder is there, and nothing lies in it without which an environment cannot begin."""
    return place.is_dir() and not any(Path(each).resolve().is_relative_to(place) for each in needed)


Mount = tuple[bytes, bytes, bytes | None, int, bytes | None]  # what the kernel is told


def layered(layers: list[str]) -> list[Mount]:
    if len(layers) == 1:
        return [bound(Path(layers[0]), OPT)]
    return [(b"layers", bytes(OPT), b"overlay", 0, f"lowerdir={':'.join(reversed(layers))}".encode())]


def mounted(mounts: list[str], home: Path, above: Path) -> list[Mount]:
    """Of each file system its folder, over a `/mnt` of the environment's own."""
    laid = [bound(above, MNT)]
    for mount in mounts:
        place, _, name = mount.partition("=")
        folder = home / "mounts" / name.strip("/")
        folder.mkdir(parents=True, exist_ok=True)
        (above / Path(place).name).mkdir(parents=True, exist_ok=True)
        laid.append(bound(folder, Path(place)))
    return laid


def bound(folder: Path, place: Path) -> Mount:
    return bytes(folder), bytes(place), None, MS_BIND, None


def laying(mounts: list[Mount]) -> Callable[[], None]:
    """What lays these folders in the process that calls it; nothing where the kernel refuses."""
    libc, user, group = ctypes.CDLL(None, use_errno=True), os.getuid(), os.getgid()

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
        for mount in mounts:
            libc.mount(*mount)

    return lay


if sys.platform == "linux":
    runtime.subprocess = types.SimpleNamespace(**{**vars(subprocess), "Popen": popen})
