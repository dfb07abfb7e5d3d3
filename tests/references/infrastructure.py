"""What the references show of the SAM templates beside this file, as CDK writes it; the templates are whole."""

from pathlib import Path
from typing import Any

from aws_cdk import App, ArnFormat, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_apigateway import (
    AccessLogFormat,
    AuthorizationType,
    AwsIntegration,
    EndpointType,
    IntegrationOptions,
    IntegrationResponse,
    LambdaIntegration,
    LogGroupLogDestination,
    MethodResponse,
    PassthroughBehavior,
    RestApi,
    StageOptions,
    TokenAuthorizer,
)
from aws_cdk.aws_cloudwatch import (
    Alarm,
    AlarmRule,
    ComparisonOperator,
    CompositeAlarm,
    IMetric,
    MathExpression,
    Metric,
    TreatMissingData,
)
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_codedeploy import LambdaDeploymentConfig, LambdaDeploymentGroup
from aws_cdk.aws_iam import (
    CompositePrincipal,
    ManagedPolicy,
    OidcProviderNative,
    OpenIdConnectPrincipal,
    PermissionsBoundary,
    PolicyStatement,
    Role,
    ServicePrincipal,
)
from aws_cdk.aws_kms import Key
from aws_cdk.aws_lambda import Architecture, Code, Function, Runtime, TenancyConfig, VersionOptions
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import Queue, QueueEncryption
from constructs import Construct

MINUTE = Duration.minutes(1)
HERE = Path(__file__).resolve().parent
WORKER = HERE.parent.parent / "examples" / "queue_worker"
MAKE = ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"]
READ = ["iam:GetRole*", "iam:List*RolePolicies"]
CHANGE = ["iam:UpdateRole", "iam:UpdateRoleDescription", "iam:TagRole", "iam:UntagRole"]  # SAM tags its roles
DELETE = ["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"]


class Permissions(Stack):
    """Lets a pipeline make roles for functions that can never do more than a boundary says."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=self.__doc__)
        services = ["dynamodb:*", "sqs:*", "sns:*", "s3:*", "events:*", "states:*", "logs:*", "xray:*"]
        at_most = PolicyStatement(actions=[*services, "secretsmanager:GetSecretValue"], resources=["*"])
        boundary = ManagedPolicy(self, "Boundary", statements=[at_most])
        wide = {"config": {"ignore_checks": ["W9802", "W9803"]}}  # a boundary is wide, and grants nothing
        boundary.node.default_child.add_metadata("cfn-lint", wide)
        ManagedPolicy(self, "Roles", statements=self.roles(boundary))

    def roles(self, boundary: ManagedPolicy) -> list[PolicyStatement]:
        ours = [self.format_arn(service="iam", region="", resource="role", resource_name="functions/*")]
        bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary.managed_policy_arn}}
        to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
        return [
            PolicyStatement(actions=MAKE, resources=ours, conditions=bounded),
            PolicyStatement(actions=READ + CHANGE + DELETE, resources=ours),
            PolicyStatement(actions=["iam:PassRole"], resources=ours, conditions=to_lambda),
        ]


class SharedKey(Stack):
    """A key that those who send to queues, topics and log groups can use."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=self.__doc__)
        self.admit(Key(self, "Key", enable_key_rotation=True))

    def admit(self, key: Key) -> None:
        """Besides its own first statement, which hands over to the IAM policies of this account."""
        sns, alarms, rules = (ServicePrincipal(f"{each}.amazonaws.com") for each in ("sns", "cloudwatch", "events"))
        here = self.format_arn(service="*", resource="*", arn_format=ArnFormat.NO_RESOURCE_NAME)
        ours = CompositePrincipal(sns, alarms).with_conditions({"ArnLike": {"aws:SourceArn": here}})
        send = ["kms:GenerateDataKey*", "kms:Decrypt"]
        key.grant(ours, *send)
        key.grant(rules, *send)  # no condition: a rule's request to KMS names no source

        groups = self.format_arn(service="logs", resource="*", arn_format=ArnFormat.NO_RESOURCE_NAME)
        of_ours = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}
        write = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
        key.grant(ServicePrincipal(f"logs.{self.region}.amazonaws.com").with_conditions(of_ours), *write)


class Tenants(Stack):
    """Runs each tenant's requests in environments of its own; the authorizer says which tenant that is."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=self.__doc__)
        arn = CfnParameter(self, "AuthorizerArn").value_as_string  # a function that answers with the tenant
        theirs = Function.from_function_attributes(self, "Authorizer", function_arn=arn, same_environment=True)
        tokens = TokenAuthorizer(self, "Tokens", handler=theirs)
        reports = function(
            self,
            "Reports",
            Code.from_inline(
                'def handler(event, context):\n    return {"statusCode": 200, "body": context.tenant_id}\n'
            ),
            "index.handler",
            seconds=20,
            tenancy_config=TenancyConfig.PER_TENANT,
        )
        line = '{"request":"$context.requestId","tenant":"$context.authorizer.tenant","status":"$context.status"}'
        api(self, line).root.add_method("GET", self.integration(reports), authorizer=tokens)

    def integration(self, reports: Function) -> LambdaIntegration:
        tenant = {"integration.request.header.X-Amz-Tenant-Id": "context.authorizer.tenant"}
        return LambdaIntegration(reports, request_parameters=tenant)


class Alarms(Stack):
    """The page for an error budget that burns fast."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=self.__doc__)
        topic = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        self.dimensions = {"ApiName": CfnParameter(self, "ApiName").value_as_string}
        self.burning().add_alarm_action(SnsAction(topic))

    def burning(self) -> CompositeAlarm:
        """One page: long enough to matter, and still going on."""
        both = self.burns("BurnedForAnHour", Duration.hours(1)), self.burns("BurnsNow", Duration.minutes(5))
        return CompositeAlarm(self, "Burning", alarm_rule=AlarmRule.all_of(*both))

    def burns(self, name: str, window: Duration) -> Alarm:
        errors, calls = (
            Metric(namespace="AWS/ApiGateway", metric_name=each, dimensions_map=self.dimensions, statistic="Sum")
            for each in ("5XXError", "Count")
        )
        rate = MathExpression(
            expression="IF(calls >= 20, errors / calls, 0)",
            using_metrics={"errors": errors, "calls": calls},
            period=window,
        )
        return alarm_above(self, name, rate, 0.0144)


class ProvisionedConcurrency(Stack):
    """Keeps environments of one alias warm, more of them while they are busy."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=self.__doc__)
        code = Code.from_inline("def handler(event, context): ...")
        self.keep_warm(function(self, "Quote", code, "index.handler", seconds=10))

    def keep_warm(self, quote: Function) -> None:
        live = quote.add_alias("live", provisioned_concurrent_executions=5)
        warm = live.add_auto_scaling(min_capacity=5, max_capacity=50)
        warm.scale_on_utilization(utilization_target=0.7)  # a share; without it the target never scales


class Release(Stack):
    """Gives a new version a tenth of the traffic, and takes it back when it fails."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=self.__doc__)
        PermissionsBoundary.of(self).apply(ManagedPolicy.from_managed_policy_name(self, "Boundary", "Boundary"))
        ship = function(
            self,
            "ShipOrders",
            Code.from_asset(str(WORKER), exclude=["*", "!app.py"]),
            "app.handler",
            seconds=60,
            current_version_options=VersionOptions(
                removal_policy=RemovalPolicy.RETAIN
            ),  # or there is none to go back to
        )
        hook = Code.from_asset(str(HERE), exclude=["*", "!release_hook.py"])
        prove = function(
            self,
            "ProveShipOrders",
            hook,
            "release_hook.handler",
            seconds=90,  # longer than the call it makes
            retry_attempts=0,  # the first report counts
            environment={"NEW_VERSION": ship.current_version.function_arn},
        )
        ship.current_version.grant_invoke(prove)
        failed = Metric(namespace=self.stack_name, metric_name="NotShipped", statistic="Sum", period=MINUTE)
        orders_fail = alarm_above(self, "OrdersFail", failed, 5, evaluation_periods=2)
        new_version_fails = self.new_version_fails(ship)
        group = LambdaDeploymentGroup(
            self,
            "Canary",
            alias=ship.add_alias("live"),
            deployment_config=LambdaDeploymentConfig.CANARY_10_PERCENT_10_MINUTES,
            alarms=[new_version_fails, orders_fail],
            pre_hook=prove,
        )
        group.grant_put_lifecycle_event_hook_execution_status(prove)

    def new_version_fails(self, ship: Function) -> Alarm:
        only_new = {
            "FunctionName": ship.function_name,
            "Resource": f"{ship.function_name}:live",  # not live.function_name: a circle
            "ExecutedVersion": ship.current_version.version,
        }
        return alarm_above(self, "NewVersionFails", ship.metric_errors(dimensions_map=only_new, period=MINUTE), 0)


class PipelineRole(Stack):
    """Lets one environment of one GitHub repository deploy one stack. Deployed once per account, by hand."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=self.__doc__)
        subject = CfnParameter(self, "Subject", allowed_pattern="repo:[^*?]+:environment:[^*?]+").value_as_string
        github = OidcProviderNative(  # one per account: a second stack takes its ARN instead
            self, "GitHub", url="https://token.actions.githubusercontent.com", client_ids=["sts.amazonaws.com"]
        )
        self.deploy(github, subject)

    def deploy(self, github: OidcProviderNative, subject: str) -> Role:
        token = "token.actions.githubusercontent.com"
        one = {"StringEquals": {f"{token}:aud": "sts.amazonaws.com", f"{token}:sub": subject}}
        return Role(self, "Deploy", assumed_by=OpenIdConnectPrincipal(github, one))


class StorageFirst(Stack):
    """Requests go from the API into a queue without a function, and none is answered 202 that is not stored."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=self.__doc__)
        orders = Queue(self, "Orders", encryption=QueueEncryption.SQS_MANAGED)
        sender = Role(self, "Sender", assumed_by=ServicePrincipal("apigateway.amazonaws.com"))
        orders.grant_send_messages(sender)
        answers = [MethodResponse(status_code="202"), MethodResponse(status_code="500")]
        line = '{"id":"$context.requestId","status":"$context.status","error":"$context.integration.error"}'
        api(self, line).root.add_resource("orders").add_method(
            "POST", self.store(orders, sender), authorization_type=AuthorizationType.IAM, method_responses=answers
        )

    def store(self, orders: Queue, sender: Role) -> AwsIntegration:
        options = IntegrationOptions(
            credentials_role=sender,
            passthrough_behavior=PassthroughBehavior.NEVER,
            request_parameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
            request_templates={"application/json": "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"},
            integration_responses=[
                IntegrationResponse(status_code="202", selection_pattern="200"),
                IntegrationResponse(status_code="500", response_templates={"application/json": "{}"}),
            ],
        )
        return AwsIntegration(service="sqs", path=f"{self.account}/{orders.queue_name}", options=options)


def api(scope: Construct, line: str) -> RestApi:
    """An API with a stage that logs such a line for each request."""
    stage = StageOptions(
        stage_name="live",
        access_log_destination=LogGroupLogDestination(LogGroup(scope, "Access", retention=RetentionDays.ONE_MONTH)),
        access_log_format=AccessLogFormat.custom(line),
        throttling_rate_limit=100,
        throttling_burst_limit=200,
    )
    return RestApi(scope, "Api", endpoint_types=[EndpointType.REGIONAL], deploy_options=stage)


def alarm_above(
    scope: Construct, name: str, metric: IMetric, threshold: float, *, evaluation_periods: int = 1
) -> Alarm:
    return Alarm(
        scope,
        name,
        metric=metric,
        threshold=threshold,
        evaluation_periods=evaluation_periods,
        comparison_operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
        treat_missing_data=TreatMissingData.NOT_BREACHING,
    )


def function(scope: Construct, name: str, code: Code, handler: str, *, seconds: int, **more: Any) -> Function:
    return Function(
        scope,
        name,
        code=code,
        handler=handler,
        runtime=Runtime.PYTHON_3_14,
        architecture=Architecture.ARM_64,
        timeout=Duration.seconds(seconds),
        **more,
    )


STACKS = (Permissions, SharedKey, Tenants, Alarms, ProvisionedConcurrency, Release, PipelineRole, StorageFirst)

if __name__ == "__main__":
    app = App()
    for stack in STACKS:
        stack(app, stack.__name__)
    app.synth()
