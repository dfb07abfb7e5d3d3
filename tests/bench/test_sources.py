"""What sets something off: every form that AWS has ends as a source with a kind, or as a row that says why not."""
# ruff: noqa: E501, a resource of a template is easier to read on one line

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from trials.project import Kind, read, sources
from trials.project.accounted import ENCRYPTED, needed
from trials.project.callers import piped, triggered
from trials.project.sources import Batching, Route, Source
from trials.samples.made import made
from trials.template import read_template

ROOT = Path(__file__).resolve().parents[2]


def template(tmp_path: Path, text: str) -> dict[str, Any]:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return read_template(path)


def listed(tmp_path: Path, resources: str) -> list[Source]:
    return sources(template(tmp_path, "Resources:\n" + resources), tmp_path)


WORK = "  Work: { Type: AWS::Lambda::Function, Properties: { Runtime: python3.14 } }\n"
PLAIN = f"""
{WORK}
  Jobs: {{ Type: AWS::SQS::Queue }}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {{ EventSourceArn: !GetAtt Jobs.Arn, FunctionName: !Ref Work, BatchSize: 5 }}
  Told: {{ Type: AWS::SNS::Topic }}
  Heard:
    Type: AWS::SNS::Subscription
    Properties: {{ TopicArn: !Ref Told, Protocol: lambda, Endpoint: !GetAtt Work.Arn }}
  Placed:
    Type: AWS::Events::Rule
    Properties: {{ EventPattern: {{ source: [shop] }}, Targets: [{{ Id: a, Arn: !GetAtt Work.Arn }}] }}
  Nightly:
    Type: AWS::Scheduler::Schedule
    Properties: {{ ScheduleExpression: rate(1 day), Target: {{ Arn: !GetAtt Work.Arn }} }}
"""


def test_sources_are_found_in_plain_cloudformation(tmp_path: Path) -> None:
    found = {(each.kind, each.origin, each.function) for each in listed(tmp_path, PLAIN)}

    assert found == {
        (Kind.QUEUE, "Jobs", "Work"),
        (Kind.TOPIC, "Told", "Work"),
        (Kind.BUS, "", "Work"),
        (Kind.SCHEDULE, "", "Work"),
    }


@pytest.mark.parametrize(
    ("example", "kinds"),
    [
        ("queue_worker", {Kind.QUEUE: 1}),
        ("event_router", {Kind.BUS: 1}),
        ("stream_processor", {Kind.STREAM: 1}),
        ("rest_api", {Kind.HTTP: 1}),
        ("fan_out", {Kind.QUEUE: 3}),
        ("event_store", {Kind.TABLE: 1}),
        ("saga", {Kind.TASK: 4}),
    ],
)
def test_every_source_of_an_example_is_found(example: str, kinds: dict[Kind, int]) -> None:
    """At least these; an example may grow."""
    found = read(ROOT / "examples" / example, "http://127.0.0.1:9")
    counted = Counter(each.kind for each in found.sources)

    assert {kind: counted[kind] >= number for kind, number in kinds.items()} == dict.fromkeys(kinds, True)
    assert found.left_out == {}


SAM = """
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.14
      Events:
        E: { Type: %s, Properties: { %s } }
  Origin: { Type: T }
"""


@pytest.mark.parametrize(
    ("kind", "properties", "shown"),
    [
        ("SQS", "Queue: !GetAtt Origin.Arn", "queue Origin"),
        ("Kinesis", "Stream: !GetAtt Origin.Arn", "stream Origin"),
        ("DynamoDB", "Stream: !GetAtt Origin.StreamArn", "table Origin"),
        ("SNS", "Topic: !Ref Origin", "topic Origin"),
        ("EventBridgeRule", "EventBusName: !Ref Origin, Pattern: { source: [a] }", "bus Origin"),
        ("CloudWatchEvent", "Pattern: { source: [a] }", "bus Work.E"),
        ("Schedule", "Schedule: rate(1 day)", "schedule Work.E"),
        ("ScheduleV2", "ScheduleExpression: rate(1 day)", "schedule Work.E"),
        ("Api", "Path: /a, Method: get", "http GET /a"),
        ("HttpApi", "Path: /a, Method: post", "http POST /a"),
        ("HttpApi", "TimeoutInMillis: 100", "http ANY /{proxy+}"),
        ("S3", "Bucket: !Ref Origin, Events: s3:ObjectCreated:*", "bucket Origin"),
        ("CloudWatchLogs", "LogGroupName: !Ref Origin", "logs Origin"),
        ("SNS", "Topic: !Ref Origin, SqsSubscription: true", "SNS through a queue that SAM makes"),
        ("Cognito", "UserPool: !Ref Origin, Trigger: PreSignUp", "direct Work.E"),
        ("Cognito", "UserPool: !Ref Origin, Trigger: UserMigration", "direct Work.E"),
        ("Cognito", "UserPool: !Ref Origin, Trigger: CustomSMSSender", ENCRYPTED),
        ("IoTRule", "Sql: SELECT *", "there are no trials for IoTRule yet"),
        ("AlexaSkill", "SkillId: x", "there are no trials for AlexaSkill yet"),
        ("MSK", "Stream: x", "direct Work.E"),
        ("MQ", "Broker: x", "direct Work.E"),
        ("SelfManagedKafka", "Topics: [a]", "direct Work.E"),
        ("DocumentDB", "Cluster: x", "there are no trials for DocumentDB yet"),
        ("SomethingNew", "X: y", "there are no trials for SomethingNew yet"),
    ],
)
def test_every_event_of_sam_is_a_source_or_says_why_not(tmp_path: Path, kind: str, properties: str, shown: str) -> None:
    (found,) = listed(tmp_path, SAM % (kind, properties))

    assert found.function == "Work"
    assert found.why == shown if found.kind is Kind.OTHER else str(found) == f"{shown} → Work"


UNTYPED = """
  Work: { Type: AWS::Serverless::Function, Properties: { Runtime: python3.14 } }
  Rule: { Type: AWS-Events, Properties: { Targets: [{ Arn: !GetAtt Work.Arn }] } }
"""


def test_a_resource_of_no_type_is_told_as_what_cloudformation_refuses(tmp_path: Path) -> None:
    found = next(each for each in listed(tmp_path, UNTYPED) if each.name == "Rule")

    assert found.why == "AWS-Events is no type of resource: CloudFormation refuses a template with it"
    assert (
        needed(found, found.why) == "Rule under the type that is meant, without which nothing of the template deploys"
    )


ARN = "!GetAtt Work.Arn"
INVOKED = '!Sub "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Work.Arn}/invocations"'
ALIAS = "  Live: { Type: AWS::Lambda::Alias, Properties: { FunctionName: !Ref Work, Name: live } }\n"
REST = "  Api: { Type: AWS::ApiGateway::RestApi, Properties: {} }\n"
HTTP = "  Api: { Type: AWS::ApiGatewayV2::Api, Properties: { ProtocolType: HTTP } }\n"


@pytest.mark.parametrize(
    ("resources", "shown"),
    [
        (f"  U: {{ Type: AWS::Lambda::Url, Properties: {{ TargetFunctionArn: {ARN} }} }}", "http ANY /"),
        (
            f"""{REST}
  Orders: {{ Type: AWS::ApiGateway::Resource, Properties: {{ ParentId: !GetAtt Api.RootResourceId, PathPart: orders }} }}
  One: {{ Type: AWS::ApiGateway::Resource, Properties: {{ ParentId: !Ref Orders, PathPart: "{{id}}" }} }}
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      {{ HttpMethod: GET, RestApiId: !Ref Api, ResourceId: !Ref One, Integration: {{ Type: AWS_PROXY, Uri: {INVOKED} }} }}
""",
            "http GET /orders/{id}",
        ),
        (
            f"""{HTTP}
  I: {{ Type: AWS::ApiGatewayV2::Integration, Properties: {{ IntegrationType: AWS_PROXY, IntegrationUri: {ARN} }} }}
  R: {{ Type: AWS::ApiGatewayV2::Route, Properties: {{ ApiId: !Ref Api, RouteKey: POST /a, Target: !Sub "integrations/${{I}}" }} }}
""",
            "http POST /a",
        ),
        (
            f"""
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body:
        paths: {{ /a: {{ put: {{ x-amazon-apigateway-integration: {{ type: aws_proxy, uri: {INVOKED} }} }} }} }}
""",
            "http PUT /a",
        ),
        (
            f"{ALIAS}  R: {{ Type: AWS::Events::Rule, Properties: {{ EventPattern: {{ source: [a] }}, "
            "Targets: [{ Id: a, Arn: !Ref Live }] } }",
            "bus R",
        ),
        (
            f"  T: {{ Type: AWS::SNS::Topic, Properties: {{ Subscription: [{{ Protocol: lambda, Endpoint: {ARN} }}] }} }}",
            "topic T",
        ),
        (
            "  B: { Type: AWS::S3::Bucket, Properties: { NotificationConfiguration: "
            f"{{ LambdaConfigurations: [{{ Event: 's3:ObjectCreated:*', Function: {ARN} }}] }} }} }}",
            "bucket B",
        ),
        (
            f"  L: {{ Type: AWS::Logs::SubscriptionFilter, Properties: {{ LogGroupName: /x, DestinationArn: {ARN} }} }}",
            "logs L",
        ),
        ("", "direct Work"),
    ],
    ids=["url", "rest", "http", "openapi", "alias", "inline", "bucket", "logs", "direct"],
)
def test_every_form_that_calls_a_function_is_a_source(tmp_path: Path, resources: str, shown: str) -> None:
    (found,) = listed(tmp_path, WORK + resources)

    assert str(found) == f"{shown} → Work"
    assert found.why == ""


RESPONSE = """
  Told: { Type: AWS::ApiGatewayV2::RouteResponse, Properties: { ApiId: !Ref Api, RouteId: !Ref R, RouteResponseKey: $default } }
"""


@pytest.mark.parametrize(
    ("key", "more", "unheard"),
    [("$connect", "", False), ("$disconnect", "", True), ("say", "", True), ("say", RESPONSE, False)],
)
def test_a_websocket_s_route_is_no_http_request(tmp_path: Path, key: str, more: str, unheard: bool) -> None:
    """Without a response of its own nobody gets what its function returns; `$connect` is refused by its status."""
    text = f"""{WORK}{HTTP.replace("HTTP", "WEBSOCKET")}
  I: {{ Type: AWS::ApiGatewayV2::Integration, Properties: {{ IntegrationType: AWS_PROXY, IntegrationUri: {ARN} }} }}
  R: {{ Type: AWS::ApiGatewayV2::Route, Properties: {{ ApiId: !Ref Api, RouteKey: {key}, Target: !Sub "integrations/${{I}}" }} }}
{more}"""
    (found,) = listed(tmp_path, text)

    assert found.route == Route("", key, websocket=True, unheard=unheard)
    assert str(found) == f"http {key} → Work"


UNTRIED = {
    "Pool": f"AWS::Cognito::UserPool, Properties: {{ LambdaConfig: {{ CustomSMSSender: {{ LambdaArn: {ARN} }} }} }}",
    "Rule": f"AWS::IoT::TopicRule, Properties: {{ TopicRulePayload: {{ Actions: [{{ Lambda: {{ FunctionArn: {ARN} }} }}] }} }}",
    "Release": "AWS::CodePipeline::Pipeline, Properties: { Stages: [{ Actions: [{ Configuration: { FunctionName: !Ref Work } }] }] }",
    "Made": f"Custom::Thing, Properties: {{ ServiceToken: {ARN} }}",
    "Made2": f"AWS::CloudFormation::CustomResource, Properties: {{ ServiceToken: {ARN} }}",
    "Rotation": f"AWS::SecretsManager::RotationSchedule, Properties: {{ RotationLambdaARN: {ARN} }}",
    "Mail": f"AWS::SES::ReceiptRule, Properties: {{ Rule: {{ Actions: [{{ LambdaAction: {{ FunctionArn: {ARN} }} }}] }} }}",
    "Checked": f"AWS::Config::ConfigRule, Properties: {{ Source: {{ Owner: CUSTOM_LAMBDA, SourceIdentifier: {ARN} }} }}",
    "Edge": "AWS::CloudFront::Distribution, Properties: { X: { LambdaFunctionARN: !Ref Work } }",
    "Rings": f"AWS::CloudWatch::Alarm, Properties: {{ AlarmActions: [{ARN}] }}",
    "Unknown": f"AWS::Some::Thing, Properties: {{ Calls: {ARN} }}",
    "Documents": f"AWS::Lambda::EventSourceMapping, Properties: {{ FunctionName: {ARN}, DocumentDBEventSourceConfig: {{}} }}",
    "Nested": f"AWS::CloudFormation::Stack, Properties: {{ Parameters: {{ Function: {ARN} }} }}",
}


@pytest.mark.parametrize("name", UNTRIED)
def test_whatever_else_calls_a_function_is_a_row_that_says_why_it_is_not_tried(tmp_path: Path, name: str) -> None:
    (found,) = listed(tmp_path, f"{WORK}  {name}: {{ Type: {UNTRIED[name]} }}")

    assert (found.kind, found.function) == (Kind.OTHER, "Work")
    assert found.why


@pytest.mark.parametrize(
    "resource",
    [
        f"AWS::Lambda::Permission, Properties: {{ FunctionName: {ARN}, Principal: s3.amazonaws.com }}",
        "AWS::CloudWatch::Alarm, Properties: { Dimensions: [{ Name: FunctionName, Value: !Ref Work }] }",
        "AWS::CloudWatch::Dashboard, Properties: { DashboardBody: !Ref Work }",
        f"AWS::IAM::Policy, Properties: {{ Resource: {ARN} }}",
        "AWS::Logs::LogGroup, Properties: { LogGroupName: !Sub '/aws/lambda/${Work}' }",
        "AWS::Lambda::Version, Properties: { FunctionName: !Ref Work }",
        "AWS::Lambda::EventInvokeConfig, Properties: { FunctionName: !Ref Work, MaximumRetryAttempts: 0 }",
    ],
)
def test_what_only_names_a_function_is_no_source(tmp_path: Path, resource: str) -> None:
    (found,) = listed(tmp_path, f"{WORK}  Other: {{ Type: {resource} }}")

    assert found.kind is Kind.DIRECT


@pytest.mark.parametrize("called", ["", "Work"])
def test_a_durable_function_is_a_source_as_others_are(tmp_path: Path, called: str) -> None:
    durable = WORK.replace("Runtime: python3.14", "DurableConfig: { ExecutionTimeout: 60 }")
    rule = "  Nightly: { Type: AWS::Events::Rule, Properties: { Targets: [{ Id: W, Arn: !GetAtt Work.Arn }] } }\n"
    (found,) = listed(tmp_path, durable + (rule if called else ""))

    assert (found.kind, found.function, found.durable) == (Kind.SCHEDULE if called else Kind.DIRECT, "Work", True)


@pytest.mark.parametrize(
    ("authorizer", "type_", "version"),
    [
        (f"AWS::ApiGateway::Authorizer, Properties: {{ Type: TOKEN, AuthorizerUri: {INVOKED} }}", "TOKEN", None),
        (f"AWS::ApiGateway::Authorizer, Properties: {{ Type: REQUEST, AuthorizerUri: {INVOKED} }}", "REQUEST", None),
        (f"AWS::ApiGatewayV2::Authorizer, Properties: {{ AuthorizerUri: {INVOKED} }}", "REQUEST", "1.0"),
        (
            f"AWS::ApiGatewayV2::Authorizer, Properties: {{ AuthorizerPayloadFormatVersion: '2.0', AuthorizerUri: {INVOKED} }}",
            "REQUEST",
            "2.0",
        ),
        (
            f"AWS::Serverless::Api, Properties: {{ Auth: {{ Authorizers: {{ A: {{ FunctionArn: {ARN} }} }} }} }}",
            "TOKEN",
            None,
        ),
        (
            f"AWS::Serverless::HttpApi, Properties: {{ Auth: {{ Authorizers: {{ A: {{ FunctionArn: {ARN} }} }} }} }}",
            "REQUEST",
            "2.0",
        ),
    ],
)
def test_an_authorizer_is_given_a_caller_in_the_form_of_its_api(
    tmp_path: Path, authorizer: str, type_: str, version: str | None
) -> None:
    (found,) = listed(tmp_path, f"{WORK}  Guard: {{ Type: {authorizer} }}")
    event = made({"Resources": {}}, found).payload

    assert (found.kind, found.function) == (Kind.DIRECT, "Work")
    assert (event["type"], event.get("version")) == (type_, version)


AFTER = f"AWS::Lambda::EventInvokeConfig, Properties: {{ FunctionName: x, DestinationConfig: {{ %s: {{ Destination: {ARN} }} }} }}"
BEHIND = f"AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {{ TargetType: lambda, Targets: [{{ Id: {ARN} }}] }}"
LATTICE = f"AWS::VpcLattice::TargetGroup, Properties: {{ Type: LAMBDA, %sTargets: [{{ Id: {ARN} }}] }}"
LATER = LATTICE % "Config: { LambdaEventStructureVersion: V2 }, "
UPLOADS = (
    f"AWS::Transfer::Workflow, Properties: {{ Steps: [{{ Type: CUSTOM, CustomStepDetails: {{ Target: {ARN} }} }}] }}"
)
STEP = "{ name: invoke, action: 'aws:invokeLambdaFunction', inputs: { FunctionName: !Ref Work, Payload: '%s' } }"
RUNBOOK = "AWS::SSM::Document, Properties: { DocumentType: Automation, Content: { mainSteps: [%s] } }"
RUN = RUNBOOK % STEP % '{ "rows": { "mail": "{{ Email }}", "at": "from {{ Name }} on" } }'
PIPE = f"AWS::Pipes::Pipe, Properties: {{ Source: x, %s: {ARN} }}"
HOSE = f"AWS::KinesisFirehose::DeliveryStream, Properties: {{ X: [{{ ParameterValue: {ARN} }}] }}"
KAFKA = f"AWS::Lambda::EventSourceMapping, Properties: {{ FunctionName: {ARN}, Topics: [a], SelfManagedEventSource: {{ X: y }} }}"
ORIGIN = (
    f"  Graph: {{ Type: AWS::AppSync::DataSource, Properties: {{ LambdaConfig: {{ LambdaFunctionArn: {ARN} }} }} }}\n"
)
FIELD = "AWS::AppSync::Resolver, Properties: { TypeName: Query, FieldName: order, DataSourceName: !GetAtt Graph.Name }"
NOT_PROXY = f"AWS::ApiGateway::Method, Properties: {{ HttpMethod: POST, Integration: {{ Type: AWS, Uri: {INVOKED} }} }}"
FEDERATED = f"AWS::Cognito::UserPool, Properties: {{ LambdaConfig: {{ InboundFederation: {{ LambdaVersion: V1_0, LambdaArn: {ARN} }} }} }}"
POOL = f"AWS::Cognito::UserPool, Properties: {{ LambdaConfig: {{ PostConfirmation: {ARN} }} }}"


@pytest.mark.parametrize(
    ("condition", "path"),
    [
        ("PathPatternConfig: { Values: [/orders/*] }", "/orders/trial"),
        ("Values: [!Ref Where]", "/hello"),
        ("Values: [!Ref Unknown]", "/"),
    ],
)
def test_a_load_balancer_s_rule_tells_the_path_of_its_request(condition: str, path: str, tmp_path: Path) -> None:
    rule = (
        "Actions: [{ Type: forward, TargetGroupArn: !Ref Asks }], "
        f"Conditions: [{{ Field: path-pattern, {condition} }}]"
    )
    rest = f"""  Asks: {{ Type: {BEHIND} }}
  Rule: {{ Type: AWS::ElasticLoadBalancingV2::ListenerRule, Properties: {{ {rule} }} }}
Parameters: {{ Where: {{ Type: String, Default: /hello }} }}
"""
    (found,) = listed(tmp_path, f"{WORK}{rest}")

    assert json.loads(found.given)["path"] == path


@pytest.mark.parametrize(
    ("engine", "origin"),
    [("ACTIVEMQ", "aws:mq"), ("ActiveMQ", "aws:mq"), ("RABBITMQ", "aws:rmq"), ("RabbitMQ", "aws:rmq")],
)
def test_an_engine_of_amazon_mq_is_known_however_it_is_written(engine: str, origin: str, tmp_path: Path) -> None:
    broker = f"  Broker: {{ Type: AWS::AmazonMQ::Broker, Properties: {{ EngineType: {engine} }} }}"
    (found,) = listed(tmp_path, SAM % ("MQ", "Broker: !GetAtt Broker.Arn") + broker)

    assert json.loads(found.given)["eventSource"] == origin


GRAPH = f"""  Graph:
    Type: AWS::Serverless::GraphQLApi
    Properties:
      DataSources: {{ Lambda: {{ Orders: {{ FunctionArn: {ARN} }}, Unused: {{ FunctionArn: {ARN} }} }} }}
      Functions: {{ ask: {{ DataSource: Orders }}, other: {{ DataSource: None }} }}
      Resolvers: {{ Query: {{ none: {{ Pipeline: [other] }}, order: {{ Pipeline: [other, ask] }} }} }}
"""


def test_each_function_behind_a_graph_of_sam_is_a_source_asked_for_the_field_that_leads_to_it(tmp_path: Path) -> None:
    found = listed(tmp_path, WORK + GRAPH)

    assert [(each.name, each.kind, json.loads(each.given)["info"]["fieldName"]) for each in found] == [
        ("Graph.Query.order", Kind.DIRECT, "order"),
        ("Graph.Query.Unused", Kind.DIRECT, "Unused"),
    ]


def token(version: str = "") -> str:
    """A pool's trigger before a token is made, of a version; both properties then name one trigger."""
    newer = f", PreTokenGenerationConfig: {{ LambdaVersion: {version}, LambdaArn: {ARN} }}" if version else ""
    return f"AWS::Cognito::UserPool, Properties: {{ LambdaConfig: {{ PreTokenGeneration: {ARN}{newer} }} }}"


def test_a_trigger_before_there_is_a_user_tells_of_none() -> None:
    for trigger in ("UserMigration", "InboundFederation"):
        assert "userAttributes" not in json.loads(triggered(trigger))["request"]
    assert "userAttributes" in json.loads(triggered("PostConfirmation"))["request"]
    assert "scopes" not in json.loads(triggered("PreTokenGeneration"))["request"]


def test_each_trigger_of_one_event_of_sam_is_a_source(tmp_path: Path) -> None:
    found = listed(tmp_path, SAM % ("Cognito", "UserPool: !Ref Origin, Trigger: [PreSignUp, PostConfirmation]"))

    assert [(each.name, json.loads(each.given)["triggerSource"]) for each in found] == [
        ("Work.E.PreSignUp", "PreSignUp_SignUp"),
        ("Work.E.PostConfirmation", "PostConfirmation_ConfirmSignUp"),
    ]


@pytest.mark.parametrize(
    ("resource", "key", "value"),
    [
        (AFTER % "OnSuccess", ("requestContext", "condition"), "Success"),
        (AFTER % "OnFailure", ("requestContext", "condition"), "RetriesExhausted"),
        (POOL, ("triggerSource",), "PostConfirmation_ConfirmSignUp"),
        (
            POOL.replace("PostConfirmation", "DefineAuthChallenge"),
            ("triggerSource",),
            "DefineAuthChallenge_Authentication",
        ),
        (token(), ("version",), "1"),
        (token("V2_0"), ("version",), "2"),
        (token("V3_0"), ("version",), "3"),
        (token("V2_0"), ("request", "scopes"), ["aws.cognito.signin.user.admin"]),
        (POOL.replace("PostConfirmation", "UserMigration"), ("request", "password"), "trial-1"),
        (FEDERATED, ("triggerSource",), "InboundFederation_ExternalProvider"),
        (BEHIND, ("httpMethod",), "GET"),
        (LATTICE % "", ("raw_path",), "/"),
        (LATER, ("headers", "host", 0), "trial.example"),
        (UPLOADS, ("fileLocation", "domain"), "S3"),
        (RUN, ("rows", "mail"), "trial@example.com"),
        (RUN, ("rows", "at"), "from trial-1 on"),
        (PIPE % "Target", (0, "id"), "trial-1"),
        (PIPE % "Target: x, Enrichment", (0, "id"), "trial-1"),
        (HOSE, ("records", 0, "recordId"), "trial-1"),
        (KAFKA, ("eventSource",), "SelfManagedKafka"),
        (FIELD, ("info", "fieldName"), "order"),
        (NOT_PROXY, ("id",), "trial-1"),  # what a mapping template makes is no request
    ],
)
def test_who_asks_a_function_directly_sends_its_own_form(
    tmp_path: Path, resource: str, key: tuple[Any, ...], value: str
) -> None:
    (found,) = listed(tmp_path, f"{WORK}{ORIGIN}  Asks: {{ Type: {resource} }}")
    event = made({"Resources": {}}, found).payload
    for step in key:
        event = event[step]

    assert (found.kind, found.function, event) == (Kind.DIRECT, "Work", value)


def test_an_api_that_is_created_quickly_hands_every_request_to_its_function(tmp_path: Path) -> None:
    api = f"  Api: {{ Type: AWS::ApiGatewayV2::Api, Properties: {{ ProtocolType: HTTP, Target: {ARN} }} }}"
    (found,) = listed(tmp_path, WORK + api)

    assert (found.kind, found.function, found.route) == (Kind.HTTP, "Work", Route("ANY", "$default", "2.0"))


def test_a_request_that_a_rest_api_puts_into_a_queue_is_a_way_of_its_own(tmp_path: Path) -> None:
    uri = "!Sub 'arn:aws:apigateway:us-east-1:sqs:path/123456789012/${Jobs.QueueName}'"
    method = f"HttpMethod: POST, RestApiId: !Ref Api, Integration: {{ Type: AWS, Uri: {uri} }}"
    text = (
        f"  Jobs: {{ Type: AWS::SQS::Queue }}\n  Way: {{ Type: AWS::ApiGateway::Method, Properties: {{ {method} }} }}"
    )
    (found,) = listed(tmp_path, text)

    assert (found.kind, found.function, found.origin) == (Kind.ROUTE, "Jobs", "Api")
    assert found.route == Route("POST", "/", "1.0")


def test_every_row_that_is_not_tried_says_what_to_supply(tmp_path: Path) -> None:
    rows = [*(f"{WORK}  {name}: {{ Type: {kind} }}" for name, kind in UNTRIED.items())]
    rows += [f"  Jobs: {{ Type: AWS::SQS::Queue }}\n  Way: {{ Type: {form} }}" for form in ROUTES.values()]
    for text in rows:
        (found,) = listed(tmp_path, text)
        supply = needed(found, found.why)

        assert supply
        assert "\n" not in supply
        assert ("events/" in supply) is found.why.startswith(("there are no trials", "a custom", "an event source"))


ROUTES = {
    "subscription": "AWS::SNS::Subscription, Properties: { TopicArn: x, Protocol: sqs, Endpoint: !GetAtt Jobs.Arn }",
    "schedule": "AWS::Scheduler::Schedule, Properties: { Target: { Arn: !GetAtt Jobs.Arn } }",
    "bucket": "AWS::S3::Bucket, Properties: { NotificationConfiguration: { QueueConfigurations: [{ Event: e, Queue: !GetAtt Jobs.Arn }] } }",
    "pipe": "AWS::Pipes::Pipe, Properties: { Source: x, Target: !GetAtt Jobs.Arn }",
    "method": "AWS::ApiGateway::Method, Properties: { HttpMethod: POST, Integration: { Type: AWS, Uri: !Sub 'arn:x:${Jobs.QueueName}' } }",
}


@pytest.mark.parametrize("form", ROUTES)
def test_a_way_without_a_function_is_a_row_too(tmp_path: Path, form: str) -> None:
    (found,) = listed(tmp_path, f"  Jobs: {{ Type: AWS::SQS::Queue }}\n  Way: {{ Type: {ROUTES[form]} }}")

    assert (found.kind, found.function) == (Kind.OTHER, "Jobs")
    assert found.why


@pytest.mark.parametrize("target", ["!Ref Flow", "!GetAtt Flow.Arn"])
def test_what_starts_a_state_machine_is_a_row(tmp_path: Path, target: str) -> None:
    flow = "  Flow: { Type: AWS::StepFunctions::StateMachine, Properties: {} }\n"
    way = f"  R: {{ Type: AWS::Events::Rule, Properties: {{ Targets: [{{ Id: a, Arn: {target} }}] }} }}"

    machine, found = listed(tmp_path, flow + way)
    assert (str(machine), machine.kind) == ("machine Flow", Kind.MACHINE)
    assert (found.function, found.why) == ("Flow", "what starts a state machine is not tried yet")


@pytest.mark.parametrize(
    ("event", "kind"), [("{ Type: Schedule }", Kind.ROUTE), ("{ Type: EventBridgeRule, Properties: {} }", Kind.OTHER)]
)
def test_an_event_of_sam_s_state_machine_is_tried_if_it_says_what_is_sent(
    event: str, kind: Kind, tmp_path: Path
) -> None:
    flow = f"  Flow: {{ Type: AWS::Serverless::StateMachine, Properties: {{ Events: {{ E: {event} }} }} }}"

    found, machine = listed(tmp_path, flow)
    assert (str(machine), machine.kind) == ("machine Flow", Kind.MACHINE)
    assert (found.kind, found.function, found.name) == (kind, "Flow", "Flow.E")


def test_openapi_and_the_events_that_sam_adds_to_it_are_one_source_each(tmp_path: Path) -> None:
    text = f"""
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: a
      DefinitionBody:
        paths:
          /a: {{ post: {{ x-amazon-apigateway-integration: {{ uri: {INVOKED} }} }} }}
          /b: {{ x-amazon-apigateway-any-method: {{ x-amazon-apigateway-integration: {{ uri: {INVOKED} }} }} }}
          /c: {{ options: {{ x-amazon-apigateway-integration: {{ type: mock }} }} }}
  Work:
    Type: AWS::Serverless::Function
    Properties: {{ Events: {{ A: {{ Type: Api, Properties: {{ RestApiId: !Ref Api, Path: /a, Method: post }} }} }} }}
"""

    assert [str(each) for each in listed(tmp_path, text)] == ["http POST /a → Work", "http ANY /b → Work"]


def test_an_openapi_file_beside_the_template_is_read(tmp_path: Path) -> None:
    operation = {"x-amazon-apigateway-integration": {"uri": {"Fn::GetAtt": ["Work", "Arn"]}}}
    (tmp_path / "api.json").write_text(json.dumps({"paths": {"/a": {"get": operation}}}))
    text = f"{WORK}  Api: {{ Type: AWS::Serverless::HttpApi, Properties: {{ DefinitionUri: api.json }} }}"

    (found,) = listed(tmp_path, text)
    assert (str(found), found.route) == ("http GET /a → Work", Route("GET", "/a", "2.0"))


@pytest.mark.parametrize(
    ("auth", "authorizer"),
    [
        ("DefaultAuthorizer: U, Authorizers: { U: { JwtConfiguration: { issuer: x } } }", "jwt"),
        ("DefaultAuthorizer: U, Authorizers: { U: { UserPoolArn: x } }", "cognito"),
        ("DefaultAuthorizer: U, Authorizers: { U: { FunctionArn: x } }", "lambda"),
        ("DefaultAuthorizer: AWS_IAM", "iam"),
        ("Authorizers: { U: { UserPoolArn: x } }", ""),
    ],
)
def test_a_route_knows_what_kind_of_authorizer_stands_before_it(tmp_path: Path, auth: str, authorizer: str) -> None:
    text = f"""
  Api: {{ Type: AWS::Serverless::HttpApi, Properties: {{ Auth: {{ {auth} }} }} }}
  Work:
    Type: AWS::Serverless::Function
    Properties: {{ Events: {{ A: {{ Type: HttpApi, Properties: {{ ApiId: !Ref Api, Path: /a, Method: post }} }} }} }}
"""
    (found,) = listed(tmp_path, text)

    assert found.route == Route("POST", "/a", "2.0", authorizer)


def test_what_a_mapping_says_of_batches_is_kept(tmp_path: Path) -> None:
    text = f"""{WORK}
  S: {{ Type: AWS::Kinesis::Stream }}
  M:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt S.Arn
      FunctionName: !Ref Work
      MaximumRetryAttempts: "3"
      BisectBatchOnFunctionError: true
      FunctionResponseTypes: [ReportBatchItemFailures]
      DestinationConfig: {{ OnFailure: {{ Destination: x }} }}
      FilterCriteria: {{ Filters: [{{ Pattern: '{{"data": {{"a": [1]}}}}' }}] }}
"""
    (found,) = listed(tmp_path, text)

    assert found.batching == Batching(100, True, 3, True, True, ('{"data": {"a": [1]}}',))


# ---- state machines


def machine(properties: str = "", **states: Any) -> str:
    definition = json.dumps({"States": states})
    return f"""
  Work: {{ Type: AWS::Serverless::Function, Properties: {{ Runtime: python3.14, CodeUri: . }} }}
  Orders:
    Type: AWS::Serverless::StateMachine
    Properties: {{ Definition: {definition}, DefinitionSubstitutions: {{ Fn: !GetAtt Work.Arn }}{properties} }}
"""


CALL = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "${Fn}"}}
TWICE = [{"ErrorEquals": ["Down"], "MaxAttempts": 9}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]


@pytest.mark.parametrize(
    ("state", "properties", "found"),
    [
        ({**CALL, "Retry": TWICE}, "", [("task", 2)]),
        ({"Type": "Task", "Resource": "${Fn}", "Retry": TWICE}, "", [("task", 2)]),
        ({**CALL, "Retry": [{"ErrorEquals": ["Lambda.ServiceException"]}]}, "", [("task", 1)]),
        ({"Type": "Map", "ItemProcessor": {"States": {"Each": {**CALL, "Retry": TWICE}}}}, "", [("task", 2)]),
        (CALL, ", Type: EXPRESS", [("task", 1)]),
        (CALL, "", [("task", 1)]),
        ({**CALL, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}]}, "", [("task", 1)]),
        ({**CALL, "Arguments": "{% $states.input %}", "Retry": TWICE}, "", [("direct", 3)]),
        ({**CALL, "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken"}, "", [("direct", 3)]),
    ],
)
def test_what_a_state_machine_calls_is_tried_as_often_as_it_may_call_it(
    tmp_path: Path, state: dict[str, Any], properties: str, found: list[tuple[str, int]]
) -> None:
    rows = listed(tmp_path, machine(properties, Step=state))

    assert [(each.kind, each.attempts) for each in rows if each.kind is not Kind.MACHINE] == found


GIVEN = {"Fn::GetAtt": ["Work", "Arn"]}
BEGINS = '{"States": {"Step": {"Type": "Task", "Retry": [{"ErrorEquals": ["States.ALL"]}], "Resource": "'
INVOKE = [BEGINS, "arn:", {"Ref": "AWS::Partition"}, ':states:::lambda:invoke", "Parameters": {"FunctionName": "']


@pytest.mark.parametrize(
    "text",
    [
        {"Fn::Join": ["", [*INVOKE, GIVEN, '"}}}}']]},
        {"Fn::Sub": BEGINS + '${Work.Arn}"}}}'},
        {"Fn::Sub": [BEGINS + '${Called}"}}}', {"Called": GIVEN}]},
    ],
    ids=["joined", "substituted", "substituted from a map"],
)
def test_the_calls_of_a_state_machine_in_plain_cloudformation_are_found(text: dict[str, Any]) -> None:
    resources = {
        "Work": {"Type": "AWS::Lambda::Function", "Properties": {}},
        "Orders": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": text}},
    }

    assert [str(each) for each in sources({"Resources": resources})] == ["machine Orders", "task Orders → Work"]


@pytest.mark.parametrize(
    ("origin", "transformed", "key"),
    [
        ("AWS::SQS::Queue", False, "body"),
        ("AWS::Kinesis::Stream", False, "data"),
        ("AWS::DynamoDB::Table", False, "dynamodb"),
        ("AWS::SQS::Queue", True, "id"),
        ("AWS::MSK::Cluster", False, "id"),
    ],
)
def test_a_pipe_hands_over_records_of_its_source_unless_it_makes_them_anew(
    origin: str, transformed: bool, key: str
) -> None:
    (record,) = json.loads(piped(origin, transformed))

    assert key in record
    assert ("id" in record) is (key == "id")


def test_a_function_that_another_one_names_is_asked_directly() -> None:
    named = {"Environment": {"Variables": {"WORKER": {"Ref": "Worker"}}}}
    body = {
        "Resources": {
            "Front": {"Type": "AWS::Lambda::Function", "Properties": named},
            "Worker": {"Type": "AWS::Lambda::Function", "Properties": {}},
        }
    }

    assert [(source.kind, source.function) for source in sources(body)] == [
        (Kind.DIRECT, "Front"),
        (Kind.DIRECT, "Worker"),
    ]
