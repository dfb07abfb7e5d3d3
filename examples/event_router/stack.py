"""Each consumer gets exactly the events it asked for; no order falls between them, or is lost when a target fails."""

from pathlib import Path

from aws_cdk import Aws, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_dynamodb import Attribute, AttributeType, PointInTimeRecoverySpecification, TableEncryptionV2, TableV2
from aws_cdk.aws_events import CfnArchive, CfnRule, EventBus, EventPattern, Match, Rule
from aws_cdk.aws_events_targets import LambdaFunction, SqsQueue
from aws_cdk.aws_lambda_destinations import SqsDestination
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import Queue, QueueEncryption
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
HOUR = Duration.hours(1)


class EventRouter(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)

        bus = EventBus(self, "Bus", event_bus_name=f"{Aws.STACK_NAME}-shop")
        CfnArchive(self, "History", source_arn=bus.event_bus_arn, retention_days=30)  # L2 would ask for a pattern
        undelivered = Queue(
            self,
            "Undelivered",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        publish = PythonFunction(
            self,
            "Publish",
            HERE,
            handler="publish.handler",
            timeout=30,
            log_group=logs,
            environment={"BUS_NAME": bus.event_bus_name, "POWERTOOLS_SERVICE_NAME": "orders"},
        )
        bus.grant_put_events_to(publish)

        shipments = TableV2(
            self,
            "Shipments",
            partition_key=Attribute(name="event_id", type=AttributeType.STRING),
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.DESTROY,
        )
        ship = PythonFunction(
            self,
            "Ship",
            HERE,
            handler="ship.handler",
            timeout=30,
            log_group=logs,
            environment={"SHIPMENTS_TABLE": shipments.table_name, "POWERTOOLS_SERVICE_NAME": "shipping"},
            max_event_age=HOUR,
            on_failure=SqsDestination(undelivered),  # the rule's own DLQ never sees what the function raises
        )
        shipments.grant(ship, "dynamodb:PutItem")
        Rule(
            self,
            "ShipPlaced",
            event_bus=bus,
            event_pattern=EventPattern(
                source=Match.prefix("shop."),
                detail_type=["OrderPlaced"],
                detail={"data": {"country": Match.anything_but("XX", "ZZ"), "held": Match.does_not_exist()}},
            ),
            targets=[
                LambdaFunction(ship, dead_letter_queue=undelivered, retry_attempts=20, max_event_age=HOUR)
            ],  # admits the rule to function and DLQ
        )

        reviews = Queue(self, "Reviews", encryption=QueueEncryption.SQS_MANAGED, enforce_ssl=True)
        to_review = Rule(
            self,
            "ToReview",
            event_bus=bus,
            event_pattern=EventPattern(detail_type=["OrderPlaced"]),
            targets=[SqsQueue(reviews, dead_letter_queue=undelivered, retry_attempts=20, max_event_age=HOUR)],
        )
        rule = to_review.node.default_child
        assert isinstance(rule, CfnRule)
        rule.add_property_override(  # L2 has no `$or`
            "EventPattern.$or",
            [
                {"detail": {"data": {"total": [{"numeric": [">=", 1000]}]}}},
                {"detail": {"data": {"email": [{"suffix": ".example"}]}}},
                {"detail": {"data": {"country": ["XX", "ZZ", {"exists": False}]}}},  # ShipPlaced needs a country
                {"detail": {"data": {"held": [{"exists": True}]}}},
            ],
        )

        waiting = undelivered.metric_approximate_number_of_messages_visible(
            period=Duration.minutes(1), statistic="Maximum"
        )
        mend = "A target or its function failed for good. The message's attributes or its body say which."
        alarm(self, "NotDelivered", waiting, alarms, what_to_do=mend)

        CfnOutput(self, "BusName", value=bus.event_bus_name)
        CfnOutput(self, "PublishFunction", value=publish.function_name)
        CfnOutput(self, "ShipFunction", value=ship.function_name)
        CfnOutput(self, "ReviewsUrl", value=reviews.queue_url)
        CfnOutput(self, "UndeliveredUrl", value=undelivered.queue_url)
        CfnOutput(self, "ShipmentsTable", value=shipments.table_name)
