"""What a service hands to a function that it asks directly: an authorizer, a trigger of Cognito, a destination."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from trials.moment import MILLISECONDS, SECONDS, TO_MILLISECONDS
from trials.project.source import Kind, Source
from trials.project.tokens import TOKEN
from trials.template import Resource, as_dict, listed, logical_id, references, text
from trials.template.nodes import Mapping

METHOD = "arn:aws:execute-api:us-east-1:123456789012:trial/prod/GET/trial"
CALLER: dict[str, Any] = {
    "headers": {"authorization": f"Bearer {TOKEN}", "Authorization": f"Bearer {TOKEN}", "host": "trial.example"},
    "queryStringParameters": {},
    "pathParameters": {},
    "stageVariables": {},
}
OLDER = {**CALLER, "type": "REQUEST", "methodArn": METHOD, "path": "/trial", "httpMethod": "GET", "resource": "/trial"}
AUTHORIZES = {  # what an authorizer gets, by the form that its API sends
    "TOKEN": json.dumps({"type": "TOKEN", "authorizationToken": f"Bearer {TOKEN}", "methodArn": METHOD}),
    "REQUEST": json.dumps({**OLDER, "requestContext": {"stage": "prod", "requestId": "trial-1"}}),
    "REQUEST 1.0": json.dumps({**OLDER, "version": "1.0", "requestContext": {"stage": "prod"}}),
    "REQUEST 2.0": json.dumps(
        {
            **CALLER,
            "version": "2.0",
            "type": "REQUEST",
            "routeArn": METHOD,
            "routeKey": "GET /trial",
            "rawPath": "/trial",
            "identitySource": [f"Bearer {TOKEN}"],
            "requestContext": {"http": {"method": "GET", "path": "/trial"}, "stage": "$default"},
        }
    ),
}


def ended(condition: str) -> str:
    """What a destination gets of another function's end."""
    context = {"requestId": "trial-1", "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:trial:$LATEST"}
    failed = condition == "RetriesExhausted"
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": TO_MILLISECONDS,
        "requestContext": {**context, "condition": condition, "approximateInvokeCount": 3 if failed else 1},
        "requestPayload": {"id": "trial-1"},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"errorMessage": "trial", "errorType": "Trial"} if failed else {"id": "trial-1"},
    }
    if failed:
        record["responseContext"]["functionError"] = "Unhandled"
    return json.dumps(record)


ATTRIBUTES = {"sub": "9f1b6c3e-trial", "email": "trial@example.com", "email_verified": "true"}
SESSION = [{"challengeName": "SRP_A", "challengeResult": True, "challengeMetadata": ""}]
TRIGGERS: dict[str, tuple[str, dict[str, Any]]] = {  # of a user pool: where one of its events comes from, what it asks
    "PreSignUp": ("PreSignUp_SignUp", {"validationData": {}}),
    "PostConfirmation": ("PostConfirmation_ConfirmSignUp", {}),
    "PreAuthentication": ("PreAuthentication_Authentication", {"validationData": {}}),
    "PostAuthentication": ("PostAuthentication_Authentication", {"newDeviceUsed": False}),
    "CustomMessage": ("CustomMessage_SignUp", {"codeParameter": "{####}", "usernameParameter": "trial"}),
    "PreTokenGeneration": (
        "TokenGeneration_Authentication",
        {"groupConfiguration": {"groupsToOverride": [], "iamRolesToOverride": [], "preferredRole": ""}},
    ),
    "DefineAuthChallenge": ("DefineAuthChallenge_Authentication", {"session": SESSION}),
    "CreateAuthChallenge": (
        "CreateAuthChallenge_Authentication",
        {"challengeName": "CUSTOM_CHALLENGE", "session": SESSION},
    ),
    "VerifyAuthChallengeResponse": (
        "VerifyAuthChallengeResponse_Authentication",
        {"privateChallengeParameters": {"answer": "trial"}, "challengeAnswer": "trial"},
    ),
    "UserMigration": ("UserMigration_Authentication", {"password": "trial-1", "validationData": {}}),
    "InboundFederation": (
        "InboundFederation_ExternalProvider",
        {
            "providerName": "Trial",
            "providerType": "OIDC",
            "attributes": {"tokenResponse": {}, "idToken": ATTRIBUTES, "userInfo": ATTRIBUTES},
        },
    ),
}
OF_NOBODY = ("UserMigration", "InboundFederation")  # triggers that come before the pool knows a user
SENDERS = ("CustomEmailSender", "CustomSMSSender")
SCOPES = {"scopes": ["aws.cognito.signin.user.admin"]}  # which the later versions of a token's event have


def triggered(trigger: str, version: str = "V1_0") -> str:
    """What a trigger of a user pool gets, in a version of its event; nothing for one that is not known here."""
    trigger = trigger.removesuffix("Config")
    if trigger not in TRIGGERS:
        return ""
    origin, asked = TRIGGERS[trigger]
    user = {} if trigger in OF_NOBODY else {"userAttributes": ATTRIBUTES}
    later = SCOPES if trigger == "PreTokenGeneration" and version != "V1_0" else {}
    event = {
        "version": version[1:].split("_")[0],
        "region": "us-east-1",
        "userPoolId": "us-east-1_trial",
        "userName": "trial",
        "callerContext": {"awsSdkVersion": "trial", "clientId": "trial"},
        "triggerSource": origin,
        "request": {**user, "clientMetadata": {}, **asked, **later},
        "response": {},
    }
    return json.dumps(event)


CONTENT = "eyJpZCI6ICJ0cmlhbC0xIn0="  # {"id": "trial-1"}


def transforms() -> str:
    """What Firehose hands to the function that transforms its records."""
    record = {"recordId": "trial-1", "approximateArrivalTimestamp": MILLISECONDS, "data": CONTENT}
    stream = "arn:aws:firehose:us-east-1:123456789012:deliverystream/trial"
    return json.dumps(
        {"invocationId": "trial-1", "deliveryStreamArn": stream, "region": "us-east-1", "records": [record]}
    )


KAFKA_RECORD = {
    "topic": "trial",
    "partition": 0,
    "offset": 0,
    "timestamp": MILLISECONDS,
    "timestampType": "CREATE_TIME",
    "key": "dHJpYWw=",
    "value": CONTENT,
    "headers": [],
}
KAFKA = {"bootstrapServers": "trial:9092", "records": {"trial-0": [KAFKA_RECORD]}}
BROKER = "arn:aws:mq:us-east-1:123456789012:broker:trial:b-1"
MESSAGE = {"messageID": "ID:trial-1", "messageType": "jms/text-message", "data": CONTENT, "redelivered": False}
RABBIT = {"basicProperties": {"contentType": "application/json", "bodySize": 17}, "redelivered": False, "data": CONTENT}
POLLED = {  # what a mapping hands over that no trial delivers by its rules, by the event of SAM
    "MSK": json.dumps(
        {"eventSource": "aws:kafka", "eventSourceArn": "arn:aws:kafka:us-east-1:123456789012:t", **KAFKA}
    ),
    "SelfManagedKafka": json.dumps({"eventSource": "SelfManagedKafka", **KAFKA}),
    "ActiveMQ": json.dumps({"eventSource": "aws:mq", "eventSourceArn": BROKER, "messages": [MESSAGE]}),
    "RabbitMQ": json.dumps(
        {"eventSource": "aws:rmq", "eventSourceArn": BROKER, "rmqMessagesByQueue": {"t::/": [RABBIT]}}
    ),
}


def polled(kind: str, broker: str) -> str:
    """What a mapping of Kafka or of Amazon MQ hands over; nothing for another. `broker` is the engine of MQ."""
    engine = {"": "ActiveMQ", "activemq": "ActiveMQ", "rabbitmq": "RabbitMQ"}.get(broker.lower(), "")
    return POLLED.get(engine if kind == "MQ" else kind, "")


RECORDS: dict[str, dict[str, Any]] = {  # what a pipe takes from its source, by the type of that
    "AWS::SQS::Queue": {
        "messageId": "trial-1",
        "receiptHandle": "trial",
        "body": json.dumps({"id": "trial-1"}),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": str(MILLISECONDS)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "awsRegion": "us-east-1",
    },
    "AWS::Kinesis::Stream": {
        "eventSource": "aws:kinesis",
        "eventName": "aws:kinesis:record",
        "awsRegion": "us-east-1",
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "trial",
        "sequenceNumber": "1",
        "data": CONTENT,
        "approximateArrivalTimestamp": float(SECONDS),
    },
    "AWS::DynamoDB::Table": {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {"Keys": {"id": {"S": "trial-1"}}, "NewImage": {"id": {"S": "trial-1"}}, "SequenceNumber": "111"},
    },
}


def piped(origin: str, transformed: bool) -> str:
    """The batch that a pipe hands to a function; of one that something has made anew on the way, as good as nothing."""
    return json.dumps([RECORDS.get(origin, {"id": "trial-1"}) if not transformed else {"id": "trial-1"}])


def resolves(parent: str, field: str) -> str:
    """What AppSync hands to the function that resolves a field."""
    info = {
        "parentTypeName": parent,
        "fieldName": field,
        "selectionSetList": ["id"],
        "selectionSetGraphQL": "{ id }",
        "variables": {},
    }
    identity = {"sub": ATTRIBUTES["sub"], "username": "trial", "claims": {"sub": ATTRIBUTES["sub"]}, "groups": None}
    event = {"arguments": {"id": "trial-1"}, "identity": identity, "source": None, "info": info, "prev": None}
    return json.dumps({**event, "request": {"headers": {}, "domainName": None}, "stash": {}})


BALANCED: dict[str, Any] = {  # what a load balancer hands to the function of a target group
    "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:trial"}},
    "httpMethod": "GET",
    "path": "/",
    "queryStringParameters": {},
    "headers": {"accept": "application/json", "host": "trial.example", "x-forwarded-for": "127.0.0.1"},
    "body": "",
    "isBase64Encoded": False,
}

NETWORK = "arn:aws:vpc-lattice:us-east-1:123456789012"
LATTICE: dict[str, dict[str, Any]] = {  # what VPC Lattice hands to the function of a target group, by its version
    "V1": {
        "raw_path": "/",
        "method": "GET",
        "headers": {"accept": "application/json", "host": "trial.example", "x-forwarded-for": "127.0.0.1"},
        "query_string_parameters": {},
        "body": "",
        "is_base64_encoded": False,
    },
    "V2": {
        "version": "2.0",
        "path": "/",
        "method": "GET",
        "headers": {"accept": ["application/json"], "host": ["trial.example"], "x-forwarded-for": ["127.0.0.1"]},
        "queryStringParameters": {},
        "body": "",
        "isBase64Encoded": False,
        "requestContext": {
            "serviceNetworkArn": f"{NETWORK}:servicenetwork/sn-trial",
            "serviceArn": f"{NETWORK}:service/svc-trial",
            "targetGroupArn": f"{NETWORK}:targetgroup/tg-trial",
            "identity": {"sourceVpcArn": "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-trial"},
            "region": "us-east-1",
            "timeEpoch": "1795420100000000",
        },
    },
}
UPLOADED = json.dumps(  # what Transfer Family hands to the function of a workflow's own step
    {
        "token": "dHJpYWw",
        "serviceMetadata": {
            "executionDetails": {
                "workflowId": "w-0123456789abcdef0",
                "executionId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            },
            "transferDetails": {"sessionId": "trial", "userName": "trial", "serverId": "s-0123456789abcdef0"},
        },
        "fileLocation": {
            "domain": "S3",
            "bucket": "trial",
            "key": "trial/trial.csv",
            "eTag": "d41d8cd98f00b204e9800998ecf8427e",
            "versionId": None,
        },
    }
)


# ---- the sources of these forms


def of_asker(resource: Resource) -> Iterator[Source]:
    """The function that a service asks and waits for, and what it is asked."""
    template, function, given = resource.template, "", ""
    if resource.type == "AWS::Serverless::GraphQLApi":
        yield from of_graph(resource)
    elif resource.type == "AWS::AppSync::Resolver":
        origin = template.resources.get(logical_id(resource.written("DataSourceName")))
        function = template.function(origin.written("LambdaConfig", "LambdaFunctionArn")) if origin else ""
        given = resolves(str(resource.only("TypeName")), str(resource.only("FieldName")))
    elif resource.type == "AWS::KinesisFirehose::DeliveryStream":
        meant = {template.function({"Ref": name}) for name in references(resource.body)} - {""}
        function, given = (meant.pop() if len(meant) == 1 else ""), transforms()
    elif resource.type == "AWS::ElasticLoadBalancingV2::TargetGroup":
        ends = [template.function(target.written("Id")) for target in resource.items("Targets")]
        balanced = {**BALANCED, "path": path_to(resource)}
        function, given = next(filter(None, ends), ""), json.dumps(balanced)
    elif resource.type == "AWS::VpcLattice::TargetGroup":
        ends = [template.function(target.written("Id")) for target in resource.items("Targets")]
        version = resource.only("Config", "LambdaEventStructureVersion")
        function, given = next(filter(None, ends), ""), json.dumps(LATTICE["V2" if version == "V2" else "V1"])
    elif resource.type == "AWS::Transfer::Workflow":
        yield from of_workflow(resource)
    elif resource.type == "AWS::SSM::Document":
        yield from of_runbook(resource)
    elif resource.type == "AWS::EventsV2::Subscriber":  # whose event a file or the code tells, as for a direct call
        function = template.function(resource.written("InvokeConfiguration", "TargetArn"))
    if function:
        yield Source(Kind.DIRECT, function, resource.name, given=given)


def path_to(group: Resource) -> str:
    """A path that a rule of a load balancer's listener sends to a target group; the root if none says which."""
    template = group.template
    for rule in template.of("AWS::ElasticLoadBalancingV2::ListenerRule"):
        if group.name not in references(rule.written("Actions")):
            continue
        for condition in rule.items("Conditions"):
            if condition.only("Field") == "path-pattern":
                values = listed(condition.written("PathPatternConfig", "Values") or condition.written("Values"))
                defaults = {name: as_dict(each).get("Default") for name, each in template.parameters.items()}
                paths = [value if isinstance(value, str) else defaults.get(logical_id(value)) for value in values]
                return next((str(path).replace("*", "trial").replace("?", "t") for path in paths if path), "/")
    return "/"


def of_workflow(workflow: Resource) -> Iterator[Source]:
    """The functions of a workflow's own steps."""
    steps = [*workflow.items("Steps"), *workflow.items("OnExceptionSteps")]
    functions = {workflow.template.function(step.written("CustomStepDetails", "Target")): None for step in steps}
    yield from (Source(Kind.DIRECT, name, workflow.name, given=UPLOADED) for name in functions if name)


def of_runbook(document: Resource) -> Iterator[Source]:
    """The functions that the steps of an Automation invoke, with the payload that each step writes."""
    content = document.written("Content")
    with suppress(ValueError):
        content = json.loads(text(content)) if text(content) else content
    for step in map(as_dict, listed(as_dict(content).get("mainSteps"))):
        inputs = as_dict(step.get("inputs"))
        function = document.template.function(inputs.get("FunctionName"))
        if function and step.get("action") == "aws:invokeLambdaFunction":
            given = text(inputs.get("Payload")) or json.dumps(inputs.get("InputPayload") or {})
            yield Source(Kind.DIRECT, function, f"{document.name}.{step.get('name')}", given=given)


def of_graph(resource: Resource) -> Iterator[Source]:
    """The functions behind a SAM GraphQL API, each asked for the first field whose pipeline leads to it."""
    steps, resolvers = as_dict(resource.written("Functions")), as_dict(resource.written("Resolvers"))
    for name, origin in as_dict(resource.written("DataSources", "Lambda")).items():
        function = resource.template.function(as_dict(origin).get("FunctionArn"))
        leading = {step for step, told in steps.items() if as_dict(told).get("DataSource") == name}
        fields = (
            (parent, field)
            for parent, of_parent in resolvers.items()
            for field, told in as_dict(of_parent).items()
            if leading & {str(step) for step in listed(as_dict(told).get("Pipeline"))}
        )
        if function:
            asked = next(fields, ("Query", str(name)))
            yield Source(Kind.DIRECT, function, f"{resource.name}.{'.'.join(asked)}", given=resolves(*asked))


def handed_by(mapping: Mapping) -> str:
    """What a mapping of Kafka or of Amazon MQ hands to its function; nothing for another."""
    broker = mapping.template.resources.get(
        logical_id(mapping.written("Broker" if mapping.event else "EventSourceArn"))
    )
    engine = str(broker.only("EngineType") or "") if broker and broker.type == "AWS::AmazonMQ::Broker" else ""
    kind = "SelfManagedKafka" if not mapping.absent("SelfManagedEventSource") else mapping.kind
    return polled(kind, engine)
