"""Gift cards as a log of events; nothing overwritten, nothing lost, no overdraft."""

from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    PointInTimeRecoverySpecification,
    StreamViewType,
    TableEncryptionV2,
    TableV2,
)
from aws_cdk.aws_lambda import FilterCriteria, FilterRule, StartingPosition
from aws_cdk.aws_lambda_event_sources import DynamoEventSource, SqsDlq
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import Queue, QueueEncryption
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent


class EventStore(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)

        card = Attribute(name="card", type=AttributeType.STRING)
        log = TableV2(
            self,
            "Log",
            partition_key=card,
            sort_key=Attribute(name="place", type=AttributeType.STRING),
            dynamo_stream=StreamViewType.NEW_IMAGE,
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            deletion_protection=True,
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.RETAIN,
        )
        balances = TableV2(  # may be deleted at any time: the log rebuilds it
            self,
            "Balances",
            partition_key=card,
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.DESTROY,
        )

        variables = {"LOG_TABLE": log.table_name, "POWERTOOLS_SERVICE_NAME": "gift-cards"}
        command = self.writer(log, log_group=logs, environment=variables)

        unprojected = Queue(
            self,
            "Unprojected",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        project = PythonFunction(
            self,
            "Project",
            HERE,
            handler="project.handler",
            timeout=300,  # a rebuild reads the whole log
            log_group=logs,
            environment={**variables, "BALANCES_TABLE": balances.table_name},
        )
        log.grant(project, "dynamodb:Query", "dynamodb:Scan")
        balances.grant(project, "dynamodb:GetItem", "dynamodb:PutItem")
        events_only = {  # not for marks and snapshots
            "eventName": FilterRule.is_equal("INSERT"),
            "dynamodb": {"Keys": {"place": {"S": FilterRule.begins_with("event#")}}},
        }
        source = DynamoEventSource(
            log,
            starting_position=StartingPosition.TRIM_HORIZON,
            filters=[FilterCriteria.filter(events_only)],
            report_batch_item_failures=True,
            bisect_batch_on_error=True,
            max_record_age=Duration.hours(12),  # the outage it outlasts; a count of retries would say nothing of that
            on_failure=SqsDlq(unprojected),
        )
        project.add_event_source(source)

        at_most: Any = {"statistic": "Maximum", "period": Duration.minutes(1)}
        waiting = unprojected.metric_approximate_number_of_messages_visible(**at_most)
        mend = (
            "Balances were given up on. Mend the cause, invoke Project with {}, read its answer, delete the messages."
        )
        alarm(self, "Stale", waiting, alarms, what_to_do=mend)
        age = project.metric("IteratorAge", **at_most)
        stuck = "Balances are 15 minutes behind their log; mend what Project logs before MaximumRecordAgeInSeconds."
        alarm(self, "StreamStuck", age, alarms, above=900_000, periods=5, what_to_do=stuck)  # milliseconds

        CfnOutput(self, "LogTable", value=log.table_name)
        CfnOutput(self, "BalancesTable", value=balances.table_name)
        CfnOutput(self, "CommandFunction", value=command.function_name)
        CfnOutput(self, "ProjectFunction", value=project.function_name)
        CfnOutput(self, "UnprojectedUrl", value=unprojected.queue_url)

    def writer(self, log: TableV2, **more: Any) -> PythonFunction:
        """It cannot update or delete. Only the condition in `append` keeps a put from replacing an event."""
        made = PythonFunction(self, "Command", HERE, handler="command.handler", timeout=30, **more)
        log.grant(made, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query")
        return made
