"""MiniStack with what AWS documents of those who wait for a durable execution, and what a trial needs.

- A synchronous invocation, a mapping and another execution wait for the whole execution and get its result or error.
- What invokes asynchronously, as a topic does, begins an execution and does not repeat it.
- An execution goes on when a function that it invoked has answered.
- A trial does not wait: the waits of an execution and the pauses before its retries end at once. Where it waits for
  somebody else, its caller is answered with nothing; the execution goes on to wait.
"""

import asyncio
import contextvars
import json
import os
import sys
import threading
import time
from typing import Any

import ministack.services.lambda_durable as durable
import ministack.services.lambda_svc as functions

HURRIED = bool(os.environ.get("TRIALS_NO_SCHEDULES"))
AT_ONCE = 0.05  # seconds that a wait of a trial lasts
LONGEST = 900  # seconds of a synchronous invocation
awaited: contextvars.ContextVar[bool] = contextvars.ContextVar("awaited", default=False)
began: contextvars.ContextVar[str] = contextvars.ContextVar("began", default="")
plain_invoke, plain_execute, plain_async, plain_create, plain_update, plain_append = (
    functions._invoke,
    functions._execute_function,
    functions.invoke_async_with_retry,
    durable.create_execution_for_invoke,
    durable._apply_update,
    durable._append_chained_result,
)


def create_execution(*given: Any, **named: Any) -> Any:
    record = plain_create(*given, **named)
    record["Awaited"] = awaited.get()  # whoever waits is told of a failure: no dead-letter queue is
    began.set(record["DurableExecutionArn"])
    return record


def apply_update(record: Any, update: Any) -> None:
    plain_update(record, update)
    if HURRIED:
        soon = time.time() + AT_ONCE
        for operation in record["Operations"]:
            for details, name in (("WaitDetails", "ScheduledEndTimestamp"), ("StepDetails", "NextAttemptTimestamp")):
                if (due := (operation.get(details) or {}).get(name)) is not None:
                    operation[details][name] = min(due, soon)


def append_chained_result(record: Any, operation: str, success: bool, result: Any, err: Any) -> None:
    """An answer that is a text comes as it was returned, and not as JSON."""
    try:
        json.loads(result or "null")
    except ValueError:
        result = json.dumps(result)
    plain_append(record, operation, success, result, err)
    name, arn = record["FunctionArn"].rsplit(":", 1)[-1], record["DurableExecutionArn"]
    work = contextvars.copy_context()
    threading.Thread(target=work.run, args=(functions.invoke_durable_resume, name, arn, {}), daemon=True).start()


def stands_still(record: Any) -> bool:
    """Whether an execution that is not over waits for somebody else, or longer than a moment."""
    arn = record["DurableExecutionArn"]
    called = any(each["Type"] == "CHAINED_INVOKE" and each["Status"] == "STARTED" for each in record["Operations"])
    if not record.get("Turns") or record.get("Failed") or called or sys.modules["at_work"].due(arn):
        return False
    if idle := durable.locks[arn].acquire(blocking=False):
        durable.locks[arn].release()
    return bool(idle)


def over(record: Any, until: float) -> bool:
    """Whether nobody need wait for an execution any longer."""
    return record["Status"] != "RUNNING" or (HURRIED and stands_still(record)) or time.time() > until


def error_of(record: Any) -> dict[str, str]:
    error = record["Error"] or {}
    return {"errorType": error.get("ErrorType") or record["Status"], "errorMessage": error.get("ErrorMessage") or ""}


def succeeds(record: Any) -> bool:
    return record["Status"] in ("RUNNING", "SUCCEEDED")


def is_durable(function: Any) -> bool:
    return bool(function and function["config"].get("DurableConfig"))


def begin(function: Any, event: Any, waits: bool) -> Any:
    """A new execution of a function whose caller hands over a plain event."""
    config = function["config"]
    known = functions._func_arn(config["FunctionName"])
    awaited.set(waits)
    timeout = config["DurableConfig"].get("ExecutionTimeout")
    version = config.get("Version") or "$LATEST"
    return durable.create_execution_for_invoke(known, version, json.dumps(event), execution_timeout=timeout)


def is_of_execution(event: Any) -> bool:
    return isinstance(event, dict) and event.get("DurableExecutionArn") in durable._executions


def execute(function: Any, event: Any) -> Any:
    if not is_durable(function) or is_of_execution(event):
        return plain_execute(function, event)
    record, until = begin(function, event, waits=True), time.time() + LONGEST
    functions.invoke_durable_resume(function["config"]["FunctionName"], record["DurableExecutionArn"], {})
    while not over(record, until):
        time.sleep(0.02)
    if succeeds(record):
        return {"body": json.loads(record["Result"] or "null")}
    return {"body": error_of(record), "error": True, "function_error": "Unhandled"}


def invoke_async(function: Any, event: Any) -> None:
    if is_durable(function) and not is_of_execution(event):
        event = {"DurableExecutionArn": begin(function, event, waits=False)["DurableExecutionArn"]}
    plain_async(function, event)


def told_of(arn: str) -> dict[str, str]:
    """What the answer to an invocation tells of the execution that it began, and MiniStack of its first token."""
    token = durable._executions[arn]["CheckpointToken"] if arn else ""
    return {"X-Amz-Durable-Execution-Arn": arn, "X-Amz-Durable-Checkpoint-Token": token} if arn else {}


async def invoke(name: str, event: Any, headers: Any, path_qualifier: Any = None, query_params: Any = None) -> Any:
    asked = {key.lower(): value for key, value in headers.items()}
    waits = asked.pop("x-amz-invocation-type", "RequestResponse") == "RequestResponse"
    awaited.set(waits)
    if not is_durable(functions._functions.get(name)):
        return await plain_invoke(name, event, headers, path_qualifier, query_params)
    began.set("")
    if not waits:
        answer = await plain_invoke(name, event, headers, path_qualifier, query_params)
        return (answer[0], {**answer[1], **told_of(began.get())}, answer[2]) if answer[0] == 202 else answer
    queued = {**asked, "x-amz-invocation-type": "Event"}
    answer = await plain_invoke(name, event, queued, path_qualifier, query_params)
    if answer[0] != 202:
        return answer
    record = durable._executions[began.get() or answer[1]["X-Amz-Durable-Execution-Arn"]]
    until = time.time() + LONGEST
    while not over(record, until):
        await asyncio.sleep(0.02)
    told = {**answer[1], **told_of(record["DurableExecutionArn"]), "Content-Type": "application/json"}
    if succeeds(record):
        return 200, told, (record["Result"] or "null").encode()
    return 200, {**told, "X-Amz-Function-Error": "Unhandled"}, json.dumps(error_of(record)).encode()


functions._invoke = invoke
functions._execute_function = execute
functions.invoke_async_with_retry = invoke_async
durable.create_execution_for_invoke = create_execution
durable._apply_update = apply_update
durable._append_chained_result = append_chained_result
