"""MiniStack that tells which environments have begun to serve, and gives each a session token, as Lambda does.

A file that is called after the process says that its code was loaded: until then an extension serves nothing. Without
IAM, MiniStack's own token is an empty text, and code that sends it along would send no header.
"""

import os
from functools import wraps
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime as runtime

BEGUN = Path(os.environ["TRIALS_HOME"], "begun")
TOKEN = "session-of-an-environment"
plain_spawn, plain_credentials = runtime.Worker._spawn, runtime.execution_credentials


@wraps(plain_spawn)
def spawn(self: Any) -> None:
    plain_spawn(self)
    BEGUN.mkdir(exist_ok=True)
    (BEGUN / str(getattr(self._proc, "pid", "copied"))).touch()


@wraps(plain_credentials)
def credentials(config: Any) -> dict[str, str]:
    given: dict[str, str] = plain_credentials(config)
    return {**given, "AWS_SESSION_TOKEN": given["AWS_SESSION_TOKEN"] or TOKEN}


runtime.Worker._spawn, runtime.execution_credentials = spawn, credentials
