"""Make a machine's call by the SDK, where the local AWS has the operation and its state machines do not know it."""

import json
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from trials.local_aws import LocalAws
from trials.template import as_dict

CALLED = {  # of the services that the local AWS has, those that a machine calls otherwise than boto3
    "sfn": "stepfunctions",
    "states": "stepfunctions",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
}
LACKED = ("InvalidAction", "UnknownOperationException", "NotImplemented")


@cache
def method_of(service: str, action: str) -> str:
    """The name under which boto3 has an action; empty if there is none."""
    model = botocore.session.Session().get_service_model(service)
    name = action.split(".")[0]
    name = name[:1].upper() + name[1:]
    return str(xform_name(name)) if name in model.operation_names else ""


def called(local: LocalAws, service: str, action: str, arguments: Any) -> tuple[Any, str, str] | None:
    """The answer of a service, or the name and the cause of its refusal; None where the local AWS lacks it too."""
    service = CALLED.get(service, service)
    if not (method := method_of(service, action)):
        return None
    given = {name: value for name, value in as_dict(arguments).items() if value is not None}
    try:
        answer = getattr(local.client(service), method)(**given)
    except ClientError as refused:
        code = refused.response["Error"]["Code"]
        spoken = local.client(service).meta.service_model.service_id.replace(" ", "")
        named = f"{spoken}.{code.removesuffix('Exception')}Exception"
        return None if code in LACKED else (None, named, str(refused))
    except BotoCoreError:
        return None
    told = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    return json.loads(json.dumps(told, default=str)), "", ""
