"""What sets something off and has no trials yet: each is a row with its reason, so that nothing vanishes."""

from typing import Any

from trials.project.source import Kind, Source
from trials.template import Resource, logical_id

PASSIVE = (  # types that name a function without ever calling it
    "AWS::ApiGateway::Account",
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApplicationAutoScaling::",
    "AWS::CDK::Metadata",
    "AWS::CloudWatch::",
    "AWS::EC2::",
    "AWS::IAM::",
    "AWS::KMS::",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
    "AWS::ResourceGroups::",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::Parameter",
    "AWS::Serverless::Connector",
    "AWS::Serverless::LayerVersion",
    "AWS::WAFv2::",
)
REASONS = {
    "AWS::ApiGateway::Authorizer": "an authorizer is not tried by itself",
    "AWS::ApiGatewayV2::Authorizer": "an authorizer is not tried by itself",
    "AWS::Cognito::UserPool": "there are no trials for Cognito triggers yet",
    "AWS::CodePipeline::Pipeline": "a step of a pipeline is not tried",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "there are no trials for load balancers yet",
    "AWS::IoT::TopicRule": "there are no trials for IoT rules yet",
    "AWS::Pipes::Pipe": "there are no trials for pipes yet",
}
CUSTOM = "a custom resource: what CloudFormation asks of it is not tried"
ROUTE = "a way without a function: who gets what it passes on is not tried yet"
MACHINE = "what starts a state machine is not tried yet"
NESTED = "a nested stack whose template is no file here: what it holds is not tried"
ELSEWHERE = "its function is not in this template"


def reason(kind: str) -> str:
    """Why a resource that refers to a function is not tried; empty for one that never calls it."""
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        return CUSTOM
    if kind.startswith(PASSIVE):
        return ""
    return REASONS.get(kind, f"there are no trials for {kind} yet")


def way(name: str, target: Any, why: str = ROUTE) -> Source:
    """The row of what ends in something else than a function of this template."""
    return Source(Kind.OTHER, logical_id(target) or "something elsewhere", name, why=why)


def alarm_actions(alarm: Resource) -> list[Any]:
    """What an alarm calls; its metrics name functions too, and call none."""
    return [alarm.written(key) for key in ("AlarmActions", "OKActions", "InsufficientDataActions")]
