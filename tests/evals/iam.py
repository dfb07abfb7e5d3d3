"""What policies allow: statements of templates with their ARNs filled in, asked for single requests."""

import fnmatch
from collections.abc import Iterator
from typing import Any

from trials.local_aws import ACCOUNT, REGION

ARNS = {
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::Kinesis::Stream": "arn:aws:kinesis:{region}:{account}:stream/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Scheduler::ScheduleGroup": "arn:aws:scheduler:{region}:{account}:schedule-group/{name}",
    "AWS::Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
}
NAMES = {  # the property that gives a resource a name of the template's choice
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Lambda::Function": "FunctionName",
}
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}


OTHER_ACTIONS = {  # where IAM's name is not the operation's
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "PublishBatch": "Publish",
    "HeadObject": "GetObject",
    "Invoke": "InvokeFunction",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
}
IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def requests(service: str, operation: str, parameters: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What IAM is asked for a call: the action, the physical id of the resource, and what follows it in the ARN."""
    if operation in ("TransactWriteItems", "TransactGetItems"):
        for item in parameters["TransactItems"]:
            for kind, of_one in item.items():
                yield f"dynamodb:{IN_TRANSACTIONS[kind]}", of_one["TableName"], ""
        return
    if operation in ("BatchWriteItem", "BatchGetItem"):
        yield from ((f"dynamodb:{operation}", table, "") for table in parameters["RequestItems"])
        return
    if service == "scheduler" and "Name" in parameters:
        group, name = parameters.get("GroupName", "default"), parameters["Name"]
        yield f"scheduler:{operation}", f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{group}/{name}", ""
        if "Target" in parameters:
            yield "iam:PassRole", parameters["Target"]["RoleArn"], ""
        return
    action = f"{service}:{OTHER_ACTIONS.get(operation, operation)}"
    for entry in parameters.get("Entries", []) if operation == "PutEvents" else []:
        yield action, entry.get("EventBusName", "default"), ""
    if operation == "CopyObject" and isinstance(parameters["CopySource"], dict):
        yield "s3:GetObject", parameters["CopySource"]["Bucket"], f"/{parameters['CopySource']['Key']}"
    for name in ("TableName", "QueueUrl", "TopicArn", "Bucket", "FunctionName", "StreamName", "stateMachineArn"):
        if name in parameters:
            index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
            is_object = "Key" in parameters and name == "Bucket"
            yield action, parameters[name], f"/{parameters['Key']}" if is_object else index


def arn(template: dict[str, Any], name: str) -> str:
    """The ARN of a resource whose physical name, unless it is given, were its logical id; a rule's is below its bus."""
    resource = template["Resources"].get(name, {})
    name = called(template, name)
    if resource.get("Type") == "AWS::Events::Rule" and "EventBusName" in resource["Properties"]:
        name = f"{resolved(template, resource['Properties']['EventBusName']).rsplit('/', 1)[-1]}/{name}"
    return ARNS.get(resource.get("Type", ""), "arn:aws:other:{region}:{account}:{name}").format(
        region=REGION, account=ACCOUNT, name=name
    )


def called(template: dict[str, Any], name: str) -> str:
    """The name that a template gives a resource, else its logical id."""
    resource = template["Resources"].get(name, {})
    given = resource.get("Properties", {}).get(NAMES.get(resource.get("Type", ""), ""))
    return str(resolved(template, given)) if given else name


def resolved(template: dict[str, Any], value: Any) -> Any:
    """A piece of a template, its intrinsic functions replaced as `arn` names things."""
    if isinstance(value, list):
        return [resolved(template, each) for each in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["Ref"]:
        name = value["Ref"]
        kind = template["Resources"].get(name, {}).get("Type", "")
        is_arn = kind.endswith(("::Topic", "::StateMachine"))
        return arn(template, name) if is_arn else PSEUDO.get(name, called(template, name))
    if list(value) == ["Fn::GetAtt"]:
        name, attribute = (
            value["Fn::GetAtt"] if isinstance(value["Fn::GetAtt"], list) else value["Fn::GetAtt"].split(".")
        )
        return arn(template, name) if attribute.endswith("Arn") else called(template, name)
    if list(value) == ["Fn::Sub"]:
        text, given = value["Fn::Sub"] if isinstance(value["Fn::Sub"], list) else (value["Fn::Sub"], {})
        for part in [piece.split("}")[0] for piece in text.split("${")[1:]]:
            source = given.get(part, {"Fn::GetAtt": part.split(".")} if "." in part else {"Ref": part})
            text = text.replace(f"${{{part}}}", str(resolved(template, source)))
        return text
    if list(value) == ["Fn::Join"]:
        separator, parts = value["Fn::Join"]
        return separator.join(map(str, resolved(template, parts)))
    return {key: resolved(template, each) for key, each in value.items()}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return listed(policy.get("Statement", []))


def allows(given: list[dict[str, Any]], action: str, resource: str, service: str = "", source: str = "") -> bool:
    """Whether these statements allow a request; an explicit Deny that applies wins.

    `service` is the calling service for a resource's policy, `source` its `aws:SourceArn`. Conditions on other keys are
    taken as met in an Allow and as not met in a Deny.
    """

    def applies(each: dict[str, Any]) -> bool:
        actions, resources = listed(each.get("Action", [])), listed(each.get("Resource", []))
        return (
            any(fnmatch.fnmatchcase(action.lower(), str(one).lower()) for one in actions)
            and any(fnmatch.fnmatchcase(resource, str(one)) for one in resources)
            and (not service or admits(each.get("Principal"), service))
        )

    def held(each: dict[str, Any]) -> bool:
        others = False
        for operator, keys in each.get("Condition", {}).items():
            for key, wanted in keys.items():
                if key.lower() == "aws:sourcearn" and source:
                    exact = operator.startswith("StringEquals")
                    matches = (
                        source == one if exact else fnmatch.fnmatchcase(source, str(one)) for one in listed(wanted)
                    )
                    if not any(matches):
                        return False
                else:
                    others = True
        return each["Effect"] == "Allow" or not others

    effects = {each["Effect"] for each in given if applies(each) and held(each)}
    return effects == {"Allow"}


def admits(principal: Any, service: str) -> bool:
    return principal == "*" or (isinstance(principal, dict) and service in listed(principal.get("Service", [])))


def assumed_by(role: dict[str, Any], service: str) -> bool:
    """Whether a role with these properties lets a service assume it."""
    given = statements(role.get("AssumeRolePolicyDocument", {}))
    letting = [one for one in given if "sts:AssumeRole" in listed(one.get("Action", [])) and one["Effect"] == "Allow"]
    return any(admits(one.get("Principal"), service) for one in letting)
