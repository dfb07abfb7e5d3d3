"""Handlers of the examples, loaded as Lambda would: in fresh environments, against what their template declares."""

import functools
import importlib
import json
import logging
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.environments import Died, Environments
from trials.local_aws import LocalAws, Stack
from trials.template import as_dict, merged_properties, read_template, references, without

COMPUTE = ("AWS::Serverless::", "AWS::Lambda::", "AWS::StepFunctions::")
WATCHING = ("AWS::CloudWatch::", "AWS::Logs::")  # with what refers to it a third of the resources; no handler sees it


@dataclass
class Context:
    """What Lambda passes beside the event. `remaining` is in milliseconds."""

    function_name: str = "under-test"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:under-test"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    log_group_name: str = "/aws/lambda/under-test"
    log_stream_name: str = "under-test"
    remaining: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


class Example:
    """One example on the local AWS: its state is deployed, its functions are called in this process.

    `environment()` gives a fresh copy of a module, as a new execution environment does. The event source mappings are
    left out, so nothing competes with the test for messages. With `node`, its functions are those in TypeScript.
    """

    def __init__(
        self,
        folder: Path,
        aws: LocalAws,
        monkeypatch: pytest.MonkeyPatch,
        parameters: dict[str, str],
        node: Environments | None = None,
    ) -> None:
        self.folder = folder
        self.aws = aws
        self.node = node
        template, body = _declared(folder / "template.yaml")
        self.stack = aws.create(f"{folder.name.replace('_', '-')}-state", body, **parameters)
        for of_one in outputs(template, self.stack).values():
            for name, value in of_one.items():
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.function_endpoint)
        monkeypatch.syspath_prepend(str(folder))

    def environment(self, module: str = "app") -> Any:
        """A fresh copy of `module` and of everything beside it; no other example's module of that name is left.

        Nor is the logger of an environment before, which holds that one's correlation id and writes to its output.
        """
        if self.node:
            return self.node.load(f"{self.folder.name}/{module}")
        logging.root.manager.loggerDict.pop(os.environ.get("POWERTOOLS_SERVICE_NAME", "service_undefined"), None)
        examples = f"{self.folder.parent}{os.sep}"
        for name in [name for name in sys.modules if "." not in name]:
            file = str(getattr(sys.modules[name], "__file__", None) or "")
            if file.startswith(examples) and file.count(os.sep, len(examples)) == 1:
                del sys.modules[name]
        return importlib.import_module(module)


@functools.cache
def _declared(template: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A template, and what is deployed of it."""
    read = read_template(template)
    return read, state(read)


def variables(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The environment variables of each function of a SAM template, `Globals` included, values unresolved."""

    return {
        name: as_dict(as_dict(merged_properties(template, resource).get("Environment")).get("Variables"))
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def state(template: dict[str, Any]) -> dict[str, Any]:
    """The template without its functions, state machines, alarms and logs, and without whatever refers to them.

    Its outputs are the functions' environment variables that remain resolvable.
    """
    unneeded = {name for name, each in template["Resources"].items() if each["Type"].startswith((*COMPUTE, *WATCHING))}
    resources = without(template, unneeded)["Resources"]
    parameters = template.get("Parameters", {})
    known = {*resources, *parameters}
    shown = {
        _output(function, name): {"Value": value}
        for function, of_one in variables(template).items()
        for name, value in of_one.items()
        if references(value) <= known
    }
    return {
        **{k: v for k, v in template.items() if k not in ("Globals", "Transform")},
        "Resources": resources,
        "Outputs": shown,
    }


def outputs(template: dict[str, Any], stack: Stack) -> dict[str, dict[str, str]]:
    """The variables of each function of a template whose `state` was deployed, as far as they could be resolved."""
    return {
        function: {name: stack.outputs[at] for name in of_one if (at := _output(function, name)) in stack.outputs}
        for function, of_one in variables(template).items()
    }


def _output(function: str, variable: str) -> str:
    return function + variable.replace("_", "")


def sqs_event(*bodies: str, receives: int = 1, handles: list[str] | None = None) -> dict[str, Any]:
    """An SQS batch as the event source mapping delivers it; `receives` is how often each message came so far."""
    return {
        "Records": [
            {
                "messageId": f"m-{index}",
                "receiptHandle": handles[index] if handles else f"handle-{index}",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": str(receives),
                    "SentTimestamp": "1795420100000",
                    "SenderId": "123456789012",
                    "ApproximateFirstReceiveTimestamp": "1795420100100",
                },
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:Orders",
                "awsRegion": "us-east-1",
            }
            for index, body in enumerate(bodies)
        ]
    }


def correlated(batch: dict[str, Any], *ids: str) -> dict[str, Any]:
    """The first messages of an SQS batch with correlation ids, as SNS (raw delivery) and SQS deliver attributes."""
    for record, correlation_id in zip(batch["Records"], ids, strict=False):
        record["messageAttributes"] = {"correlation_id": {"stringValue": correlation_id, "dataType": "String"}}
    return batch


def failed(answer: dict[str, Any]) -> list[str]:
    """The ids in a partial batch response."""
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def event(folder: Path) -> Any:
    """The example's own sample event."""
    return json.loads((folder / "event.json").read_text())


Handler = Callable[[dict[str, Any], Any], Any]
__all__ = [
    "Context",
    "Died",
    "Example",
    "Handler",
    "Stack",
    "correlated",
    "event",
    "failed",
    "references",
    "sqs_event",
    "state",
    "variables",
]
