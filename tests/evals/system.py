"""An answer that is a whole system: its tables, queues and topics on the local AWS, its functions in this process."""

import copy
import json
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

from botocore.client import BaseClient

from evals.harness import Environment, Missing, environment, items, messages, reported, text
from evals.iam import allows, arn, called, requests, resolved, statements
from support.handlers import Context, outputs, sqs_event, state, variables
from support.templates import findings, translated
from trials.local_aws import LocalAws, LocalAwsError, Stack
from trials.template import FUNCTIONS, Model, as_dict, listed, merged_properties, read_template, references


class System:
    """The template of an answer, deployed without its functions, which `call` runs as new environments do."""

    def __init__(self, answer: Path, aws: LocalAws, **parameters: str) -> None:
        if not (answer / "template.yaml").is_file():
            raise Missing("there is no template.yaml")
        self.answer, self.aws = answer, aws
        self.template = read_template(answer / "template.yaml")
        self.model = Model(self.template, answer / "template.yaml")
        self.stack = deployed(aws, state(unnotified(self.template)), parameters)
        shown = outputs(self.template, self.stack)
        self.variables = {  # what is not deployed, such as a function, is named by its ARN or its name as in `iam`
            function: {name: str(resolved(self.template, value)) for name, value in of_one.items()} | shown[function]
            for function, of_one in variables(self.template).items()
        }
        self.names = {called(self.template, name): name for name in self.template["Resources"]}  # by the end of an id
        self.names |= {last(physical): name for name, physical in self.stack.resources.items()}
        self.asked: set[tuple[str, str, str, str]] = set()  # function, action, resource, what follows it in the ARN

    def properties(self, name: str) -> dict[str, Any]:
        """Of a resource, with those of Globals; empty if there is none of that name."""
        resource = self.template["Resources"].get(name)
        return merged_properties(self.template, resource) if resource else {}

    @property
    def functions(self) -> list[str]:
        return [name for name, each in self.template["Resources"].items() if each["Type"] in FUNCTIONS]

    @contextmanager
    def running(self, function: str, **variables: str) -> Iterator[Any]:
        """A new environment of a function, as the callable that takes an event; `variables` replace its own."""
        whole = self.properties(function)
        if not whole:
            raise Missing(f"the template has no function {function}")
        module, _, handler = str(whole.get("Handler", "")).rpartition(".")
        folder = self.answer / str(whole.get("CodeUri", "."))
        known = self.variables.get(function, {}) | variables
        with environment(folder, self.aws, **known) as here:
            yield Invocation(here, module.replace("/", "."), handler, lambda *call: self._note(function, *call))

    def _note(self, function: str, service: str, operation: str, parameters: dict[str, Any]) -> None:
        for action, physical, rest in requests(service, operation, parameters):
            if physical.startswith("arn:aws:scheduler:"):
                head, group, schedule = physical.rsplit("/", 2)
                self.asked.add((function, action, "", f"{head}/{self.names.get(group, group)}/{schedule}"))
            elif name := self.names.get(last(physical)):
                self.asked.add((function, action, name, rest))

    def denied(self) -> Iterator[str]:
        """What was asked so far and the roles do not allow, by what SAM makes of the template."""
        template = self.translated()
        for function, action, name, rest in sorted(self.asked):
            properties = template["Resources"][function]["Properties"]
            role = properties["RoleArn"] if "RoleArn" in properties else properties["Role"]  # of a state machine
            given = granted(template, role["Fn::GetAtt"][0]) if "Fn::GetAtt" in role else []
            if not allows(given, action, (arn(template, name) if name else "") + rest):
                yield f"{function} may not {action} on {name or rest}"

    def translated(self) -> dict[str, Any]:
        """What SAM makes of the template."""
        with environment(self.answer, self.aws):  # SAM asks for the region
            return translated(self.answer / "template.yaml")

    def call(self, function: str, event: Any, **variables: str) -> Any:
        with self.running(function, **variables) as run:
            return run(event)

    def deliver(self, function: str, *bodies: str) -> list[str]:
        """The ids of the messages, `m-0` and so on, that stay in the queue: those it reports to who listens, or all."""
        batch = sqs_event(*bodies)
        mappings = [each for each in self.model.mappings if each.function and each.function.name == function]
        heard = any("ReportBatchItemFailures" in (each.only("FunctionResponseTypes") or []) for each in mappings)
        try:
            answer = self.call(function, batch)
            return reported(answer) if heard else []
        except Exception:
            return [record["messageId"] for record in batch["Records"]]

    def route(self, method: str, path: str) -> tuple[str, str, dict[str, str]]:
        """The function behind a route of an HTTP API, the route's key and what stands in the path. Raises `Missing`."""
        for event in self.model.events:
            own, wanted = str(event.only("Method") or "ANY").upper(), str(event.only("Path") or "")
            values = placed(wanted, path)
            if event.kind == "HttpApi" and own in (method, "ANY", "*") and values is not None:
                return event.owner.name, f"{own} {wanted}", values
        raise Missing(f"no route of an HTTP API is there for {method} {path}")

    def ask(self, method: str, path: str, body: Any = None, **context: Any) -> dict[str, Any]:
        """What an HTTP API answers; `context` is what an authorizer adds. It makes a 500 of what a function raises."""
        function, key, values = self.route(method, path)
        event = request(method, path, body, pathParameters=values, routeKey=key)
        event["requestContext"] |= context
        try:
            answer = self.call(function, event)
        except Exception:  # the answer's own
            return {"statusCode": 500, "body": "{}"}
        return dict(answer) if "statusCode" in answer else {"statusCode": 200, "body": json.dumps(answer)}

    def consumed_queue(self) -> tuple[str, str]:
        """The queue that a function consumes, and that function. Raises `Missing` unless there is just one."""
        found = [
            (each.source.name, each.function.name) for each in self.model.mappings if each.source and each.function
        ]
        queues = [(queue, function) for queue, function in found if self.kind(queue) == "AWS::SQS::Queue"]
        if len(queues) != 1:
            raise Missing(f"not one queue is consumed by a function, but {len(queues)}")
        return queues[0]

    def consumers(self, kind: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Source, function and properties of each mapping of a kind, such as SQS."""
        known = [(one.source, one.function, one.body) for one in self.model.mappings if one.kind == kind]
        return [(source.name, function.name, body) for source, function, body in known if source and function]

    def kind(self, name: str) -> str:
        return str(self.template["Resources"].get(name, {}).get("Type", ""))

    def of_kind(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of all resources of a type, by name."""
        return {name: self.properties(name) for name in self.template["Resources"] if self.kind(name) == kind}

    def alarms(self, namespace: str) -> list[dict[str, Any]]:
        return [each for each in self.of_kind("AWS::CloudWatch::Alarm").values() if each.get("Namespace") == namespace]

    def dead_letter_queues(self) -> set[str]:
        """The queues to which others redrive."""
        return {
            name for each in self.of_kind("AWS::SQS::Queue").values() for name in references(each.get("RedrivePolicy"))
        }

    def id(self, name: str) -> str:
        """The physical id of a resource: a queue's URL, a table's name, a topic's ARN. Raises `Missing`."""
        if name not in self.stack.resources:
            raise Missing(f"{name} is not deployed")
        return self.stack.resources[name]

    def items(self, table: str) -> list[dict[str, Any]]:
        return items(self.aws, self.id(table))

    def messages(self, queue: str) -> list[str]:
        return messages(self.aws, self.id(queue))


def granted(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """The statements of a role of a template that SAM has translated."""
    policies = [each["PolicyDocument"] for each in template["Resources"][role]["Properties"].get("Policies", [])]
    for resource in template["Resources"].values():
        of_roles = references(resource.get("Properties", {}).get("Roles"))
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy") and role in of_roles:
            policies.append(resource["Properties"]["PolicyDocument"])
    return [one for policy in resolved(template, policies) for one in statements(policy)]


def placed(template: str, path: str) -> dict[str, str] | None:
    """What stands in a path for the names of its template; None if they do not fit."""
    pattern = re.sub(r"\{(\w+)(\+?)\}", lambda name: f"(?P<{name[1]}>{'.+' if name[2] else '[^/]+'})", template)
    fits = re.fullmatch(pattern, path)
    return fits.groupdict() if fits else None


def last(physical: str) -> str:
    """What tells resources apart in URLs, ARNs and names alike."""
    return physical.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


LAST: WeakKeyDictionary[LocalAws, Stack] = WeakKeyDictionary()


def deployed(aws: LocalAws, template: dict[str, Any], parameters: dict[str, str]) -> Stack:
    """A new stack; if it cannot stand beside the one before, since a name in it is fixed, that one goes first."""
    try:
        stack = aws.create("answer", template, **parameters)
    except LocalAwsError:
        if aws not in LAST:
            raise
        aws.client("cloudformation").delete_stack(StackName=LAST.pop(aws).name)
        stack = aws.create("answer", template, **parameters)
    LAST[aws] = stack
    return stack


def unnotified(template: dict[str, Any]) -> dict[str, Any]:
    """Without what buckets tell functions, which are not deployed; or they would be left out with them."""
    copied = copy.deepcopy(template)
    for resource in copied["Resources"].values():
        if resource["Type"] == "AWS::S3::Bucket":
            as_dict(resource.get("Properties", {}).get("NotificationConfiguration")).pop("LambdaConfigurations", None)
            before = [name for name in listed(resource.pop("DependsOn", [])) if not is_of_lambda(copied, name)]
            resource |= {"DependsOn": before} if before else {}
    return copied


def is_of_lambda(template: dict[str, Any], name: str) -> bool:
    """Whether a resource is a function, or a permission of one."""
    return str(template["Resources"].get(name, {}).get("Type", "")).startswith(("AWS::Lambda::", *FUNCTIONS))


class Invocation:
    """A loaded function; `note` hears of each of its AWS calls."""

    def __init__(
        self, here: Environment, module: str, handler: str, note: Callable[[str, str, dict[str, Any]], None]
    ) -> None:
        self.waits, self._note = here.waits, note
        self._handler = getattr(here.load(module), handler)

    def __call__(self, event: Any) -> Any:
        original = BaseClient._make_api_call  # type: ignore[attr-defined]

        def noted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            self._note(client.meta.service_model.signing_name, operation, parameters)
            return original(client, operation, parameters)

        with patch.object(BaseClient, "_make_api_call", noted):
            return self._handler(event, Context())


class Killed(BaseException):
    """The environment of a function ended; the function's own `except Exception` must not hear of it."""


@contextmanager
def killable() -> Iterator[Callable[[], None]]:
    """A function that ends what this process is at, as a timeout does, when a stand-in's thread calls it."""

    def end(*_: Any) -> None:
        raise Killed

    before = signal.signal(signal.SIGUSR1, end)
    try:
        yield lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)


def said(answer: Path, *rules: str) -> Iterator[str]:
    """What cfn-lint and our rules, those that begin so or all, and SAM say about the template of an answer."""
    text(answer, "template.yaml")
    files = sorted(path for path in answer.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    whole = tuple((path, path.read_bytes()) for path in files)  # rules read the code as well
    yield from (each for each in _said(answer / "template.yaml", whole) if not rules or each.startswith(rules))


@lru_cache(maxsize=4)
def _said(template: Path, _: tuple[tuple[Path, bytes], ...]) -> list[str]:
    return findings(template)


def request(method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    """What an HTTP API hands to a function (payload 2.0); `more` are further fields, such as `headers`."""
    return (
        {
            "version": "2.0",
            "routeKey": f"{method} {path}",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"content-type": "application/json"},
            "requestContext": {"http": {"method": method, "path": path}, "requestId": "r-1"},
            "isBase64Encoded": False,
        }
        | ({"body": json.dumps(body)} if body is not None else {})
        | more
    )
