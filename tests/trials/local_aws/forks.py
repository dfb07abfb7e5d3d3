"""Environments in Python that begin as copies of a process which has imported the SDK, and nothing of any function.

Most of a cold start is the import of boto3 and Powertools. A copy of that process loads the function's own modules as a
new environment does, and shares nothing with another: no module of the function, no client, no connection. Its SDK
retries as often as any, but does not wait before it: a fault lasts for a delivery, however long that takes. It is one
only where that makes no difference: on Linux, without layers, file systems and extensions, if the function brings none
of these packages itself and no clock or note of the trials has to be there first. Elsewhere the environment starts as
ever.

Run by the local AWS's own Python: within MiniStack by `install`, and as the process that is copied.
"""

import contextlib
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

PACKAGES = ("boto3", "botocore", "s3transfer", "urllib3", "jmespath", "dateutil", "pydantic", "aws_lambda_powertools")
MODULES = (
    *PACKAGES,
    "botocore.handlers",
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.logging.correlation_paths",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.data_classes.sqs_event",
    "aws_lambda_powertools.utilities.idempotency",
)
SERVICES = ("dynamodb", "sqs", "sns", "events", "lambda")  # whose models are read once
NOTES = ("TRIALS_CLOCK", "TRIALS_SIGNED")  # files that change what an environment is when it starts
OWN = ("_LAMBDA_LAYERS_DIRS", "TRIALS_MOUNTS", "TRIALS_EXTENSION")  # variables of one that is no copy


class Environment:
    """A copied process, as `subprocess.Popen` shows one."""

    returncode: int | None = None

    def __init__(self, handle: int, stdin: Any, stdout: Any, stderr: Any) -> None:
        self._handle, self.stdin, self.stdout, self.stderr = handle, stdin, stdout, stderr

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and not select.select([self._handle], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("environment", timeout or 0)
        self.returncode = 1
        return self.returncode

    def __del__(self) -> None:
        os.close(self._handle)

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)


class Original:
    """The process that is copied, in MiniStack's hands."""

    def __init__(self, path: str) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", __file__, str(theirs.fileno())]
        environment = {**os.environ, "PYTHONPATH": path}
        subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
        theirs.close()
        self._socket, self._turn = ours, threading.Lock()

    def copy(self, command: list[str], cwd: str, env: dict[str, str]) -> Environment:
        pipes = [os.pipe() for _ in range(3)]
        theirs, ours = [pipes[0][0], pipes[1][1], pipes[2][1]], [pipes[0][1], pipes[1][0], pipes[2][0]]
        asked = json.dumps({"script": command[1], "cwd": cwd, "env": env}).encode()
        with self._turn:
            socket.send_fds(self._socket, [len(asked).to_bytes(4, "big")], theirs)
            self._socket.sendall(asked)
            _, handles, _, _ = socket.recv_fds(self._socket, 1, 1)
        for end in theirs:
            os.close(end)
        stdin, stdout, stderr = (os.fdopen(end, mode, buffering=1) for end, mode in zip(ours, "wrr", strict=True))
        return Environment(handles[0], stdin, stdout, stderr)


plain: Any = subprocess.Popen
originals: dict[str, Original] = {}
turn = threading.Lock()


def popen(command: list[str], **given: Any) -> Any:
    """What MiniStack calls to start an environment."""
    env, cwd = given.get("env") or {}, given.get("cwd")
    if command[0] != sys.executable or not cwd or not alike(cwd, env):
        return plain(command, **given)
    with turn:
        path = env.get("PYTHONPATH", "")
        original = originals.get(path) or originals.setdefault(path, Original(path))
    return original.copy(command, cwd, env)


def alike(cwd: str, env: dict[str, str]) -> bool:
    """Whether an environment that imports these packages first is as one that does not."""
    own = {Path(name).stem for name in os.listdir(cwd)}
    return not (
        own & set(PACKAGES)
        or any(env.get(name) for name in OWN)
        or any(os.path.exists(env.get(name, "")) for name in NOTES)
    )


def install() -> None:
    global plain
    from ministack.core import lambda_runtime

    plain = lambda_runtime.subprocess.Popen  # with what else is laid around an environment
    lambda_runtime.subprocess = types.SimpleNamespace(**{**vars(subprocess), "Popen": popen})


# ---- in the process that is copied


def prepare() -> None:
    for name in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with contextlib.suppress(ImportError):
        read_models()
    gc.collect()
    gc.freeze()


def read_models() -> None:
    """All sessions of a copy have one loader, which knows these services and is only read; retries do not wait."""
    sdk: Any = importlib.import_module("botocore.session")
    endpoint: Any = importlib.import_module("botocore.endpoint")
    endpoint.time = types.SimpleNamespace(**{**vars(time), "sleep": lambda _: None})
    sdk.create_loader = functools.cache(sdk.create_loader)
    for service in SERVICES:
        nobody = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nobody"}
        sdk.Session().create_client(service, region_name="us-east-1", **nobody)


def serve(control: socket.socket) -> str:
    """Become a copy for each that is asked for; in a copy, return the script that it runs."""
    while True:
        head, files, _, _ = socket.recv_fds(control, 4, 3)
        if not head:
            os._exit(0)
        with contextlib.suppress(ChildProcessError):  # copies that have ended
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        asked = json.loads(whole(control, int.from_bytes(head, "big")))
        if (pid := os.fork()) == 0:
            control.close()
            begin(files, asked)
            return str(asked["script"])
        for file in files:
            os.close(file)
        handle = os.pidfd_open(pid)
        socket.send_fds(control, [b"1"], [handle])
        os.close(handle)


def whole(control: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        parts += control.recv(size - len(parts))
    return bytes(parts)


def begin(files: list[int], asked: dict[str, Any]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv[:] = [asked["script"]]
    sys.path.insert(0, str(Path(asked["script"]).parent))


if __name__ == "__main__":
    prepare()
    script = serve(socket.socket(fileno=int(sys.argv[1])))
    sys.modules["__main__"] = main = types.ModuleType("__main__")
    exec(compile(Path(script).read_text(), script, "exec"), vars(main))  # noqa: S102
