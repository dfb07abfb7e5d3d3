"""One form for properties of deployed resources that SAM, CDK or two types of CloudFormation write differently."""

from collections.abc import Callable
from typing import Any


def table(properties: dict[str, Any]) -> dict[str, Any]:
    """A table of one region, whichever of its two types it has."""
    shaped = dict(properties)
    for replica in shaped.pop("Replicas", []):
        own = {index["IndexName"]: index for index in replica.get("GlobalSecondaryIndexes", [])}
        indexes = [{**index, **own[index["IndexName"]]} for index in shaped.get("GlobalSecondaryIndexes", [])]
        shaped |= {key: value for key, value in replica.items() if key != "Region"}
        shaped |= {"GlobalSecondaryIndexes": indexes} if indexes else {}
    encryption = shaped.get("SSESpecification", {})
    encryption.pop("SSEType", None)  # KMS is the only one
    if "StreamSpecification" in shaped:
        shaped["StreamSpecification"].setdefault("StreamEnabled", True)
        shaped["StreamSpecification"].pop("StreamEnabled")
    return shaped


def machine(properties: dict[str, Any]) -> dict[str, Any]:
    shaped = {
        k: v for k, v in properties.items() if k not in ("DefinitionS3Location", "DefinitionString", "Definition")
    }
    shaped.setdefault("StateMachineType", "STANDARD")
    return shaped


def nameless(properties: dict[str, Any]) -> dict[str, Any]:
    """A name that only tells a person what it is."""
    return {key: value for key, value in properties.items() if key != "Name"}


def enabled(properties: dict[str, Any]) -> dict[str, Any]:
    return {"State": "ENABLED", **properties}


def route(properties: dict[str, Any]) -> dict[str, Any]:
    return {"AuthorizationType": "NONE", **properties}


def encrypted(properties: dict[str, Any]) -> dict[str, Any]:
    """A key is named by its id or its ARN."""
    key = properties.get("KmsMasterKeyId")
    return {**properties, "KmsMasterKeyId": key.replace(".Arn>", ">")} if key else properties


def mapping(properties: dict[str, Any]) -> dict[str, Any]:
    """CDK writes the batch size that is Lambda's default."""
    return {"BatchSize": 100 if "StartingPosition" in properties else 10, **properties}


def permission(properties: dict[str, Any]) -> dict[str, Any]:
    """A function is named by its name or its ARN."""
    return {**properties, "FunctionName": properties["FunctionName"].replace(".Arn>", ">")}


def target(properties: dict[str, Any]) -> dict[str, Any]:
    """A rule, its targets without the ids that only tell them apart."""
    kept = [{key: value for key, value in each.items() if key != "Id"} for each in properties.get("Targets", [])]
    return {"State": "ENABLED", **properties, "Targets": kept}


def pair(first: str, second: str) -> Callable[[str, dict[str, Any]], str]:
    return lambda _, shaped: f"{shaped[first]} to {shaped[second]}".replace("<", "").replace(">", "")


SHAPES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "AWS::DynamoDB::GlobalTable": table,
    "AWS::DynamoDB::Table": table,
    "AWS::StepFunctions::StateMachine": machine,
    "AWS::ApiGatewayV2::Api": nameless,
    "AWS::ApiGatewayV2::Authorizer": nameless,
    "AWS::ApiGatewayV2::Route": route,
    "AWS::Events::Rule": target,
    "AWS::Scheduler::Schedule": enabled,
    "AWS::SQS::Queue": encrypted,
    "AWS::SNS::Topic": encrypted,
    "AWS::Lambda::EventSourceMapping": mapping,
    "AWS::Lambda::Permission": permission,
}
KEYS: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "AWS::Lambda::EventSourceMapping": pair("EventSourceArn", "FunctionName"),
    "AWS::Lambda::Permission": lambda _, shaped: f"{shaped['Principal']} to {shaped['FunctionName']}",
    "AWS::Lambda::EventInvokeConfig": lambda _, shaped: str(shaped["FunctionName"]),
    "AWS::SNS::Subscription": pair("TopicArn", "Endpoint"),
    "AWS::ApiGatewayV2::Route": lambda _, shaped: str(shaped["RouteKey"]),
    "AWS::ApiGatewayV2::Stage": lambda _, shaped: str(shaped["StageName"]),
    "AWS::ApiGatewayV2::Integration": lambda _, shaped: str(shaped["IntegrationUri"]),
    "AWS::ApiGatewayV2::Authorizer": lambda _, shaped: str(shaped["AuthorizerType"]),
}
