"""Answers in a second, works for minutes, never twice."""

from pathlib import Path

from aws_cdk import CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_apigatewayv2 import CfnStage, HttpApi, HttpStage, ThrottleSettings
from aws_cdk.aws_apigatewayv2_authorizers import HttpJwtAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from aws_cdk.aws_dynamodb import Attribute, AttributeType, TableEncryptionV2, TableV2
from aws_cdk.aws_iam import PolicyStatement
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_s3 import BlockPublicAccess, Bucket, LifecycleRule
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import DeadLetterQueue, Queue, QueueEncryption
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
LOGGED = (
    '{"id":"$context.requestId","route":"$context.routeKey","status":"$context.status",'
    '"error":"$context.integrationErrorMessage"}'
)


class AsyncTask(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        issuer = CfnParameter(self, "Issuer").value_as_string
        audience = CfnParameter(self, "Audience").value_as_string
        sales_url = CfnParameter(self, "SalesUrl").value_as_string
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)

        jobs = TableV2(
            self,
            "Jobs",
            partition_key=Attribute(name="job_id", type=AttributeType.STRING),
            time_to_live_attribute="expires",
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.DESTROY,
        )
        unread = Queue(  # what even GiveUp could not read
            self,
            "Unread",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        dlq = Queue(
            self,
            "TasksDlq",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.minutes(3),  # 5 looks in 12 minutes, longer than a worker and its lease last
            retention_period=Duration.days(10),
            dead_letter_queue=DeadLetterQueue(queue=unread, max_receive_count=5),
        )
        tasks = Queue(
            self,
            "Tasks",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.minutes(30),  # 6 x timeout, and no worker outlives it
            dead_letter_queue=DeadLetterQueue(queue=dlq, max_receive_count=3),
        )
        results = Bucket(
            self,
            "Results",
            block_public_access=BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            lifecycle_rules=[LifecycleRule(expiration=Duration.days(7))],
            removal_policy=RemovalPolicy.DESTROY,
        )
        objects = [results.arn_for_objects("*")]

        variables = {"JOBS_TABLE": jobs.table_name, "POWERTOOLS_SERVICE_NAME": "reports"}
        places = {"TASKS_URL": tasks.queue_url, "RESULTS_BUCKET": results.bucket_name}
        submit = PythonFunction(
            self,
            "Submit",
            HERE,
            handler="api.handler",
            timeout=10,
            log_group=logs,
            environment={**variables, **places},
        )
        jobs.grant(submit, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
        tasks.grant_send_messages(submit)
        submit.add_to_role_policy(  # what the link may do
            PolicyStatement(actions=["s3:GetObject"], resources=objects)
        )

        work = PythonFunction(
            self,
            "Work",
            HERE,
            handler="worker.handler",
            timeout=300,
            log_group=logs,
            environment={**variables, **places, "SALES_URL": sales_url},
        )
        jobs.grant(work, "dynamodb:GetItem", "dynamodb:UpdateItem")
        work.add_to_role_policy(PolicyStatement(actions=["s3:PutObject"], resources=objects))
        each = SqsEventSource(
            tasks,
            batch_size=1,  # a job takes minutes
            report_batch_item_failures=True,
            max_concurrency=5,
        )
        work.add_event_source(each)

        give_up = PythonFunction(
            self, "GiveUp", HERE, handler="give_up.handler", timeout=30, log_group=logs, environment=variables
        )
        jobs.grant(give_up, "dynamodb:GetItem", "dynamodb:UpdateItem")
        give_up.add_event_source(SqsEventSource(dlq, report_batch_item_failures=True))

        api = HttpApi(
            self,
            "Api",
            create_default_stage=False,
            default_authorizer=HttpJwtAuthorizer("Customers", issuer, jwt_audience=[audience]),
            default_integration=HttpLambdaIntegration("Integration", submit),
        )
        stage = HttpStage(
            self, "Stage", http_api=api, auto_deploy=True, throttle=ThrottleSettings(rate_limit=20, burst_limit=40)
        )
        default = stage.node.default_child
        assert isinstance(default, CfnStage)
        default.access_log_settings = CfnStage.AccessLogSettingsProperty(  # L2's is an interface, so a class to write
            destination_arn=logs.log_group_arn, format=LOGGED
        )

        given_up = give_up.metric_invocations(period=Duration.minutes(1))
        alarm(self, "Failing", given_up, alarms, what_to_do="Jobs are given up; their owners see FAILED.")

        CfnOutput(self, "ApiId", value=api.api_id)
        CfnOutput(self, "JobsTable", value=jobs.table_name)
        CfnOutput(self, "TasksUrl", value=tasks.queue_url)
        CfnOutput(self, "ResultsBucket", value=results.bucket_name)
        CfnOutput(self, "WorkFunction", value=work.function_name)
