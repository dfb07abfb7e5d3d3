"""Handlers in TypeScript, called as those in Python are: loaded afresh, against the same AWS, at the same time.

One Node.js process holds all execution environments of a test run (`environments.mjs`).
"""

import json
import os
import subprocess
import threading
import time
import urllib.request
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from trials.local_aws import REGION
from trials.local_aws.synthesis import EXAMPLES, NODE

HERE = Path(__file__).parent
SERVICES = {  # names of the SDK for JavaScript, and those of boto3
    "DynamoDB": "dynamodb",
    "EventBridge": "events",
    "EventBridgeV2": "eventbridgev2",
    "SESv2": "sesv2",
    "Lambda": "lambda",
    "S3": "s3",
    "SFN": "stepfunctions",
    "SNS": "sns",
    "SQS": "sqs",
    "Scheduler": "scheduler",
    "Secrets Manager": "secretsmanager",
    "": "",  # outside of AWS
}
QUIET = {"NODE_NO_WARNINGS": "1"}  # that the SDK will want a newer Node.js, of each environment once
LIMIT = 60  # seconds for one call
LANGUAGES = ["python", pytest.param("typescript", marks=pytest.mark.e2e)]  # what a pattern's `shop` is parametrised by
IN_BOTH = pytest.mark.parametrize("shop", LANGUAGES, indirect=True)  # where most tests look inside
IN_PYTHON = pytest.mark.parametrize("shop", ["python"], indirect=True)  # for a test that looks inside a module


class Died(BaseException):
    """The execution environment is gone: no `except Exception`, no clean-up, no answer."""


class HandlerError(Exception):
    """What a handler in TypeScript threw; of a class with the error's name, which is the type that Lambda reports."""


@cache
def error_of(name: str) -> type[HandlerError]:
    """The class of the errors of that name."""
    return type(name, (HandlerError,), {})


@contextmanager
def fails_as(*names: str, match: str | None = None) -> Iterator[None]:
    """Expect an error of one of these types, as Lambda reports them, in either language."""
    with pytest.raises(Exception, match=match) as error:
        yield
    assert error.typename in names


def bundled(out: Path) -> dict[str, Path]:
    """Bundle every handler below `examples` into `out`; the JavaScript of each by `example/module`."""
    sources = [path for path in sorted(EXAMPLES.glob("*/*.ts")) if path.name != "stack.ts"]
    options = ["--bundle", "--platform=node", "--main-fields=module,main", "--keep-names", "--log-level=error"]
    command = [
        str(NODE / "node_modules" / ".bin" / "esbuild"),
        *map(str, sources),
        *options,
        f"--outdir={out}",
        f"--outbase={EXAMPLES}",
        f"--inject:{HERE / 'watched.mjs'}",
    ]
    variables = {**os.environ, "NODE_PATH": str(NODE / "node_modules")}
    subprocess.run(command, env=variables, check=True, timeout=120)
    names = [path.relative_to(EXAMPLES).with_suffix("") for path in sources]
    return {name.as_posix(): out / name.with_suffix(".js") for name in names}


class Environments:
    """The Node.js process; `end` stops it. `trusted` is the certificate of whom it may believe beside the usual."""

    def __init__(self, bundles: dict[str, Path], trusted: Path | None) -> None:
        self._bundles = bundles
        self._node = subprocess.Popen(
            ["node", str(HERE / "environments.mjs")],
            env={**os.environ, **QUIET, "AWS_REGION": REGION, "NODE_EXTRA_CA_CERTS": str(trusted or "")},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._node.stdout
        self._url = f"http://127.0.0.1:{int(self._node.stdout.readline())}"
        self._dies_after = 0
        self._calls: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        self.gone: list[int] = []  # environments that no test holds any more

    def end(self) -> None:
        self._node.kill()
        self._node.communicate()

    def load(self, module: str) -> "Environment":
        """A fresh environment of `example/module` with this process's variables. Raises `HandlerError`."""
        gone, self.gone = self.gone, []
        answer = self._ask("load", bundle=str(self._bundles[module]), variables=dict(os.environ), gone=gone)
        if "error" in answer:
            raise HandlerError(answer["error"])
        return Environment(self, answer["environment"])

    @contextmanager
    def watched(self, dies_after: int) -> Iterator[list[tuple[str, str]]]:
        """What leaves the functions meanwhile, as service and operation; die once the n-th was answered, if n > 0."""
        self._dies_after, self._calls = dies_after, []
        try:
            yield self._calls
        finally:
            self._dies_after, self._calls = 0, []

    def call(self, environment: int, handler: str, event: Any, context: Any) -> Any:
        """What a handler answers, its lines printed. Raises `HandlerError` and `Died`."""
        given = {
            "functionName": context.function_name,
            "functionVersion": context.function_version,
            "memoryLimitInMB": str(context.memory_limit_in_mb),
            "invokedFunctionArn": context.invoked_function_arn,
            "awsRequestId": context.aws_request_id,
            "remaining": context.get_remaining_time_in_millis(),
        }
        answer = self._ask(
            "call",
            environment=environment,
            handler=handler,
            event=event,
            context=given,
            now=time.time() * 1000,
            diesAfter=self._dies_after,
        )
        with self._lock:
            self._calls += [(SERVICES[service], operation) for service, operation in answer["calls"]]
        for line in answer["lines"]:
            print(line)  # noqa: T201
        if answer.get("died"):
            raise Died
        if "error" in answer:
            name, _, message = answer["error"].partition(": ")
            raise error_of(name)(message)
        return answer["answer"]

    def _ask(self, what: str, **given: Any) -> dict[str, Any]:
        request = urllib.request.Request(f"{self._url}/{what}", json.dumps(given).encode())
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


class Environment:
    """One execution environment: its handlers, called with an event and a context, and its errors are attributes."""

    def __init__(self, node: Environments, number: int) -> None:
        self._node, self._number = node, number
        weakref.finalize(self, lambda: node.gone.append(number)).atexit = False

    def __getattr__(self, name: str) -> Any:
        if name[0].isupper():
            return error_of(name)
        return lambda event, context: self._node.call(self._number, name, event, context)
