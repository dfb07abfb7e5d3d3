"""Whether an event gets from its source to the function at all, read from the template: permissions and filters.

The trials hand events over as the source would; what would stop the source itself is judged here, by rule. A value that
only deployment tells stops nothing.
"""

import json
from collections.abc import Iterator
from typing import Any

from trials.project.sources import Kind, Reader, Source, as_dict
from trials.template import logical_id
from trials.verdicts import Judgement, Promise, broken

CALLERS = {  # resource types that call a function under its own policy, and as whom
    "AWS::Events::Rule": "events.amazonaws.com",
    "AWS::SNS::Subscription": "sns.amazonaws.com",
    "AWS::SNS::Topic": "sns.amazonaws.com",
    "AWS::S3::Bucket": "s3.amazonaws.com",
    "AWS::Logs::SubscriptionFilter": "logs.amazonaws.com",
    "AWS::ApiGateway::Method": "apigateway.amazonaws.com",
    "AWS::ApiGatewayV2::Route": "apigateway.amazonaws.com",
    "AWS::IoT::TopicRule": "iot.amazonaws.com",
    "AWS::Cognito::UserPool": "cognito-idp.amazonaws.com",
}
FILTER_KEYS = {  # what a record of each source has at its top, for a mapping's filter
    Kind.QUEUE: {"messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody", "eventSource"},
    Kind.STREAM: {"partitionKey", "sequenceNumber", "data", "approximateArrivalTimestamp", "kinesisSchemaVersion"},
    Kind.TABLE: {"eventID", "eventVersion", "eventName", "dynamodb", "awsRegion", "eventSource", "userIdentity"},
}
COMMON = {"$or", "eventSourceARN", "awsRegion"}


def wiring(reader: Reader, source: Source) -> Iterator[Judgement]:
    """What would keep every event of a source from its function, or a failed one from its dead-letter queue."""
    if source.kind is Kind.ROUTE:
        return  # its receiver's policy is a rule's: E9304
    yield from filtered_out(source)
    name = source.name.split(".")[0]
    resource = as_dict(reader.resources.get(name))
    kind = str(resource.get("Type"))
    principal = CALLERS.get(kind)
    by_role = any(as_dict(each).get("RoleArn") for each in listed(as_dict(resource.get("Properties")).get("Targets")))
    if principal and not by_role and not may_invoke(reader, source.function, principal):
        text = (
            f"no AWS::Lambda::Permission lets {principal} invoke {source.function}: nothing that {name} sends arrives"
        )
        yield broken(Promise.DENIED, text)
    if kind == "AWS::Scheduler::Schedule":
        yield from schedule(reader, name, as_dict(as_dict(resource.get("Properties")).get("Target")))


def filtered_out(source: Source) -> Iterator[Judgement]:
    """A filter pattern whose top-level key no record of its source has."""
    known = FILTER_KEYS.get(source.kind)
    patterns = [pattern for pattern in map(parsed, source.batching.filters) if pattern is not None]
    if not known or not patterns or len(patterns) < len(source.batching.filters):
        return
    strange = [sorted(set(pattern) - known - COMMON) for pattern in patterns]
    if all(strange):
        text = f"its own mapping's filter lets no record through: a record of a {source.kind} has no {strange[0][0]!r}"
        yield broken(Promise.LOST, f"{text} at its top, but {', '.join(sorted(known)[:4])} and so on")


def parsed(pattern: Any) -> dict[str, Any] | None:
    try:
        found = json.loads(pattern) if isinstance(pattern, str) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def may_invoke(reader: Reader, function: str, principal: str) -> bool:
    """Whether a permission of the template may be for this caller, or one stands where the template does not tell."""
    for resource in reader.resources.values():
        if as_dict(resource).get("Type") != "AWS::Lambda::Permission":
            continue
        properties = as_dict(resource.get("Properties"))
        given = properties.get("Principal")
        named = reader.function(properties.get("FunctionName"))
        if named in (function, "") and (not isinstance(given, str) or given in (principal, "*")):
            return True
    return False


def schedule(reader: Reader, name: str, target: dict[str, Any]) -> Iterator[Judgement]:
    """A schedule sends what it cannot deliver under its own role, whatever the queue's policy says."""
    queue = logical_id(as_dict(target.get("DeadLetterConfig")).get("Arn"))
    role = as_dict(reader.resources.get(logical_id(target.get("RoleArn"))))
    if not queue or role.get("Type") != "AWS::IAM::Role":
        return
    if allows(reader, logical_id(target.get("RoleArn")), "sqs:SendMessage", queue) is False:
        text = f"the role of {name} may not send to {queue}: what the schedule cannot deliver is gone"
        yield broken(Promise.DENIED, f"{text}; the queue's policy does not help, Scheduler sends under the role")


def allows(reader: Reader, role: str, action: str, resource: str) -> bool | None:
    """Whether a role's policies in the template allow an action on a resource; None where they cannot be read whole."""
    properties = as_dict(as_dict(reader.resources.get(role)).get("Properties"))
    if properties.get("ManagedPolicyArns"):
        return None
    documents = [as_dict(each).get("PolicyDocument") for each in properties.get("Policies") or []]
    for each in reader.resources.values():
        if each.get("Type") in ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy"):
            attached = as_dict(each.get("Properties"))
            if role in (logical_id(attached.get("RoleName")), *map(logical_id, attached.get("Roles") or [])):
                documents.append(attached.get("PolicyDocument"))
    statements = [one for document in documents for one in listed(as_dict(document).get("Statement"))]
    return any(grants(statement, action, resource) for statement in statements)


def grants(statement: Any, action: str, resource: str) -> bool:
    """Whether one statement may allow it; what is no literal may."""
    if not isinstance(statement, dict) or "Fn::If" in statement:
        return True
    if statement.get("Effect") != "Allow":
        return False
    service = action.split(":")[0]
    actions = [str(each).lower() for each in listed(statement.get("Action"))]
    if not any(each in ("*", f"{service}:*", action.lower()) or each.endswith("send*") for each in actions):
        return False
    reach = listed(statement.get("Resource"))
    return any(not isinstance(each, dict) or logical_id(each) in (resource, "") for each in reach)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
