"""The SAM templates beside this file as CDK writes them. Permissions, Release and PipelineRole are whole; of the others
it is what a reference shows, and the template is whole."""

from pathlib import Path
from typing import Any

import jsii
from aws_cdk import (
    App,
    ArnFormat,
    Aspects,
    Aws,
    CfnOutput,
    CfnParameter,
    CfnResource,
    Duration,
    IAspect,
    RemovalPolicy,
    Stack,
)
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
from aws_cdk.aws_applicationautoscaling import CfnScalableTarget, CfnScalingPolicy
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
from aws_cdk.aws_codedeploy import AutoRollbackConfig, LambdaDeploymentConfig, LambdaDeploymentGroup
from aws_cdk.aws_iam import (
    CompositePrincipal,
    IManagedPolicy,
    ManagedPolicy,
    OidcProviderNative,
    OpenIdConnectPrincipal,
    PermissionsBoundary,
    PolicyDocument,
    PolicyStatement,
    Role,
    ServicePrincipal,
)
from aws_cdk.aws_kms import Key
from aws_cdk.aws_lambda import (
    Architecture,
    Code,
    Function,
    LoggingFormat,
    Runtime,
    TenancyConfig,
    Tracing,
    VersionOptions,
)
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_logs import FilterPattern, ILogGroup, LogGroup, MetricFilter, RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import Queue, QueueEncryption
from aws_cdk.aws_ssm import StringParameter
from constructs import Construct, IConstruct

from cdk_parts import PythonFunction

MINUTE = Duration.minutes(1)
HERE = Path(__file__).resolve().parent
WORKER = HERE.parent.parent / "examples" / "queue_worker"
MAKE = ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"]
READ = ["iam:GetRole*", "iam:List*RolePolicies"]
CHANGE = ["iam:UpdateRole", "iam:UpdateRoleDescription", "iam:TagRole", "iam:UntagRole"]  # SAM tags its roles
DELETE = ["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"]
SERVICES = ["lambda", "codedeploy", "states", "events", "scheduler", "pipes", "apigateway"]  # that take such a role
USE = [
    *("dynamodb:*", "sqs:*", "sns:*", "s3:*", "kinesis:*", "events:*", "scheduler:*", "states:*", "logs:*", "xray:*"),
    *("lambda:InvokeFunction", "kms:Decrypt", "kms:GenerateDataKey", "secretsmanager:GetSecretValue", "ses:SendEmail"),
    *("lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"),
    *("lambda:SendDurableExecutionCallbackSuccess", "codedeploy:PutLifecycleEventHookExecutionStatus"),
]
DEPLOY = [
    *("cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet", "cloudformation:ExecuteChangeSet"),
    *("cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents", "cloudformation:GetTemplateSummary"),
]
SHIFT = [  # what CodeDeploy does; no function may move an alias
    *("lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:InvokeFunction"),
    "cloudwatch:DescribeAlarms",
]


class Permissions(Stack):
    """Lets a pipeline make roles that can never do more than a boundary says."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=self.__doc__)
        to_scheduler = PolicyStatement(actions=["iam:PassRole"], resources=self.ours, conditions=passed_to("scheduler"))
        functions = self.boundary("Boundary", PolicyStatement(actions=USE, resources=["*"]), to_scheduler)
        releases = self.boundary("ReleaseBoundary", PolicyStatement(actions=SHIFT, resources=["*"]))
        for each, path in ((functions, "boundary"), (releases, "release-boundary")):
            named = f"/functions/{path}"
            StringParameter(
                self,
                f"{each.node.id}Arn",
                parameter_name=named,
                string_value=each.managed_policy_arn,
                simple_name=False,
            )
        ManagedPolicy(self, "Roles", statements=self.roles(functions, releases))

    def boundary(self, name: str, *statements: PolicyStatement) -> ManagedPolicy:
        made = ManagedPolicy(self, name, statements=list(statements))
        wide = {"config": {"ignore_checks": ["W9802", "W9803"]}}  # a boundary is wide, and grants nothing
        made.node.default_child.add_metadata("cfn-lint", wide)
        return made

    @property
    def ours(self) -> list[str]:
        return [self.format_arn(service="iam", region="", resource="role", resource_name="functions/*")]

    def roles(self, *boundaries: ManagedPolicy) -> list[PolicyStatement]:
        bounded = {"StringEquals": {"iam:PermissionsBoundary": [each.managed_policy_arn for each in boundaries]}}
        return [
            PolicyStatement(actions=MAKE, resources=self.ours, conditions=bounded),
            PolicyStatement(actions=READ + CHANGE + DELETE, resources=self.ours),
            PolicyStatement(actions=["iam:PassRole"], resources=self.ours, conditions=passed_to(*SERVICES)),
        ]


def passed_to(*services: str) -> dict[str, Any]:
    names = [f"{each}.amazonaws.com" for each in services]
    return {"StringEquals": {"iam:PassedToService": names if len(names) > 1 else names[0]}}


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
        hour = self.burns("BurnedForAnHour", "IF(errors >= 5, errors / calls, 0)", Duration.hours(1))
        now = self.burns(  # no calls are no news: callers may have given up
            "BurnsNow", "errors / calls", Duration.minutes(5), treat_missing_data=TreatMissingData.IGNORE
        )
        return CompositeAlarm(self, "Burning", alarm_rule=AlarmRule.all_of(hour, now))

    def burns(self, name: str, expression: str, window: Duration, **more: Any) -> Alarm:
        errors, calls = (
            Metric(namespace="AWS/ApiGateway", metric_name=each, dimensions_map=self.dimensions, statistic="Sum")
            for each in ("5XXError", "Count")
        )
        metrics = {"errors": errors, "calls": calls}
        rate = MathExpression(expression=expression, using_metrics=metrics, period=window)
        return alarm_above(self, name, rate, 0.0144, **more)


class ProvisionedConcurrency(Stack):
    """Keeps environments of one alias warm, more of them while they are busy."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=self.__doc__)
        code = Code.from_inline("def handler(event, context): ...")
        self.keep_warm(function(self, "Quote", code, "index.handler", seconds=10))

    def keep_warm(self, quote: Function) -> None:
        live = quote.add_alias("live", provisioned_concurrent_executions=5)
        warm = CfnScalableTarget(
            self,
            "Warm",
            service_namespace="lambda",
            scalable_dimension="lambda:function:ProvisionedConcurrency",
            resource_id=f"function:{quote.function_name}:live",
            min_capacity=5,
            max_capacity=50,
        )
        warm.node.add_dependency(live)
        tracked = CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
            target_value=0.7,  # a share, not a percentage
            customized_metric_specification=self.busiest(quote),
        )
        CfnScalingPolicy(
            self,
            "WarmPolicy",
            policy_name="busy",
            policy_type="TargetTrackingScaling",
            scaling_target_id=warm.ref,
            target_tracking_scaling_policy_configuration=tracked,
        )

    def busiest(self, quote: Function) -> CfnScalingPolicy.CustomizedMetricSpecificationProperty:
        """`scale_on_utilization` tracks an average, which bursts hide in, and which is silent when nobody calls."""
        query = CfnScalingPolicy.TargetTrackingMetricDataQueryProperty
        stat = CfnScalingPolicy.TargetTrackingMetricStatProperty(metric=self.utilization(quote), stat="Maximum")
        return CfnScalingPolicy.CustomizedMetricSpecificationProperty(
            metrics=[
                query(id="used", expression="FILL(busiest, 0)", return_data=True),
                query(id="busiest", metric_stat=stat, return_data=False),
            ]
        )

    def utilization(self, quote: Function) -> CfnScalingPolicy.TargetTrackingMetricProperty:
        named = {"FunctionName": quote.function_name, "Resource": f"{quote.function_name}:live"}
        return CfnScalingPolicy.TargetTrackingMetricProperty(
            namespace="AWS/Lambda",
            metric_name="ProvisionedConcurrencyUtilization",
            dimensions=[
                CfnScalingPolicy.TargetTrackingMetricDimensionProperty(name=name, value=value)
                for name, value in named.items()
            ],
        )


@jsii.implements(IAspect)
class BelowFunctions:
    """Gives every role the path in which a pipeline may make roles; a boundary's aspect sets no path."""

    def visit(self, node: IConstruct) -> None:
        if CfnResource.is_cfn_resource(node) and node.cfn_resource_type == "AWS::IAM::Role":
            node.add_property_override("Path", "/functions/")


class Release(Stack):
    """Gives a new version of the queue worker a tenth of the batches, and takes them back when it fails."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=self.__doc__)
        Aspects.of(self).add(BelowFunctions())
        boundary = self.bounded("Boundary", "boundary")
        release_boundary = self.bounded("ReleaseBoundary", "release-boundary")
        PermissionsBoundary.of(self).apply(boundary)
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)
        ship = self.ship(logs)
        live = ship.add_alias("live")
        orders = Queue.from_queue_arn(self, "Queue", self.stored("OrdersArn", "/shop/orders/arn"))
        live.add_event_source(SqsEventSource(orders, report_batch_item_failures=True, max_concurrency=5))
        prove = self.prove(ship, logs)
        group = LambdaDeploymentGroup(
            self,
            "Canary",
            alias=live,
            deployment_config=LambdaDeploymentConfig.CANARY_10_PERCENT_10_MINUTES,
            alarms=[self.new_version_fails(ship), self.orders_fail(ship, logs)],
            auto_rollback=AutoRollbackConfig(stopped_deployment=True),
            pre_hook=prove,
        )
        PermissionsBoundary.of(group).apply(release_boundary)  # the one of the functions lets nobody move an alias
        group.grant_put_lifecycle_event_hook_execution_status(prove)

    def bounded(self, name: str, path: str) -> IManagedPolicy:
        arn = self.stored(name, f"/functions/{path}")
        return ManagedPolicy.from_managed_policy_arn(self, f"{name}Policy", arn)

    def stored(self, name: str, path: str) -> str:
        """What another stack wrote into a parameter; an export would forbid its replacement."""
        return CfnParameter(self, name, type="AWS::SSM::Parameter::Value<String>", default=path).value_as_string

    def ship(self, logs: ILogGroup) -> Function:
        table = self.stored("ShipmentsTable", "/shop/shipments/table")
        ship = PythonFunction(
            self,
            "ShipOrders",
            WORKER,
            handler="app.handler",
            timeout=60,
            log_group=logs,
            environment={
                "CARRIER_URL": CfnParameter(self, "CarrierUrl").value_as_string,
                "ORDERS_URL": self.stored("OrdersUrl", "/shop/orders/url"),
                "SHIPMENTS_TABLE": table,
                "POWERTOOLS_SERVICE_NAME": "shipping",
            },
            current_version_options=VersionOptions(removal_policy=RemovalPolicy.RETAIN),  # to go back to
        )
        actions = [f"dynamodb:{each}" for each in ("GetItem", "PutItem", "UpdateItem", "DeleteItem")]
        arn = self.format_arn(service="dynamodb", resource="table", resource_name=table)
        ship.add_to_role_policy(PolicyStatement(actions=actions, resources=[arn]))
        return ship

    def prove(self, ship: Function, logs: ILogGroup) -> Function:
        prove = function(
            self,
            "ProveShipOrders",
            Code.from_asset(str(HERE), exclude=["*", "!release_hook.py"]),
            "release_hook.handler",
            seconds=90,  # longer than the call it makes
            memory_size=512,
            retry_attempts=0,  # the first report counts
            tracing=Tracing.ACTIVE,
            logging_format=LoggingFormat.JSON,
            log_group=logs,
            environment={"NEW_VERSION": ship.current_version.function_arn},
        )
        ship.current_version.grant_invoke(prove)
        return prove

    def new_version_fails(self, ship: Function) -> Alarm:
        only_new = {
            "FunctionName": ship.function_name,
            "Resource": f"{ship.function_name}:live",  # not live.function_name: a circle
            "ExecutedVersion": ship.current_version.version,
        }
        return alarm_above(self, "NewVersionFails", ship.metric_errors(dimensions_map=only_new, period=MINUTE), 0)

    def orders_fail(self, ship: Function, logs: ILogGroup) -> Alarm:
        """Failed records are no errors of the function, so this counts what the new version logs of them."""
        counted = MetricFilter(
            self,
            "NotShipped",
            log_group=logs,
            filter_pattern=FilterPattern.string_value("$.message", "=", "not shipped"),
            metric_namespace=Aws.STACK_NAME,
            metric_name="NotShipped",
            dimensions={"function_version": "$.function_version"},
        )
        only_new = {"function_version": ship.current_version.version}
        failed = counted.metric(dimensions_map=only_new, statistic="Sum", period=MINUTE)
        return alarm_above(self, "OrdersFail", failed, 5, evaluation_periods=2)


class PipelineRole(Stack):
    """Lets one environment of one GitHub repository deploy one stack. Deployed once per account, by hand."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=self.__doc__)
        subject = CfnParameter(self, "Subject", allowed_pattern="repo:[^*?]+:environment:[^*?]+").value_as_string
        stack = CfnParameter(self, "StackName").value_as_string
        execution_role = CfnParameter(self, "ExecutionRoleArn").value_as_string
        github = OidcProviderNative(  # one per account: a second stack takes its ARN instead
            self, "GitHub", url="https://token.actions.githubusercontent.com", client_ids=["sts.amazonaws.com"]
        )
        made = self.deploy(github, subject, self.may(stack, execution_role))
        CfnOutput(self, "RoleArn", value=made.role_arn)

    def deploy(self, github: OidcProviderNative, subject: str, may: list[PolicyStatement]) -> Role:
        token = "token.actions.githubusercontent.com"
        one = {"StringEquals": {f"{token}:aud": "sts.amazonaws.com", f"{token}:sub": subject}}
        return Role(
            self,
            "Deploy",
            assumed_by=OpenIdConnectPrincipal(github, one),
            max_session_duration=Duration.hours(1),
            inline_policies={"deploy": PolicyDocument(statements=may)},
        )

    def may(self, stack: str, execution_role: str) -> list[PolicyStatement]:
        """What `sam deploy` calls; all else is done by the role that it passes to CloudFormation."""
        ours = self.format_arn(service="cloudformation", resource="stack", resource_name=f"{stack}/*")
        sam = self.format_arn(
            service="cloudformation", account="aws", resource="transform", resource_name="Serverless-2016-10-31"
        )
        passed = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
        return [
            PolicyStatement(actions=DEPLOY, resources=[ours, sam]),
            PolicyStatement(actions=["iam:PassRole"], resources=[execution_role], conditions=passed),
        ]


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
    scope: Construct,
    name: str,
    metric: IMetric,
    threshold: float,
    *,
    evaluation_periods: int = 1,
    treat_missing_data: TreatMissingData = TreatMissingData.NOT_BREACHING,
) -> Alarm:
    return Alarm(
        scope,
        name,
        metric=metric,
        threshold=threshold,
        evaluation_periods=evaluation_periods,
        comparison_operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
        treat_missing_data=treat_missing_data,
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
