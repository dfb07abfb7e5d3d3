"""Imports price lists that partners upload, each once and the newest last; what nobody can read is set aside."""

from pathlib import Path
from typing import Any

from aws_cdk import Aws, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_cloudwatch import Metric
from aws_cdk.aws_dynamodb import Attribute, AttributeType, PointInTimeRecoverySpecification, TableEncryptionV2, TableV2
from aws_cdk.aws_events import EventPattern, Rule
from aws_cdk.aws_events_targets import LambdaFunction
from aws_cdk.aws_iam import Policy, PolicyStatement
from aws_cdk.aws_lambda_destinations import SqsDestination
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_s3 import BlockPublicAccess, Bucket, BucketEncryption, CfnBucket, LifecycleRule
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import Queue, QueueEncryption
from aws_cdk.aws_stepfunctions import DefinitionBody, LogLevel, LogOptions, StateMachine, StateMachineType
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
MINUTE, DAY, MONTH, QUARTER = Duration.minutes(1), Duration.days(1), Duration.days(30), Duration.days(90)


class FilePipeline(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        self.logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)

        # Partners write to this one, and nothing of ours may: so no file can set off itself. An upload that never
        # completes raises no event, is in no listing, and is paid for.
        incoming = self.bucket("Incoming", LifecycleRule(expiration=MONTH, abort_incomplete_multipart_upload_after=DAY))
        resource = incoming.node.default_child
        assert isinstance(resource, CfnBucket)
        resource.notification_configuration = CfnBucket.NotificationConfigurationProperty(
            # event_bridge_enabled=True would deploy a function that sets what CloudFormation can set by itself
            event_bridge_configuration=CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )
        files = self.bucket(  # checked/ is imported, quarantine/ waits for a human, results/ is what became of each row
            "Files",
            LifecycleRule(prefix="checked/", expiration=MONTH),  # longer than the 14 days of a redrive
            LifecycleRule(prefix="quarantine/", expiration=QUARTER),
            LifecycleRule(prefix="results/", expiration=QUARTER),
            LifecycleRule(abort_incomplete_multipart_upload_after=DAY),
        )
        prices = TableV2(
            self,
            "Prices",
            partition_key=Attribute(name="sku", type=AttributeType.STRING),  # by list: 1,000 writes a second
            sort_key=Attribute(name="list", type=AttributeType.STRING),
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.DESTROY,
        )
        keep_price = self.function(
            "KeepPrice",
            "price.handler",
            timeout=20,  # below the task's TimeoutSeconds: an attempt is dead before the next begins
            environment={"PRICES_TABLE": prices.table_name, "POWERTOOLS_SERVICE_NAME": "prices"},
        )
        prices.grant(keep_price, "dynamodb:PutItem")

        import_prices = StateMachine(
            self,
            "ImportPrices",
            state_machine_type=StateMachineType.STANDARD,  # Express has no Distributed Map, and runs a name twice
            definition_body=DefinitionBody.from_string((HERE / "statemachine.asl.json").read_text()),
            definition_substitutions={"Files": files.bucket_name, "KeepPrice": keep_price.function_arn},
            tracing_enabled=True,
            logs=LogOptions(
                destination=LogGroup(
                    self,
                    "ExecutionLogs",
                    log_group_name=f"/aws/vendedlogs/states/{Aws.STACK_NAME}",  # others fill the log resource policy
                    retention=RetentionDays.ONE_MONTH,
                    removal_policy=RemovalPolicy.DESTROY,
                ),
                level=LogLevel.ERROR,
                include_execution_data=False,  # a line for each row would repeat the list
            ),
        )
        keep_price.grant_invoke(import_prices)  # a definition given as text grants nothing
        self.allow(import_prices, files, "checked", "s3:GetObject")
        parts = ("s3:ListMultipartUploadParts", "s3:AbortMultipartUpload")
        self.allow(import_prices, files, "results", "s3:PutObject", "s3:GetObject", *parts)
        self.run_rows(import_prices)

        unchecked = Queue(
            self,
            "Unchecked",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        check_file = self.function(
            "CheckFile",
            "check.handler",
            timeout=900,  # three calls of S3, each tried twice for 100 s: a copy of 5 GB takes minutes
            environment={
                "INCOMING_BUCKET": incoming.bucket_name,
                "FILES_BUCKET": files.bucket_name,
                "STATE_MACHINE": import_prices.state_machine_arn,
                "POWERTOOLS_SERVICE_NAME": "prices",
            },
            on_failure=SqsDestination(unchecked),  # the rule's own DLQ never sees what the function raises
        )
        reads = PolicyStatement(actions=["s3:GetObject"], resources=[incoming.arn_for_objects("*")])
        lists = PolicyStatement(actions=["s3:ListBucket"], resources=[incoming.bucket_arn])
        for statement in (reads, lists):  # without the second a deleted file is a 403
            check_file.add_to_role_policy(statement)
        for where in ("checked", "quarantine"):
            self.allow(check_file, files, where, "s3:PutObject")
        import_prices.grant_start_execution(check_file)
        target = LambdaFunction(check_file, dead_letter_queue=unchecked, retry_attempts=185, max_event_age=DAY)
        pattern = EventPattern(
            source=["aws.s3"], detail_type=["Object Created"], detail={"bucket": {"name": [incoming.bucket_name]}}
        )
        Rule(self, "CheckFileUploaded", event_pattern=pattern, targets=[target])

        waiting = unchecked.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")
        mend = "A file could not be checked. Mend the cause, then invoke CheckFile with the event in the message."
        alarm(self, "NotChecked", waiting, alarms, what_to_do=mend)
        look = "A file lies in quarantine/ of Files; the log says why. Let its sender upload a right one."
        alarm(self, "SetAside", self.counted("FileRefused"), alarms, what_to_do=look)
        tell = "Rows of a list were refused. FAILED_0.json below results/ of Files lists them for its sender."
        alarm(self, "RefusedRows", self.counted("RowRefused"), alarms, what_to_do=tell)
        failed = import_prices.metric_failed(period=MINUTE, statistic="Sum")
        redrive = "A list was given up, more than 5 % of its rows failed."
        redrive += " After an outage redrive it, else its sender mends it."
        alarm(self, "FailedLists", failed, alarms, what_to_do=redrive)

        CfnOutput(self, "IncomingBucket", value=incoming.bucket_name)
        CfnOutput(self, "FilesBucket", value=files.bucket_name)
        CfnOutput(self, "PricesTable", value=prices.table_name)
        CfnOutput(self, "StateMachineArn", value=import_prices.state_machine_arn)
        CfnOutput(self, "CheckFunction", value=check_file.function_name)
        CfnOutput(self, "UncheckedUrl", value=unchecked.queue_url)

    def bucket(self, name: str, *rules: LifecycleRule) -> Bucket:
        return Bucket(
            self,
            name,
            block_public_access=BlockPublicAccess.BLOCK_ALL,
            encryption=BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            lifecycle_rules=list(rules),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def function(self, name: str, handler: str, **more: Any) -> PythonFunction:
        return PythonFunction(self, name, HERE, handler=handler, log_group=self.logs, **more)

    def allow(self, grantee: StateMachine | PythonFunction, files: Bucket, where: str, *actions: str) -> None:
        objects = files.arn_for_objects(f"{where}/*")
        grantee.add_to_role_policy(PolicyStatement(actions=list(actions), resources=[objects]))

    def run_rows(self, machine: StateMachine) -> None:
        """A policy of its own: within the role's, which the machine waits for, it would name the machine too early."""
        execution = f"arn:{Aws.PARTITION}:states:{Aws.REGION}:{Aws.ACCOUNT_ID}:execution:{machine.state_machine_name}"
        policy = Policy(self, "RunRows")
        policy.attach_to_role(machine.role)

        def allow(resource: str, *actions: str) -> None:
            policy.add_statements(PolicyStatement(actions=list(actions), resources=[resource]))

        allow(machine.state_machine_arn, "states:StartExecution")
        allow(f"{execution}:*", "states:DescribeExecution", "states:StopExecution")
        allow(f"{execution}/Rows:*", "states:RedriveExecution")

    def counted(self, name: str) -> Metric:
        return Metric(
            namespace="Shop",
            metric_name=name,
            dimensions_map={"service": "prices"},
            statistic="Sum",
            period=MINUTE,
        )
