"""What sets something off and has no trials yet: each is a row with its reason, so that nothing vanishes."""

import re
from typing import Any

from trials.project.source import Kind, Source
from trials.template import Resource, logical_id

PASSIVE = (  # types that name a function without ever calling it
    "AWS::ApiGateway::Account",
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGatewayV2::Integration",
    "AWS::AppSync::",
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
    "AWS::ElasticLoadBalancingV2::TargetGroup": "a target that only deployment tells",
    "AWS::IoT::TopicRule": "there are no trials for IoT rules yet",
}
CUSTOM = "a custom resource: what CloudFormation asks of it is not tried"
ROUTE = "a way without a function: who gets what it passes on is not tried yet"
INTEGRATED = "an API's way into a service without a function whose one end in this template is not told"
MACHINE = "what starts a state machine is not tried yet"
NESTED = "a nested stack whose template is no file here: what it holds is not tried"
ENCRYPTED = "there are no trials for a sender of Cognito: its code is encrypted by a key that only an account has"
SOMETHING = "something elsewhere"
ELSEWHERE = "its function is not in this template"


def reason(kind: str) -> str:
    """Why a resource that refers to a function is not tried; empty for one that never calls it."""
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        return CUSTOM
    if kind.startswith(PASSIVE):
        return ""
    if "::" not in kind:
        return f"{kind} is no type of resource: CloudFormation refuses a template with it"
    return REASONS.get(kind, f"there are no trials for {kind} yet")


def way(name: str, target: Any, why: str = ROUTE) -> Source:
    """The row of what ends in something else than a function of this template."""
    return Source(Kind.OTHER, logical_id(target) or SOMETHING, name, why=why)


def alarm_actions(alarm: Resource) -> list[Any]:
    """What an alarm calls; its metrics name functions too, and call none."""
    return [alarm.written(key) for key in ("AlarmActions", "OKActions", "InsufficientDataActions")]


NEEDED = (  # what a reader supplies for a row that is not tried, by what its reason says
    (r"^there are no trials for|mapping of another service", "events/{file}.json, the event as it comes to {function}"),
    (r"is no type of resource", "{name} under the type that is meant, without which nothing of the template deploys"),
    (r"a custom resource", "events/{file}.json, what CloudFormation asks of {function}"),
    (
        r"into a service without a function|a way without a function|a pipe without",
        "a look in an account of yours: send one event",
    ),
    (r"isolated by tenant", "a REST API whose integration maps X-Amz-Tenant-Id, or a caller that names the tenant"),
    (r"state machine", "a look in an account of yours: start it once"),
    (r"not in this template", "the template that holds its function: name it and run again"),
    (r"nested stack", "the nested stack's template as a file, named by its path"),
    (r"a container image", "a trial of the image by yourself: images are not run here"),
    (r"only Python and Node.js", "a trial by yourself: its runtime is not run here"),
    (r"but its module is in", "the folder that its module is in, as CodeUri: `sam build` finds no other"),
    (
        r"is no folder here|no asset beside|is not built",
        "its code: build it first, so that the path in the template is a folder",
    ),
    (r"its source needs", "its code: build it first, so that the path in the template is a folder"),
    (r"its Makefile|make is not on PATH", "its code: run `sam build` and name .aws-sam/build/template.yaml"),
    (r"is a map", "a text for that variable, in place of the map"),
    (r"npm is not on PATH", "Node.js 20 or newer on PATH"),
    (r"npm|cannot be installed|esbuild failed", "its packages: a manifest and a lock that can be installed here"),
    (r"its condition", "parameters under [parameters] of trials.toml that meet the condition"),
    (r"macro|Fn::Transform", "the template as the macro makes it"),
    (r"not part of this template", "the template that makes it: name that and run again, or put both into one"),
    (r"", "a resource that the local AWS can make, or a trial in an account of yours"),
)


def needed(source: Source, why: str) -> str:
    """What would let a source be tried that was not: one line."""
    line = next(line for pattern, line in NEEDED if re.search(pattern, why))
    return line.format(name=source.name, file=source.file, function=source.function or "its function")
