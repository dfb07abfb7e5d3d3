"""Orders over HTTP; a clear contract, no leaks, safe retries."""

from pathlib import Path

from aws_cdk import CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_apigatewayv2 import (
    CfnStage,
    CorsHttpMethod,
    CorsPreflightOptions,
    HttpApi,
    HttpMethod,
    HttpNoneAuthorizer,
    HttpStage,
    ThrottleSettings,
)
from aws_cdk.aws_apigatewayv2_authorizers import HttpJwtAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    PointInTimeRecoverySpecification,
    StreamViewType,
    TableEncryptionV2,
    TableV2,
)
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sns import Topic
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
LOGGED = (
    '{"id":"$context.requestId","route":"$context.routeKey","status":"$context.status",'
    '"sub":"$context.authorizer.claims.sub","error":"$context.integrationErrorMessage"}'
)


class RestApi(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        issuer = CfnParameter(self, "Issuer").value_as_string
        audience = CfnParameter(self, "Audience").value_as_string
        origin = CfnParameter(self, "Origin").value_as_string
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)
        access_logs = LogGroup(
            self, "AccessLogs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )

        table = TableV2(
            self,
            "Table",
            partition_key=Attribute(name="customer", type=AttributeType.STRING),
            sort_key=Attribute(name="order_id", type=AttributeType.STRING),
            dynamo_stream=StreamViewType.NEW_IMAGE,  # what comes next reads it, as the shop does
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.RETAIN,
        )
        orders = PythonFunction(
            self,
            "Orders",
            HERE,
            handler="app.handler",
            memory_size=1024,  # validation at start is CPU work
            timeout=20,  # below the integration's 30 s, so that the caller gets our answer
            log_group=logs,
            environment={"ORDERS_TABLE": table.table_name, "POWERTOOLS_SERVICE_NAME": "orders"},
        )
        table.grant(orders, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query")

        integration = HttpLambdaIntegration("Integration", orders)
        customers = HttpJwtAuthorizer("Customers", issuer, jwt_audience=[audience])
        api = HttpApi(
            self,
            "Api",
            create_default_stage=False,
            cors_preflight=CorsPreflightOptions(  # replaces the function's own CORS headers
                allow_origins=[origin],
                allow_methods=[CorsHttpMethod.GET, CorsHttpMethod.POST],
                allow_headers=["authorization", "content-type", "idempotency-key"],
                expose_headers=["location"],
                max_age=Duration.minutes(10),
            ),
            default_authorizer=customers,
            default_integration=integration,  # the function knows its routes, and answers the others with its own 404
        )
        api.add_routes(  # a browser sends no token with OPTIONS, which $default would catch and refuse
            path="/{proxy+}",
            methods=[HttpMethod.OPTIONS],
            integration=integration,
            authorizer=HttpNoneAuthorizer(),
        )
        stage = HttpStage(
            self,
            "Stage",
            http_api=api,
            auto_deploy=True,
            throttle=ThrottleSettings(rate_limit=100, burst_limit=200),
        )
        default = stage.node.default_child  # HttpStage takes access logs as an interface, which Python would implement
        assert isinstance(default, CfnStage)
        default.access_log_settings = CfnStage.AccessLogSettingsProperty(
            destination_arn=access_logs.log_group_arn, format=LOGGED
        )

        failing = api.metric_server_error(period=Duration.minutes(1), statistic="Average")  # the share of requests
        alarm(
            self, "Errors", failing, alarms, above=0.01, periods=5, datapoints=3, what_to_do="Callers get 5xx answers."
        )

        CfnOutput(self, "ApiId", value=api.api_id)
        CfnOutput(self, "Url", value=f"https://{api.api_id}.execute-api.{self.region}.{self.url_suffix}")
        CfnOutput(self, "OrdersTable", value=table.table_name)
        CfnOutput(self, "OrdersStreamArn", value=str(table.table_stream_arn))
        CfnOutput(self, "AuthorizerId", value=customers.authorizer_id)
