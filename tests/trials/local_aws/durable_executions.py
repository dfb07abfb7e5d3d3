"""MiniStack 1.5.33 with what AWS documents of durable functions and it lacks; run by the local AWS's own Python.

- CloudFormation makes durable functions, with their dead-letter queues.
- A durable function is invoked by version or alias, and an execution goes on in the version that began it.
- A name that is in use gives the execution that there is, or a conflict if the payload differs.
- What was started with `Event` waits, retries and ends too, and a dead environment is followed by another.
- One invocation of an execution runs at a time; a step that is to be retried is PENDING until then, and is counted.
- What failed, was stopped or ran out of time leaves its event in the function's dead-letter queue.

Beside it begin calls that wait for a whole execution, executions that wait for a callback, the count of what runs,
environments that outlast an error, belong to a tenant, tell when they have begun, and find layers at `/opt` and file
systems below `/mnt`, activities, rules that compare two paths, and the stand-in for EventBridge's Custom Event Bus.
"""

import contextvars
import heapq
import importlib.util
import json
import os
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import ministack.services.cloudformation.provisioners as cloudformation
import ministack.services.lambda_durable as durable
import ministack.services.lambda_svc as functions
import ministack.services.scheduler as schedules
from ministack.app import main
from ministack.core.responses import error_response_json


def beside(name: str) -> None:
    """Run a module of this folder, by its path: other packages have modules of such names too."""
    package = Path(__file__).with_name(name)
    file, within = (package / "__init__.py", [str(package)]) if package.is_dir() else (package.with_suffix(".py"), None)
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=within)
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


beside("at_work")  # first: what follows changes what it counts
beside("lasting")
beside("linked")
beside("begun")
beside("tenants")
beside("opt")
if os.environ.get("TRIALS_FORKS"):
    beside("forks")
    sys.modules["forks"].install()
if os.environ.get("TRIALS_NO_SCHEDULES"):
    schedules._tick_schedules = lambda: None  # what is due stays where it is, so that it can be looked at
ATTEMPTS = 5  # of one invocation, as AWS's own testing library gives it
PAUSE = 0.5  # seconds between them
locks: defaultdict[str, Any] = defaultdict(threading.RLock)
durable.locks = locks
given_name: contextvars.ContextVar[str | None] = contextvars.ContextVar("given_name", default=None)
plain = {
    original.__name__: original
    for original in (
        functions._invoke,
        functions.invoke_async_with_retry,
        functions.invoke_durable_resume,
        functions._execute_function,
        durable.create_execution_for_invoke,
        durable.mark_execution_completed,
        durable.handle_stop,
        durable._time_out_execution,
        durable._resume_execution,
        durable._serialize_operations,
        durable._apply_update,
        cloudformation._lambda_create,
    )
}


def create_function(logical_id: str, properties: Any, stack_name: str) -> Any:
    made = plain["_lambda_create"](logical_id, properties, stack_name)
    if properties.get("DurableConfig"):
        config = functions._functions[made[0]]["config"]
        config |= {key: properties[key] for key in ("DurableConfig", "DeadLetterConfig") if key in properties}
    if properties.get("TenancyConfig"):
        functions._functions[made[0]]["config"]["TenancyConfig"] = properties["TenancyConfig"]
    return made


async def invoke(name: str, event: Any, headers: Any, path_qualifier: Any = None, query_params: Any = None) -> Any:
    function = functions._functions.get(name)
    config = function["config"].get("DurableConfig") if function else None
    if not config:
        return await plain["_invoke"](name, event, headers, path_qualifier, query_params)
    function["config"]["DurableConfig"] = {**config, "Enabled": True}
    if not (path_qualifier or (query_params or {}).get("Qualifier")):
        said = "You cannot invoke a durable function using an unqualified ARN."
        return error_response_json("InvalidParameterValueException", said, 400)
    asked = {key.lower(): value for key, value in headers.items()}
    wanted = asked.get("x-amz-durable-execution-name")
    for there in durable._executions.values() if wanted else ():
        if there["DurableExecutionName"] == wanted and there["FunctionArn"] == functions._func_arn(name):
            if there["InputPayload"] != json.dumps(event):
                said = f"Execution already started: {there['DurableExecutionArn']}"
                return error_response_json("DurableExecutionAlreadyStartedException", said, 409)
            return 202, {"X-Amz-Durable-Execution-Arn": there["DurableExecutionArn"]}, b""
    given_name.set(wanted)
    return await plain["_invoke"](name, event, headers, path_qualifier, query_params)


def create_execution(function_arn: str, version: str, input_payload: str, **more: Any) -> Any:
    named = {**more, "name": given_name.get()}
    return plain["create_execution_for_invoke"](function_arn, version, input_payload, **named)


def invoke_async(function: Any, event: Any) -> None:
    """The first invocation is as all that follow it."""
    if execution(event):
        arn, name = event["DurableExecutionArn"], function["config"]["FunctionName"]
        work = contextvars.copy_context()
        threading.Thread(target=work.run, args=(resume_function, name, arn, {}), daemon=True).start()
    else:
        plain["invoke_async_with_retry"](function, event)


def execution(event: Any) -> Any:
    return durable._executions.get(event.get("DurableExecutionArn")) if isinstance(event, dict) else None


def resume_function(name: str, arn: str, event: Any) -> None:
    with locks[arn]:
        if durable._executions[arn]["Status"] != "RUNNING":
            return
        for step in durable._executions[arn]["Operations"]:
            if is_to_be_retried(step) and step["StepDetails"]["NextAttemptTimestamp"] <= time.time():
                step["Status"] = "READY"
                del step["StepDetails"]["NextAttemptTimestamp"]
        plain["invoke_durable_resume"](name, arn, event)
        durable._executions[arn]["Turns"] = durable._executions[arn].get("Turns", 0) + 1


def resume(arn: str, account_id: str = "", region: str | None = None) -> None:
    if not locks[arn].acquire(blocking=False):  # it runs: its answer comes first
        with durable._resume_lock:
            heapq.heappush(durable._resume_queue, (time.time() + 0.1, arn, account_id, region))
        return
    try:
        plain["_resume_execution"](arn, account_id, region)
    finally:
        locks[arn].release()


def execute(function: Any, event: Any) -> Any:
    begun = execution(event)
    if begun is None:
        return plain["_execute_function"](function, event)
    if begun["Version"] != "$LATEST":
        function = dict(functions._functions[function["config"]["FunctionName"]]["versions"][begun["Version"]])
        function["config"] = dict(function.get("config") or function)
    result = plain["_execute_function"](function, event)
    begun["Failed"] = begun.get("Failed", 0) + 1 if result.get("error") else 0
    if begun["Failed"] >= ATTEMPTS:
        complete(begun["DurableExecutionArn"], None, {"ErrorType": "Unhandled", "ErrorMessage": str(result["body"])})
    elif begun["Failed"]:
        name, arn = function["config"]["FunctionName"], begun["DurableExecutionArn"]
        work = contextvars.copy_context()
        threading.Timer(PAUSE, work.run, (resume_function, name, arn, {})).start()
    return result


def is_to_be_retried(operation: Any) -> bool:
    step = operation.get("StepDetails") or {}
    return operation.get("Status") == "STARTED" and step.get("NextAttemptTimestamp") is not None


def serialize(operations: Any, **how: Any) -> Any:
    """As AWS shows them: a step that waits for its next attempt is not STARTED, and what is not there is not null."""
    shown = plain["_serialize_operations"](operations, **how)
    for operation in shown:
        operation["Status"] = "PENDING" if is_to_be_retried(operation) else operation["Status"]
    return [{name: value for name, value in operation.items() if value is not None} for operation in shown]


def apply_update(record: Any, update: Any) -> None:
    """A timeout of 0 is none."""
    timeouts = {name: seconds for name, seconds in (update.get("CallbackOptions") or {}).items() if seconds}
    plain["_apply_update"](record, {**update, "CallbackOptions": timeouts})
    if update.get("Type") == "STEP" and update.get("Action") in ("START", "RETRY"):
        (step,) = [each["StepDetails"] for each in record["Operations"] if each["Id"] == update["Id"]]
        if update["Action"] == "RETRY":
            step["Attempt"] += 1
        else:
            step.pop("NextAttemptTimestamp", None)


def set_aside(record: Any) -> None:
    function = functions._functions[record["FunctionArn"].rsplit(":", 1)[-1]]["config"]
    target = (function.get("DeadLetterConfig") or {}).get("TargetArn")
    if target and not record.get("Awaited") and record["Status"] in ("FAILED", "STOPPED", "TIMED_OUT"):
        event = json.loads(record["InputPayload"])
        functions._route_async_failure(target, function["FunctionName"], event, {"body": record["Error"]})


def complete(arn: str, result_payload: Any, error: Any) -> None:
    record = durable._executions[arn]
    was = record["Status"]
    plain["mark_execution_completed"](arn, result_payload, error)
    if was == "RUNNING":
        set_aside(record)


def stop(arn: str, body: bytes) -> Any:
    answer = plain["handle_stop"](arn, body)
    if answer[0] == 200:
        set_aside(durable._executions[durable._parse_execution_arn(arn)])
    return answer


def time_out(record: Any) -> None:
    plain["_time_out_execution"](record)
    set_aside(record)


cloudformation._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"] = create_function
functions._invoke = invoke
functions.invoke_async_with_retry = invoke_async
functions.invoke_durable_resume = resume_function
functions._execute_function = execute
durable.create_execution_for_invoke = create_execution
durable.mark_execution_completed = complete
durable.handle_stop = stop
durable._time_out_execution = time_out
durable._resume_execution = resume
durable._serialize_operations = serialize
durable._apply_update = apply_update
beside("activities")
beside("compared_paths")
beside("whole_executions")
beside("callbacks")
beside("custom_event_bus")

if __name__ == "__main__":
    main()
