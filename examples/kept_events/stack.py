"""Keeps where each order stands, by its events in their order; a bus that keeps them gives back what was missed."""

from pathlib import Path

from aws_cdk import Aws, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_cloudwatch import Metric
from aws_cdk.aws_dynamodb import Attribute, AttributeType, PointInTimeRecoverySpecification, TableEncryptionV2, TableV2
from aws_cdk.aws_eventsv2 import CfnEventBus, CfnSubscriber
from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_logs import CfnDelivery, CfnDeliveryDestination, CfnDeliverySource, LogGroup, RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import Queue, QueueEncryption
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
MINUTE = Duration.minutes(1)
Filters = CfnSubscriber.FilterConfigurationProperty
Invoke = CfnSubscriber.InvokeConfigurationProperty


class KeptEvents(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)

        bus = CfnEventBus(
            self,
            "Shop",
            name=f"{Aws.STACK_NAME}-shop",
            storage_configuration=CfnEventBus.StorageConfigurationProperty(retention_period_in_days=14),
        ).attr_event_bus_arn
        missed = Queue(
            self,
            "Missed",  # records of the bus, which name an event, and events that nobody can read
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        orders = TableV2(
            self,
            "Orders",
            partition_key=Attribute(name="order_id", type=AttributeType.STRING),
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.DESTROY,
        )
        publish = PythonFunction(
            self,
            "Publish",
            HERE,
            handler="publish.handler",
            timeout=30,
            log_group=logs,
            environment={"BUS_ARN": bus, "POWERTOOLS_SERVICE_NAME": "orders"},
        )
        publish.add_to_role_policy(PolicyStatement(actions=["events:PutEvents"], resources=[bus]))
        track = PythonFunction(
            self,
            "Track",
            HERE,
            handler="track.handler",
            timeout=15,  # below the 30 s that the bus waits
            log_group=logs,
            environment={
                "ORDERS_TABLE": orders.table_name,
                "MISSED_URL": missed.queue_url,
                "POWERTOOLS_SERVICE_NAME": "track",
            },
        )
        orders.grant(track, "dynamodb:GetItem", "dynamodb:PutItem")
        track.add_to_role_policy(PolicyStatement(actions=["sqs:SendMessage"], resources=[missed.queue_arn]))

        here = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        deliver = Role(self, "Deliver", assumed_by=ServicePrincipal("events.amazonaws.com", conditions=here))
        deliver.add_to_policy(PolicyStatement(actions=["lambda:InvokeFunction"], resources=[track.function_arn]))
        deliver.add_to_policy(PolicyStatement(actions=["sqs:SendMessage"], resources=[missed.queue_arn]))
        to_track = CfnSubscriber(
            self,
            "ToTrack",
            name=f"{Aws.STACK_NAME}-track",
            event_bus_arn=bus,
            type="FIFO",  # within the EventGroupId that the producer gave
            starting_position="LATEST",
            filter_configuration=Filters(
                filters=[CfnSubscriber.FilterProperty(scope="DATA", pattern='{"source": ["shop.orders"]}')]
            ),
            batch_configuration=CfnSubscriber.BatchConfigurationProperty(max_batch_size=1),  # an event, not a list
            transformer=CfnSubscriber.TransformerProperty(type="WITH_METADATA"),  # tells a replay
            invoke_configuration=Invoke(
                target_arn=track.function_arn,
                role_arn=deliver.role_arn,
                lambda_parameters=CfnSubscriber.LambdaParametersProperty(invocation_type="REQUEST_RESPONSE"),
            ),
            retry_policy=CfnSubscriber.RetryPolicyProperty(  # meanwhile the events of all groups wait
                max_retry_attempts=20, max_event_age_in_seconds=300
            ),
            on_failure_configuration=CfnSubscriber.OnFailureConfigurationProperty(arn=missed.queue_arn),
            log_configuration=CfnSubscriber.LogConfigurationProperty(level="ERROR"),  # off by default
        )
        to_track.node.add_dependency(deliver)  # with what it may do
        self.log_failures(to_track)

        operate = PythonFunction(
            self,
            "Operate",
            HERE,
            handler="operate.handler",  # a human invokes it
            timeout=60,
            log_group=logs,
            environment={
                "BUS_ARN": bus,
                "SUBSCRIBER_ARN": to_track.attr_subscriber_arn,
                "ORDERS_TABLE": orders.table_name,
                "POWERTOOLS_SERVICE_NAME": "track",
            },
        )
        own = f"arn:{Aws.PARTITION}:events:{Aws.REGION}:{Aws.ACCOUNT_ID}:subscriber/{Aws.STACK_NAME}-track-again-*"
        for actions, resource in (
            (["events:CreateSubscriber"], bus),
            (["events:DescribeSubscriber", "events:UpdateSubscriber"], to_track.attr_subscriber_arn),
            (["events:DeleteSubscriber"], own),
            (["iam:PassRole"], deliver.role_arn),
        ):
            operate.add_to_role_policy(PolicyStatement(actions=actions, resources=[resource]))
        orders.grant(operate, "dynamodb:Scan")

        missing = Metric(
            namespace="Shop",
            metric_name="EventMissing",
            dimensions_map={"service": "track"},
            statistic="Sum",
            period=MINUTE,
        )
        again = "An order lacks an event. Mend what failed, then let Operate READ_AGAIN from before it."
        alarm(self, "EventsMissing", missing, alarms, what_to_do=again)
        waiting = missed.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")
        mend = "Events were given up, or nobody can read them. Mend the cause, then let Operate READ_AGAIN."
        alarm(self, "NotTracked", waiting, alarms, what_to_do=mend)
        pause = "Track fails, and all orders wait. PAUSE by Operate before events are given up, mend, RESUME."
        alarm(self, "HeldUp", track.metric_errors(period=MINUTE), alarms, periods=2, what_to_do=pause)

        CfnOutput(self, "BusArn", value=bus)
        CfnOutput(self, "SubscriberArn", value=to_track.attr_subscriber_arn)
        CfnOutput(self, "OrdersTable", value=orders.table_name)
        CfnOutput(self, "MissedUrl", value=missed.queue_url)
        CfnOutput(self, "PublishFunction", value=publish.function_name)
        CfnOutput(self, "TrackFunction", value=track.function_name)
        CfnOutput(self, "OperateFunction", value=operate.function_name)

    def log_failures(self, subscriber: CfnSubscriber) -> None:
        """Without a delivery the level writes nothing anywhere."""
        failed = LogGroup(
            self,
            "FailedDeliveries",
            log_group_name=f"/aws/vendedlogs/{Aws.STACK_NAME}",
            retention=RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        source = CfnDeliverySource(
            self,
            "FromSubscriber",
            name=f"{Aws.STACK_NAME}-track",
            resource_arn=subscriber.attr_subscriber_arn,
            log_type="ERROR_LOGS",
        )
        to_logs = CfnDeliveryDestination(
            self, "ToLogs", name=f"{Aws.STACK_NAME}-logs", destination_resource_arn=failed.log_group_arn
        )
        CfnDelivery(self, "DeliverLogs", delivery_source_name=source.ref, delivery_destination_arn=to_logs.attr_arn)
