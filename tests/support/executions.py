"""Executions of a state machine in the engine of the local AWS, attempt by attempt: what each call answers is given.

Over HTTP that engine learns of a Python function's exception only `Runtime.HandlerError`; here it gets the names that
Lambda would tell. No time passes: waits are counted. Delays grow without `MaxDelaySeconds` and `JitterStrategy`, which
the engine does not know.
"""

from dataclasses import dataclass
from typing import Any

from support import simulated

EXECUTE = """
import json, logging, threading, time
from ministack.services import stepfunctions as engine

logging.disable(logging.CRITICAL)
time.sleep = lambda _: None
engine._emit_execution_status_event = lambda _: None
Failure = engine._ExecutionError

def answer(asked):
    calls, messages, waits, lock = [], [], [], threading.Lock()
    left = {name: list(answers) for name, answers in asked["answers"].items()}

    def next_of(name):
        answers = left.get(name, [None])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def call(function, payload):
        with lock:
            calls.append([function.rsplit(":", 1)[-1], payload])
            given = next_of(calls[-1][0])
        if isinstance(given, str):
            raise Failure(given, "why " + given)
        return given

    def send(_, request):
        body = json.loads(json.dumps(request["MessageBody"]))
        with lock:
            messages.append(body)
            given = next_of("human" if "token" in body else "queue")
        if isinstance(given, str) and "token" not in body:
            raise Failure(given, "why " + given)
        if "token" in body:
            waiting = engine._task_tokens[body["token"]]
            waiting.update({"error": {"Error": given}} if isinstance(given, str) else {"result": json.dumps(given)})
            waiting["event"].set()
        return {"MessageId": "m"}

    def sleep(seconds):
        with lock:
            waits.append(seconds)
            if seconds >= 60 and sum(each >= 60 for each in waits) > asked["rounds"]:
                raise Failure("StillTrying", "")

    engine._call_lambda, engine._scaled_sleep = call, sleep
    engine._resolve_lambda_function_ref = lambda reference, optimized: reference
    for prefix in [each for each in engine._SERVICE_DISPATCH if "sqs:sendMessage" in each]:
        engine._SERVICE_DISPATCH[prefix] = send
    machine, arn = "arn:aws:states:us-east-1:000000000000:stateMachine:m", "arn:aws:states:::execution:m:o-1"
    engine._state_machines[machine] = {"definition": json.dumps(asked["definition"]), "name": "m", "roleArn": "r"}
    engine._executions[arn] = {
        "executionArn": arn, "stateMachineArn": machine, "name": "o-1", "status": "RUNNING",
        "startDate": "2026-11-23T09:00:00.000Z", "input": json.dumps(asked["input"]), "events": [], "output": None,
    }
    engine._run_execution(arn)
    end = engine._executions.pop(arn)
    return [end["status"], end.get("error") or "", end.get("cause") or "", calls, messages, waits]
"""


@dataclass(frozen=True)
class Run:
    """A finished execution: how it ended, each call of a function with its payload, messages sent, seconds waited."""

    status: str
    error: str
    cause: str
    calls: list[tuple[str, Any]]
    messages: list[dict[str, Any]]
    waits: list[float]

    @property
    def path(self) -> list[str]:
        """The functions called, in order; attempts of one that follow each other are one."""
        names = [name for name, _ in self.calls]
        return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]

    def tries(self, function: str) -> int:
        return [name for name, _ in self.calls].count(function)


def execute(definition: dict[str, Any], order: Any, answers: dict[str, list[Any]], rounds: int = 0) -> Run:
    """Run a definition whose `FunctionName`s are names and whose execution is called `o-1`.

    `answers` holds for each function what its calls give, one after the other and the last again and again: a text is
    the error that it fails with, anything else its result. `queue` and `human` answer messages sent to a queue, without
    and with a task token. `StillTrying` ends an execution that waits for a minute or longer more than `rounds` times.
    """
    asked = {"definition": definition, "input": order, "answers": answers, "rounds": rounds}
    status, error, cause, calls, messages, waits = simulated.ask(EXECUTE, asked)
    return Run(status, error, cause, [(name, payload) for name, payload in calls], messages, waits)
