"""MiniStack that tells how much is at work: `GET /_ministack/at-work`.

Invocations that run, or were accepted and have not begun, and executions that went on within the last second or go
on within the next two.

Whoever waits until nothing changes any more else takes a busy machine for one that is done.
"""

import json
import time
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

import ministack.app as app
import ministack.services.lambda_durable as durable
import ministack.services.lambda_svc as functions
import ministack.services.stepfunctions as machines
from ministack.core.lambda_runtime import workers_in_use

PATH = "/_ministack/at-work"
SOON = 2  # seconds: a durable execution that is due later stands still
MOVED = timedelta(seconds=1)  # ago at most: an execution that stands still longer waits for a time or for somebody
accepted: list[Any] = []  # events of asynchronous invocations that have not begun
plain_invoke, plain_execute, plain_resume, plain_download = (
    functions.invoke_async_with_retry,
    functions._execute_function,
    functions.invoke_durable_resume,
    app._handle_lambda_download_request,
)


def begun(event: Any) -> None:
    accepted[:] = [other for other in accepted if other is not event]


@wraps(plain_invoke)
def invoke_async(function: Any, event: Any) -> None:
    accepted.append(event)
    plain_invoke(function, event)


@wraps(plain_execute)
def execute(function: Any, event: Any) -> Any:
    """Its worker counts from here on."""
    begun(event)
    return plain_execute(function, event)


@wraps(plain_resume)
def resume(name: str, arn: str, event: Any) -> None:
    """A durable execution goes on: it counts until it waits or ends."""
    accepted.append(turn := object())
    try:
        plain_resume(name, arn, event)
    finally:
        begun(turn)


def moving() -> int:
    """Executions between two tasks, or before a retry: for a moment no function of theirs runs."""
    now = datetime.now(UTC)
    running = [one for one in list(machines._executions._data.values()) if one["status"] == "RUNNING" and one["events"]]
    return sum(now - datetime.fromisoformat(one["events"][-1]["timestamp"]) < MOVED for one in running)


def due(arn: str = "") -> int:
    """How many invocations of a durable execution, or of all, begin within a moment."""
    with durable._resume_lock:
        return sum(when < time.time() + SOON and arn in ("", of) for when, of, *_ in durable._resume_queue)


def download(path: str, method: str) -> Any:
    if path != PATH:
        return plain_download(path, method)
    number = json.dumps({"number": workers_in_use() + len(accepted) + moving() + due()}).encode()
    return 200, {"Content-Type": "application/json"}, number


functions.invoke_async_with_retry, functions._execute_function = invoke_async, execute
functions.invoke_durable_resume, app._handle_lambda_download_request = resume, download
