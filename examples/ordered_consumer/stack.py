"""Applies the changes of each SKU's stock once and in order; a SKU whose next change cannot be applied is parked."""

from pathlib import Path

from aws_cdk import CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_cloudwatch import Metric
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    PointInTimeRecoverySpecification,
    TableEncryptionV2,
    TableV2,
)
from aws_cdk.aws_iam import PolicyStatement
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import DeadLetterQueue, DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
MINUTE = Duration.minutes(1)


class OrderedConsumer(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)

        dlq = Queue(
            self,
            "ChangesDlq",
            fifo=True,
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        changes = Queue(
            self,
            "Changes",
            fifo=True,
            deduplication_scope=DeduplicationScope.MESSAGE_GROUP,  # with the next line: high throughput
            fifo_throughput_limit=FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            visibility_timeout=Duration.minutes(2),  # 6 x timeout, and the pause between two tries of a group
            dead_letter_queue=DeadLetterQueue(queue=dlq, max_receive_count=121),  # 4 hours, see template.yaml
        )

        def kept(name: str, sort_key: Attribute | None = None) -> TableV2:
            """Nothing in it expires: a repeat of what was forgotten would find a number missing."""
            return TableV2(
                self,
                name,
                partition_key=Attribute(name="sku", type=AttributeType.STRING),
                sort_key=sort_key,
                point_in_time_recovery_specification=PointInTimeRecoverySpecification(
                    point_in_time_recovery_enabled=True
                ),
                deletion_protection=True,
                encryption=TableEncryptionV2.aws_managed_key(),
                removal_policy=RemovalPolicy.RETAIN,
            )

        stock = kept("Stock")
        parked = kept("Parked", Attribute(name="number", type=AttributeType.NUMBER))  # a scan lists all that wait
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)
        variables = {
            "STOCK_TABLE": stock.table_name,
            "PARKED_TABLE": parked.table_name,
            "POWERTOOLS_SERVICE_NAME": "stock",
        }
        apply_changes = PythonFunction(
            self,
            "ApplyChanges",
            HERE,
            handler="app.handler",
            timeout=20,  # 10 records, one after the other
            log_group=logs,
            environment=variables | {"CHANGES_DLQ_URL": dlq.queue_url},
        )
        release = PythonFunction(
            self,
            "Release",
            HERE,
            handler="release.handler",  # a human invokes it
            timeout=300,
            log_group=logs,
            environment=variables,
        )
        for function in (apply_changes, release):
            stock.grant(function, "dynamodb:GetItem", "dynamodb:PutItem")
        parked.grant(apply_changes, "dynamodb:PutItem")
        parked.grant(release, "dynamodb:Query", "dynamodb:DeleteItem")
        apply_changes.add_to_role_policy(PolicyStatement(actions=["sqs:SendMessage"], resources=[dlq.queue_arn]))
        source = SqsEventSource(
            changes,
            batch_size=10,
            report_batch_item_failures=True,
            max_concurrency=10,  # batches at a time; a group is in one of them at most
        )
        apply_changes.add_event_source(source)

        def counted(name: str, period: Duration) -> Metric:
            service = {"service": "stock"}
            return Metric(namespace="Shop", metric_name=name, dimensions_map=service, statistic="Sum", period=period)

        mend = "A SKU's stock stands still. Scan Parked, mend what its first change names, invoke Release."
        alarm(self, "ParkedChanges", counted("ChangeParked", MINUTE), alarms, what_to_do=mend)
        dead = dlq.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")
        read = "A change could not be read or taken. Mend it or the reader, redrive ChangesDlq, invoke Release."
        alarm(self, "DeadLetters", dead, alarms, what_to_do=read)
        delayed = counted("ChangeDelayed", Duration.minutes(5))  # longer than the pause: it stays on while they wait
        look = "Changes are tried for the fifth time or later: what fails? They outlast 4 hours of it."
        alarm(self, "Delayed", delayed, alarms, what_to_do=look)
        age = changes.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum")
        speed_up = "Changes wait; a change older than the queue's retention is deleted."
        alarm(self, "Backlog", age, alarms, above=3600, periods=5, what_to_do=speed_up)

        CfnOutput(self, "ChangesUrl", value=changes.queue_url)
        CfnOutput(self, "ChangesArn", value=changes.queue_arn)
        CfnOutput(self, "ChangesDlqUrl", value=dlq.queue_url)
        CfnOutput(self, "ChangesDlqArn", value=dlq.queue_arn)
        CfnOutput(self, "StockTable", value=stock.table_name)
        CfnOutput(self, "ParkedTable", value=parked.table_name)
        CfnOutput(self, "ApplyFunction", value=apply_changes.function_name)
        CfnOutput(self, "ReleaseFunction", value=release.function_name)
