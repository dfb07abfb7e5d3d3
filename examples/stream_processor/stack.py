"""Keeps the newest price of every product; what nobody can read is set aside, an outage only delays."""

from pathlib import Path
from typing import Any

import jsii
from aws_cdk import CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_cloudwatch import Metric
from aws_cdk.aws_dynamodb import Attribute, AttributeType, PointInTimeRecoverySpecification, TableEncryptionV2, TableV2
from aws_cdk.aws_iam import PolicyStatement
from aws_cdk.aws_kinesis import Stream, StreamEncryption, StreamMode
from aws_cdk.aws_lambda import DlqDestinationConfig, IEventSourceDlq, MetricsConfig, MetricType, StartingPosition
from aws_cdk.aws_lambda_event_sources import KinesisEventSource
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_s3 import BlockPublicAccess, Bucket, LifecycleRule
from aws_cdk.aws_sns import Topic
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
MINUTE = Duration.minutes(1)


@jsii.implements(IEventSourceDlq)
class KeptIn:
    """A bucket for what is given up; `S3OnFailureDestination` would let the function read and delete there too."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def bind(self, _mapping: Any, function: Any) -> DlqDestinationConfig:
        bucket, objects = self._bucket.bucket_arn, self._bucket.arn_for_objects("*")
        function.add_to_role_policy(PolicyStatement(actions=["s3:ListBucket"], resources=[bucket]))
        function.add_to_role_policy(PolicyStatement(actions=["s3:PutObject"], resources=[objects]))
        return DlqDestinationConfig(destination=bucket)


class StreamProcessor(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)

        price_changes = Stream(
            self,
            "PriceChanges",
            stream_mode=StreamMode.ON_DEMAND,
            encryption=StreamEncryption.MANAGED,
            retention_period=Duration.hours(72),  # longer than the record age: age discards, retention just deletes
            removal_policy=RemovalPolicy.DESTROY,
        )
        prices = TableV2(
            self,
            "Prices",
            partition_key=Attribute(name="sku", type=AttributeType.STRING),
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.DESTROY,
        )
        discarded = Bucket(
            self,
            "Discarded",
            block_public_access=BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            lifecycle_rules=[LifecycleRule(expiration=Duration.days(90))],
            removal_policy=RemovalPolicy.DESTROY,
        )
        keep_prices = PythonFunction(
            self,
            "KeepPrices",
            HERE,
            handler="app.handler",
            timeout=60,
            log_group=logs,
            environment={
                "PRICES_TABLE": prices.table_name,
                "DISCARDED_BUCKET": discarded.bucket_name,
                "POWERTOOLS_SERVICE_NAME": "prices",
            },
        )
        prices.grant(keep_prices, "dynamodb:PutItem")
        unreadable = discarded.arn_for_objects("unreadable/*")
        keep_prices.add_to_role_policy(PolicyStatement(actions=["s3:PutObject"], resources=[unreadable]))
        kept: Any = KeptIn(discarded)
        source = KinesisEventSource(
            price_changes,
            starting_position=StartingPosition.TRIM_HORIZON,  # LATEST misses what comes while the mapping is being made
            batch_size=100,
            parallelization_factor=2,  # lanes; the batches of a partition key follow one another in one lane
            report_batch_item_failures=True,
            bisect_batch_on_error=True,
            max_record_age=Duration.days(1),  # the outage it outlasts; a count of retries would say nothing of that
            on_failure=kept,  # S3 keeps the records too
            metrics_config=MetricsConfig(metrics=[MetricType.EVENT_COUNT]),
        )
        keep_prices.add_event_source(source)

        given_up = Metric(
            namespace="AWS/Lambda",
            metric_name="OnFailureDestinationDeliveredEventCount",
            dimensions_map={"EventSourceMappingUUID": source.event_source_mapping_id},
            statistic="Sum",
            period=MINUTE,
        )
        mend = "Records of a day ago were given up. Mend the cause, then replay what lies in the bucket Discarded."
        alarm(self, "DiscardedRecords", given_up, alarms, what_to_do=mend)
        counted = {"namespace": "Shop", "dimensions_map": {"service": "prices"}}
        unread = Metric(metric_name="UnreadableRecords", statistic="Sum", period=MINUTE, **counted)
        mend = "Records were set aside. Mend producer or reader, then replay unreadable/ in the bucket Discarded."
        alarm(self, "Unreadable", unread, alarms, what_to_do=mend)
        age = keep_prices.metric("IteratorAge", statistic="Maximum", period=MINUTE)
        late = "A shard is stuck or too slow. Mend what KeepPrices logs within a day, or records are discarded."
        alarm(self, "StreamStuck", age, alarms, above=900_000, periods=5, what_to_do=late)  # milliseconds

        CfnOutput(self, "StreamName", value=price_changes.stream_name)
        CfnOutput(self, "PricesTable", value=prices.table_name)
        CfnOutput(self, "DiscardedBucket", value=discarded.bucket_name)
        CfnOutput(self, "FunctionName", value=keep_prices.function_name)
        CfnOutput(self, "MappingId", value=source.event_source_mapping_id)
