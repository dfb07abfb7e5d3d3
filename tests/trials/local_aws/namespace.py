"""Keep a reader's code on this machine: a network namespace of its own, in which every name leads to the stand-in.

Inside there is loopback and nothing else, for subprocesses too. Names are answered by a resolver of ours on port 53,
so that a function which calls `api.example.com` reaches what listens on loopback. What needs the network, such as
installing packages, is done by a process that was started before (`errand`).
"""

import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x0002_0000, 0x1000_0000, 0x4000_0000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x4_0000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
RESOLVER = Path("/etc/resolv.conf")

ERRANDS = """
import json, subprocess, sys
for line in sys.stdin:
    asked = json.loads(line)
    try:
        done = subprocess.run(asked["command"], env=asked["env"], cwd=asked["cwd"], capture_output=True, text=True)
        answer = [done.returncode, done.stdout, done.stderr]
    except OSError as error:
        answer = [127, "", str(error)]
    print(json.dumps(answer), flush=True)
"""

_errands: "subprocess.Popen[str] | None" = None


def enter() -> str:
    """Leave the machine's network for a namespace of this process and its children; say why not if that fails.

    To be called while the process has one thread.
    """
    global _errands
    if sys.platform != "linux":
        return f"{sys.platform} has no network namespaces"
    outside = subprocess.Popen(
        [sys.executable, "-c", ERRANDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        _unshare()
        _raise_loopback()
        _answer_names_here()
    except OSError as error:
        outside.kill()
        outside.wait()
        return f"the kernel refused a namespace: {error.strerror}"
    _errands = outside
    return ""


def inside() -> bool:
    return _errands is not None


def errand(
    command: Sequence[str], environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command that may use the network, wherever this process is."""
    environment = dict(os.environ if environment is None else environment)
    if _errands is None:
        return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    assert _errands.stdin
    assert _errands.stdout
    asked = {"command": list(command), "env": environment, "cwd": str(cwd) if cwd else None}
    _errands.stdin.write(json.dumps(asked) + "\n")
    _errands.stdin.flush()
    code, out, err = json.loads(_errands.stdout.readline())
    return subprocess.CompletedProcess(command, code, out, err)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _unshare() -> None:
    """As root directly, else by way of a user namespace in which this user has the same number."""
    user, group = os.getuid(), os.getgid()
    flags = CLONE_NEWNET | CLONE_NEWNS
    if user != 0:
        flags |= CLONE_NEWUSER
    _checked(_libc().unshare(flags))
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | IFF_UP, b""))


def _answer_names_here() -> None:
    """Lay a file with our resolver over the system's, in this namespace only."""
    libc = _libc()
    _checked(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    if not RESOLVER.exists():
        return
    with tempfile.NamedTemporaryFile("w", prefix="resolv-") as file:
        file.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        file.flush()
        os.chmod(file.name, 0o644)
        bind(Path(file.name), RESOLVER.resolve())


def bind(what: Path, where: Path, with_mounts: bool = False) -> None:
    """Let a file or folder be seen at another place too, in the namespace of this process; raises `OSError`.

    What is mounted below it comes along only `with_mounts`.
    """
    flags = MS_BIND | (MS_REC if with_mounts else 0)
    _checked(_libc().mount(str(what).encode(), str(where).encode(), None, flags, None))
