"""What the graders share: an answer's modules loaded as Lambda would, made-up failures, and complaints as a list."""

import importlib
import os
import signal
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import wraps
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from trials.local_aws import ACCOUNT, REGION, LocalAws

LONGEST = 120  # seconds for one answer; a busy machine takes a while even for a good one
Grade = Callable[[Path, LocalAws], list[str]]


class TooLong(BaseException):
    """The answer would go on for ever; its own `except Exception` must not stop this."""


class Missing(Exception):
    """A file or a name that the task asked for is not there."""


def graded(check: Callable[[Path, LocalAws], Iterator[str]]) -> Grade:
    """Make a grader of a function that yields complaints; whatever an answer raises is a complaint too."""

    @wraps(check)
    def grade(answer: Path, aws: LocalAws) -> list[str]:
        complaints: list[str] = []
        before = signal.signal(signal.SIGALRM, _expired)
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        try:
            complaints.extend(check(answer, aws))
        except (Exception, SystemExit, TooLong) as error:
            complaints.append(f"{type(error).__name__}: {error}")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            aws.clear_faults()
        return complaints

    return grade


def _expired(*_: Any) -> None:
    raise TooLong(f"not done after {LONGEST} s")


def text(answer: Path, name: str) -> str:
    """A file of the answer; raises `Missing`."""
    if not (answer / name).is_file():
        raise Missing(f"there is no {name}")
    return (answer / name).read_text()


class Environment:
    """An answer's modules; `load` gives a fresh copy, as a new execution environment does. `waits` are its sleeps."""

    def __init__(self, answer: Path) -> None:
        self.answer = answer
        self.waits: list[float] = []

    def load(self, module: str) -> Any:
        """Raises `Missing`, and what the module raises."""
        text(self.answer, f"{module}.py")
        self.forget()
        sys.modules.pop(module, None)  # another answer's or example's
        importlib.invalidate_caches()
        return importlib.import_module(module)

    def forget(self) -> None:
        own = {path.stem for path in self.answer.iterdir()}
        for name in [name for name in sys.modules if name.split(".")[0] in own]:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(f"{self.answer}{os.sep}"):
                del sys.modules[name]


@contextmanager
def environment(answer: Path, aws: LocalAws, **variables: str) -> Iterator[Environment]:
    """Where an answer's code runs: nothing of the caller's account, no real sleep, its output thrown away."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))}
    lambdas = {
        "AWS_ENDPOINT_URL": aws.function_endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_LAMBDA_FUNCTION_NAME": "under-test",
        "POWERTOOLS_SERVICE_NAME": "under-test",
    }
    here = Environment(answer)
    with (
        patch.dict(os.environ, kept | lambdas | variables, clear=True),
        patch.object(sys, "path", [str(answer), *sys.path]),
        patch("time.sleep", here.waits.append),
        warnings.catch_warnings(),
        redirect_stdout(StringIO()),
    ):
        warnings.simplefilter("ignore")
        try:
            yield here
        finally:
            here.forget()


@contextmanager
def beside(name: str, **members: Any) -> Iterator[None]:
    """A module that the task promised beside the answer, with these members."""
    module = ModuleType(name)
    vars(module).update(members)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        yield
    finally:  # not by patch.dict, which would also forget all that the answer imported
        del sys.modules[name]
        if before:
            sys.modules[name] = before


Call = Callable[[str, dict[str, Any], Callable[[], Any]], Any]


@contextmanager
def intercepted(answers: Call) -> Iterator[None]:
    """Every call of every AWS client of the answer goes to `answers(operation, parameters, really)`.

    A `ClientError` that it raises reaches the answer as the client's own exception for that code.
    """
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        try:
            return answers(operation, parameters, lambda: original(client, operation, parameters))
        except ClientError as error:
            own = client.exceptions.from_code(error.response["Error"]["Code"])
            raise own(error.response, operation) if own and not isinstance(error, own) else error from None

    with patch.object(BaseClient, "_make_api_call", call):
        yield


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def table(aws: LocalAws, **keys: str) -> str:
    """A new table; its keys by name and type, the partition key first."""
    name = unique("eval")
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()],
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, role in zip(keys, ("HASH", "RANGE"), strict=False)],
    )
    return name


def items(aws: LocalAws, name: str) -> list[dict[str, Any]]:
    """All items of a table, their values without types."""
    found = aws.client("dynamodb").get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
    return [
        {key: next(iter(value.values())) for key, value in item.items()} for page in found for item in page["Items"]
    ]


def queue(aws: LocalAws) -> str:
    url = aws.client("sqs").create_queue(QueueName=unique("eval"))["QueueUrl"]
    return str(url)


def messages(aws: LocalAws, url: str) -> list[str]:
    """The bodies of what waits in a queue, which is empty afterwards."""
    sqs, bodies = aws.client("sqs"), []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in found]
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def reported(answer: Any) -> list[str]:
    """The ids in a partial batch response; an empty or missing one means that everything is done."""
    return [each["itemIdentifier"] for each in (answer or {}).get("batchItemFailures", [])]
