"""A state machine of an answer in the engine of the local AWS, its functions in this process; no time passes."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from evals.harness import Missing
from evals.iam import arn, resolved
from evals.system import System, last
from support import simulated

PROGRAM = """
import itertools, json, logging, sys, threading, time
from ministack.services import stepfunctions as engine

logging.disable(logging.CRITICAL)
time.sleep = lambda _: None
engine._emit_execution_status_event = lambda _: None
engine._scaled_sleep = lambda _: None
engine._resolve_lambda_function_ref = lambda reference, optimized: reference
number, lock = itertools.count(1), threading.Lock()

def asked(**call):
    with lock:
        print(json.dumps(call), flush=True)
        given = json.loads(sys.stdin.readline())
    if "error" in given:
        raise engine._ExecutionError(given["error"], given["cause"])
    return given["result"]

def service(resource, parameters):
    return asked(service=resource, parameters=json.loads(json.dumps(parameters)))

engine._call_lambda = lambda function, payload: asked(function=function, payload=payload)
for prefix in list(engine._SERVICE_DISPATCH):
    engine._SERVICE_DISPATCH[prefix] = (
        lambda _, parameters, prefix=prefix: service(prefix, parameters)
    )

def answer(question):
    machine = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
    arn = f"arn:aws:states:::execution:m:{question['name']}"
    engine._state_machines[machine] = {"definition": json.dumps(question["definition"]), "name": "m", "roleArn": "r"}
    engine._executions[arn] = {
        "executionArn": arn, "stateMachineArn": machine, "name": question["name"], "status": "RUNNING",
        "startDate": "2026-11-23T09:00:00.000Z", "input": question["input"], "events": [], "output": None,
    }
    engine._run_execution(arn)
    end = engine._executions.pop(arn)
    return {"status": end["status"], "error": end.get("error") or "", "cause": end.get("cause") or ""}
"""
MOST_CALLS = 150  # of one execution; more are one that does not end


@dataclass(frozen=True)
class Ended:
    """How an execution ended, and the messages and events that it sent itself."""

    status: str
    error: str
    cause: str
    told: list[dict[str, Any]]


def definition(system: System, machine: str) -> Any:
    """Of a state machine, with ARNs and names filled in. Raises `Missing`."""
    node = system.model.definition(system.model.resources[machine])
    if not node:
        raise Missing(f"{machine} has no definition that can be read")
    written = json.dumps(resolved(system.template, node.body))
    given = resolved(system.template, system.properties(machine).get("DefinitionSubstitutions", {}))
    names = {name: arn(system.template, name) for name in system.template["Resources"]}
    names |= {f"{name}.Arn": value for name, value in names.items()} | given
    for name, value in names.items():
        written = written.replace(f"${{{name}}}", str(value))
    return json.loads(written)


def the_machine(system: System) -> str:
    """The only state machine. Raises `Missing`."""
    if len(system.model.machines) != 1:
        raise Missing(f"there is not one state machine, but {len(system.model.machines)}")
    return system.model.machines[0].name


def execute(system: System, machine: str, name: str, given: str) -> Ended:
    """One execution. Raises `Missing` if it does not end."""
    told: list[dict[str, Any]] = []
    question = {"definition": definition(system, machine), "name": name, "input": given}
    process = simulated._started(PROGRAM)
    assert process.stdin
    assert process.stdout
    said: Any = question
    try:
        for _ in range(MOST_CALLS):
            process.stdin.write(json.dumps(said) + "\n")
            process.stdin.flush()
            asked = json.loads(process.stdout.readline())
            if "status" in asked:
                return Ended(told=told, **asked)
            if "function" in asked:
                function = system.names.get(last(asked["function"]), last(asked["function"]))
                system.asked.add((machine, "lambda:InvokeFunction", function, ""))
                said = outcome(lambda function=function, asked=asked: system.call(function, asked["payload"]))  # type: ignore[misc]
            else:
                told.append(asked["parameters"])
                system.asked |= set(asked_of_services(system, machine, asked["service"], asked["parameters"]))
                said = {"result": {"MessageId": "m"}}
        raise Missing(f"an execution goes on after {MOST_CALLS} calls")
    except BaseException:
        process.kill()
        simulated._started.cache_clear()
        raise


def asked_of_services(
    system: System, machine: str, integration: str, parameters: dict[str, Any]
) -> Iterator[tuple[str, str, str, str]]:
    """What IAM is asked when a state calls another service itself."""
    service, operation = integration.split(":::")[1].split(":")[:2]
    for key in ("QueueUrl", "TopicArn", "TableName"):
        name = re.split(r"[:/]", str(parameters.get(key, "")))[-1]
        if name in system.template["Resources"]:
            yield machine, f"{service}:{operation[0].upper()}{operation[1:]}", name, ""


def outcome(call: Callable[[], Any]) -> dict[str, Any]:
    """As Lambda tells it: a result, or the name of an exception."""
    try:
        return {"result": call()}
    except Exception as error:
        return {"error": type(error).__name__, "cause": json.dumps({"errorMessage": str(error)})}
