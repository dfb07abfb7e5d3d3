"""What IAM policies allow, decided by the policy evaluator of the local AWS (one account, no organization policies)."""

import atexit
import json
import subprocess
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from trials.local_aws import ACCOUNT, ENVIRONMENT, REGION, install

EVALUATE = """
from ministack.core.iam_evaluator import EvalContext, evaluate, evaluate_resource_policy, parse_policy_document

def answer(asked):
    return [decided(asked, request) for request in asked["requests"]]

def decided(asked, request):
    caller = "arn:aws:sts::000000000000:assumed-role/aws/service" if request["service"] else asked["principal"]
    context = EvalContext(
        caller, "AssumedRole", asked["account"], request["action"], request["resource"], asked["region"],
        secure_transport=request["context"].get("aws:SecureTransport", "true") == "true",
        service_context={key.lower(): value for key, value in request["context"].items()},
    )
    if request["service"]:
        result = evaluate_resource_policy(asked["policies"][0], context, service=request["service"])
    else:
        layers = [[parse_policy_document(each)] for each in asked["limits"]]
        result = evaluate(context, [parse_policy_document(each) for each in asked["policies"]], *layers)
    return result.decision
"""
ANSWERS = """
import json, sys
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
"""


@dataclass(frozen=True)
class Request:
    """One call: who makes it is the role, unless `service` names an AWS service, such as `sns.amazonaws.com`."""

    action: str
    resource: str
    context: dict[str, str] = field(default_factory=dict)
    service: str = ""


def decisions(policies: list[Any], requests: list[Request], limits: list[Any] | None = None) -> list[str]:
    """`Allow`, `Deny` (said so by a statement) or `ImplicitDeny` (by none) for each request.

    `policies` are the role's documents, or the one document of a resource; `limits` are permissions boundaries.
    """
    asked = {
        "principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/under-test/session",
        "account": ACCOUNT,
        "region": REGION,
        "policies": policies,
        "limits": limits or [],
        "requests": [asdict(request) for request in requests],
    }
    decided = ask(EVALUATE, asked)
    assert isinstance(decided, list)
    return decided


def ask(program: str, question: Any) -> Any:
    """What the `answer` of a program for MiniStack's Python returns; both are JSON."""
    process = _started(program)
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"no answer to {question}; why is on the standard error")
    return json.loads(line)


@cache
def _started(program: str) -> "subprocess.Popen[str]":
    """One for all questions of this process, since it takes a quarter of a second to start; it ends with its input."""
    if not ENVIRONMENT.exists():
        install()
    command = [str(ENVIRONMENT / "bin" / "python"), "-c", program + ANSWERS]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)
    return process


def resolved(value: Any, names: dict[str, str]) -> Any:
    """A piece of a template with its references filled in: `{"Ref": x}`, `Fn::GetAtt` and `${x}` in `Fn::Sub`.

    `names` has the value of each logical id, of each `Id.Attribute` and each pseudo parameter that occurs.
    """
    if isinstance(value, list):
        return [resolved(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref":
            return names[argument]
        if function == "Fn::GetAtt":
            return names[".".join(argument)]
        if function == "Fn::Sub":
            for name, text in names.items():
                argument = argument.replace(f"${{{name}}}", text)
            if "${" in argument:
                raise KeyError(argument)
            return argument
    return {key: resolved(inner, names) for key, inner in value.items()}
