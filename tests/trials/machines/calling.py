"""Do what a task asks for as Step Functions would, and name its errors as Step Functions does."""

import base64
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from trials.local_aws.outside import Asked, StandIn
from trials.machines.definition import ACTIVITY, CALLBACK
from trials.machines.sdk import called
from trials.stage import Stage
from trials.template import as_dict

INVOKE = "arn:aws:states:::lambda:invoke"
HTTP = "arn:aws:states:::http:invoke"
HERE = {  # services whose integrations the local AWS has
    *("lambda", "sqs", "sns", "dynamodb", "events", "states", "eventbridge", "kinesis", "s3", "ssm", "sfn"),
    *("secretsmanager", "kms", "cloudwatchlogs"),
}
NOT_HERE = re.compile(r"not (?:yet )?(?:implemented|supported|available) in MiniStack|is not yet implemented")
RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?:: |$)")
UNTOLD = "Runtime.HandlerError"  # what the local AWS calls every error of a handler


@dataclass(frozen=True)
class Done:
    """The result of a task, or the error that it ended with; `stood_in` if what it calls is not here."""

    result: Any = None
    error: str = ""
    cause: str = ""
    stood_in: bool = False
    log: tuple[str, ...] = ()  # of a function


@dataclass
class Calls:
    """Whatever tasks call: the stack's functions and services, and stand-ins that record for all else.

    `answers` are those that the reader supplies for stand-ins, by state.
    """

    stage: Stage
    answers: dict[str, Any] = field(default_factory=dict)
    recorded: list[Any] = field(default_factory=list)
    handed: dict[str, Any] = field(default_factory=dict)  # by function: what it was first invoked with
    in_vain: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # states that read no item, and the calls

    def do(self, state: str, resource: str, arguments: Any) -> Done:
        resource = resource.replace("arn:aws-us-gov:", "arn:aws:").replace("arn:aws-cn:", "arn:aws:")
        plain = resource.removesuffix(CALLBACK)
        passed = arguments if isinstance(arguments, dict) else {}
        if ":function:" in plain:
            return self._function(state, plain, arguments, whole=False)
        if plain.startswith(INVOKE):
            return self._function(state, str(passed.get("FunctionName", "")), passed.get("Payload", {}), whole=True)
        if plain.startswith(HTTP):
            return request(self.stage.outside, passed)
        if ACTIVITY in plain:
            return self._stand_in(state, f"activity {plain.split(ACTIVITY)[-1]}", arguments)
        return self._service(state, plain, arguments)

    def _function(self, state: str, function: str, payload: Any, whole: bool) -> Done:
        name, _, version = function.split(":function:")[-1].partition(":")
        if name not in self.stage.stack.resources.values():
            done = self._stand_in(state, f"function {name}", payload)
            return Done({"StatusCode": 200, "Payload": done.result}, stood_in=True) if whole else done
        self.handed.setdefault(name, payload)
        request = {"FunctionName": name, "LogType": "Tail", "Payload": json.dumps(payload).encode()}
        if version and name in {self.stage.stack.resources.get(each) for each in self.stage.project.model.durable}:
            request["Qualifier"] = version
        answer = self.stage.local.client("lambda").invoke(**request)
        text = answer["Payload"].read().decode()
        body: Any = text
        with suppress(ValueError):
            body = json.loads(text)
        log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").splitlines()
        if "FunctionError" not in answer:
            return Done({"StatusCode": 200, "Payload": body} if whole else body)
        told = body if isinstance(body, dict) else {"errorMessage": text}
        error = str(told.get("errorType") or "Lambda.Unknown")
        error = named(log, str(told.get("errorMessage", ""))) or error if error == UNTOLD else error
        return Done(error=error, cause=json.dumps({**told, "errorType": error}), log=tuple(log))

    def _service(self, state: str, resource: str, arguments: Any) -> Done:
        parts = resource.split(":")
        service = (parts[6] if len(parts) > 6 and parts[5] == "aws-sdk" else parts[5] if len(parts) > 5 else "").lower()
        if service not in HERE:
            return self._stand_in(state, resource.split(":::")[-1], arguments)
        task = {"Type": "Task", "Resource": resource, "End": True}
        try:
            asked = {"definition": json.dumps(task), "input": json.dumps(arguments)}
            answer = self.stage.local.client("stepfunctions").test_state(**asked)
        except ClientError as refused:
            return Done(error="States.TaskFailed", cause=str(refused))
        if answer["status"] == "SUCCEEDED":
            result = json.loads(answer.get("output", "null"))
            if resource.endswith("dynamodb:getItem") and "Item" not in (result or {}) and keyed(arguments):
                self.in_vain.append((state, arguments))
            return Done(result)
        error, cause = answer.get("error", ""), answer.get("cause", "")
        if NOT_HERE.search(cause) and (told := called(self.stage.local, service, parts[-1], arguments)):
            return Done(*told)
        if NOT_HERE.search(cause) or (service == "states" and error == "StateMachineDoesNotExist"):
            return self._stand_in(state, resource.split(":::")[-1], arguments)
        return Done(error=error, cause=cause)

    def _stand_in(self, state: str, whom: str, arguments: Any) -> Done:
        self.recorded.append({"state": state, "called": whom, "with": arguments})
        return Done(self.answers.get(state, {}), stood_in=True)


def keyed(arguments: Any) -> bool:
    """Whether a call names an item: a path that led nowhere leaves its key null."""
    key = as_dict(as_dict(arguments).get("Key"))
    return bool(key) and all(isinstance(each, str) for value in key.values() for each in as_dict(value).values())


def named(log: list[str], message: str) -> str:
    """The class of the error that a function raised, from the trace in its log; empty if that does not tell it."""
    for line in reversed(log):
        raised = RAISED.match(line.strip())
        if raised and (not message or message.split("\n")[0] in line) and raised[1] not in ("at", "File", "Traceback"):
            return raised[1]
    return ""


def request(outside: StandIn, passed: dict[str, Any]) -> Done:
    """An HTTP task: asked of the stand-in for outside services."""
    url = urlsplit(str(passed.get("ApiEndpoint", "")))
    keys = {str(name).lower(): value for name, value in (passed.get("Headers") or {}).items()}
    key = str(keys.get("idempotency-key", ""))
    asked = Asked(str(passed.get("Method", "GET")), url.path or "/", key, passed.get("RequestBody"), url.netloc)
    status, body = outside.reply(asked) or (504, {})
    if status >= 400:
        return Done(error=f"States.Http.StatusCode.{status}", cause=json.dumps(body))
    return Done({"StatusCode": status, "StatusText": "OK", "Headers": {}, "ResponseBody": body})
