"""Accepts the payment provider's webhooks: nothing forged, nothing lost, answered at once."""

from pathlib import Path

from aws_cdk import CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_apigatewayv2 import CfnStage, HttpApi, HttpMethod, HttpStage, ThrottleSettings
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from aws_cdk.aws_dynamodb import Attribute, AttributeType, TableEncryptionV2, TableV2
from aws_cdk.aws_iam import PolicyStatement
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_s3 import BlockPublicAccess, Bucket, BucketEncryption, LifecycleRule
from aws_cdk.aws_secretsmanager import Secret, SecretStringGenerator
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import DeadLetterQueue, Queue, QueueEncryption
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
MINUTE = Duration.minutes(1)
LOGGED = '{"request":"$context.requestId","from":"$context.identity.sourceIp","status":"$context.status"}'


class Webhook(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)

        signing_secret = Secret(  # random until the provider's is put: an unfinished deployment accepts nothing
            self,
            "SigningSecret",
            generate_secret_string=SecretStringGenerator(password_length=64),
            removal_policy=RemovalPolicy.DESTROY,
        )
        dlq = Queue(
            self,
            "WebhooksDlq",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),  # counts from the first send
        )
        webhooks = Queue(
            self,
            "Webhooks",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.minutes(6),  # 6 x timeout + batching window (none)
            dead_letter_queue=DeadLetterQueue(queue=dlq, max_receive_count=5),
        )
        bodies = Bucket(  # those too large for a message
            self,
            "Bodies",
            encryption=BucketEncryption.S3_MANAGED,
            block_public_access=BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            lifecycle_rules=[LifecycleRule(expiration=Duration.days(30))],  # longer than any message lives
            removal_policy=RemovalPolicy.DESTROY,
        )
        payments = TableV2(  # and the ids of events done, which expire
            self,
            "Payments",
            partition_key=Attribute(name="id", type=AttributeType.STRING),
            time_to_live_attribute="expiration",
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.DESTROY,
        )

        variables = {"BODIES_BUCKET": bodies.bucket_name, "POWERTOOLS_SERVICE_NAME": "payments"}
        receive = PythonFunction(
            self,
            "Receive",
            HERE,
            handler="receive.handler",
            timeout=15,  # every attempt of every call has ended before
            log_group=logs,
            environment={
                **variables,
                "SIGNING_SECRET": signing_secret.secret_arn,
                "WEBHOOKS_URL": webhooks.queue_url,
            },
        )
        signing_secret.grant_read(receive)
        webhooks.grant_send_messages(receive)
        objects = [bodies.arn_for_objects("*")]  # grant_put and grant_read would add tags, holds and listing
        receive.add_to_role_policy(PolicyStatement(actions=["s3:PutObject"], resources=objects))

        work = PythonFunction(
            self,
            "Work",
            HERE,
            handler="work.handler",
            timeout=60,  # 10 records, one after the other
            log_group=logs,
            environment={**variables, "PAYMENTS_TABLE": payments.table_name},
        )
        writes = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
        payments.grant(work, "dynamodb:GetItem", *writes)
        work.add_to_role_policy(PolicyStatement(actions=["s3:GetObject"], resources=objects))
        work.add_event_source(SqsEventSource(webhooks, batch_size=10, report_batch_item_failures=True))

        api = HttpApi(self, "Api", create_default_stage=False)
        api.add_routes(
            path="/webhooks/payments",
            methods=[HttpMethod.POST],
            integration=HttpLambdaIntegration("Integration", receive),
        )
        stage = HttpStage(
            self,
            "Stage",
            http_api=api,
            auto_deploy=True,
            throttle=ThrottleSettings(rate_limit=100, burst_limit=200),  # a flood ends here
        )
        default = stage.node.default_child  # HttpStage takes access logs as an interface, which Python would implement
        assert isinstance(default, CfnStage)
        default.access_log_settings = CfnStage.AccessLogSettingsProperty(  # no headers: a logged signature is replayed
            destination_arn=logs.log_group_arn, format=LOGGED
        )

        dead = dlq.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")
        mend = "A genuine webhook was not applied. Find the cause, mend it, redrive WebhooksDlq."
        alarm(self, "DeadLetters", dead, alarms, what_to_do=mend)
        failing = "The receiver fails. What the provider stops repeating is lost."
        alarm(self, "NotAccepted", api.metric_server_error(period=MINUTE), alarms, what_to_do=failing)
        forged = api.metric_client_error(period=Duration.minutes(5))
        look = "Forgeries or a flood, or the provider signs with a key that SigningSecret lacks."
        alarm(self, "Refused", forged, alarms, above=50, what_to_do=look)

        CfnOutput(self, "Url", value=f"{api.api_endpoint}/webhooks/payments")
        CfnOutput(self, "SigningSecretArn", value=signing_secret.secret_arn)
        CfnOutput(self, "WebhooksUrl", value=webhooks.queue_url)
        CfnOutput(self, "WebhooksDlqUrl", value=dlq.queue_url)
        CfnOutput(self, "PaymentsTable", value=payments.table_name)
