"""What IAM policies allow, decided by the policy evaluator of the local AWS (one account, no organization policies)."""

import json
import subprocess
from dataclasses import asdict, dataclass, field
from typing import Any

from local_aws import ACCOUNT, ENVIRONMENT, REGION, install

EVALUATE = """
import json, sys
from ministack.core.iam_evaluator import EvalContext, evaluate, evaluate_resource_policy, parse_policy_document

asked = json.load(sys.stdin)
for request in asked["requests"]:
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
    print(result.decision)
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
    if not ENVIRONMENT.exists():
        install()
    asked = {
        "principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/under-test/session",
        "account": ACCOUNT,
        "region": REGION,
        "policies": policies,
        "limits": limits or [],
        "requests": [asdict(request) for request in requests],
    }
    command = [str(ENVIRONMENT / "bin" / "python"), "-c", EVALUATE]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    return done.stdout.split()


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
