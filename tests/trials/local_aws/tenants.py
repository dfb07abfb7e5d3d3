"""MiniStack with tenant isolation: a function that has it runs for one tenant in an environment of that tenant's own.

The context object tells which. Who names no tenant is refused, as Lambda demands one; in which words its pages do not
tell.
"""

import contextvars
import time
from functools import wraps
from typing import Any

import ministack.services.lambda_svc as functions
from ministack.core import lambda_runtime as runtime
from ministack.core.responses import error_response_json

HEADER = "x-amz-tenant-id"
VARIABLE = "TRIALS_TENANT"
TOLD = {  # by script: a line of its context object, and what follows it
    "_PYTHON_WORKER_SCRIPT": ('"identity": None,', f'"identity": None, "tenant_id": os.environ.get("{VARIABLE}"),'),
    "_NODEJS_WORKER_SCRIPT": ("identity: null,", f"identity: null, tenantId: process.env.{VARIABLE},"),
}
tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="")
plain_invoke, plain_acquire, plain_spawn = functions._invoke, functions.acquire_worker, runtime.Worker._spawn


@wraps(plain_invoke)
async def invoke(name: str, event: Any, headers: Any, path_qualifier: Any = None, query_params: Any = None) -> Any:
    function = functions._functions.get(name)
    isolated = bool(function and function["config"].get("TenancyConfig"))
    asked = {key.lower(): value for key, value in headers.items()}.get(HEADER, "")
    if isolated and not asked:
        return error_response_json("InvalidParameterValueException", "no tenant is named", 400)
    tenant.set(asked if isolated else "")
    return await plain_invoke(name, event, headers, path_qualifier, query_params)


@wraps(plain_acquire)
def acquire(name: str, config: Any, code: Any, qualifier: str = "$LATEST", max_concurrency: Any = None) -> Any:
    if not (own := tenant.get()):
        return plain_acquire(name, config, code, qualifier=qualifier, max_concurrency=max_concurrency)
    with runtime._lock:
        workers = runtime._workers.setdefault(runtime._worker_key(name, config, qualifier), [])
        free = [worker for worker in workers if not worker.in_use and getattr(worker, "tenant", "") == own]
        worker = free[0] if free else runtime._worker_class_for(config)(name, config, code)
        worker.in_use, worker.last_used, worker.tenant = True, time.time(), own
        workers += [] if free else [worker]
        return worker, "reused" if free else "spawn"


@wraps(plain_spawn)
def spawn(self: Any) -> None:
    if own := getattr(self, "tenant", ""):
        variables = self.config.get("Environment", {}).get("Variables", {})
        self.config = {**self.config, "Environment": {"Variables": {**variables, VARIABLE: own}}}
    plain_spawn(self)


for script, (line, told) in TOLD.items():
    text = getattr(runtime, script)
    assert text.count(line) == 1, f"{script} has another context object"
    setattr(runtime, script, text.replace(line, told))
functions._invoke, functions.acquire_worker, runtime.Worker._spawn = invoke, acquire, spawn
