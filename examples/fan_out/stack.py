"""Ships, invoices and counts each OrderPlaced once; no subscriber waits for another."""

from pathlib import Path
from typing import Any

from aws_cdk import ArnFormat, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_dynamodb import Attribute, AttributeType, TableEncryptionV2, TableV2
from aws_cdk.aws_iam import PolicyStatement, ServicePrincipal
from aws_cdk.aws_kms import Key
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sns import FilterOrPolicy, Subscription, SubscriptionFilter, SubscriptionProtocol, Topic
from aws_cdk.aws_sqs import DeadLetterQueue, Queue, QueueEncryption
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
MINUTE = Duration.minutes(1)
SNS = ServicePrincipal("sns.amazonaws.com")
WHEN_SNS_FAILS = {
    "NotDelivered": (
        "NumberOfNotificationsFailed",
        "Mend the queue's policy or key. What SNS could not deliver is in the queue's DLQ.",
    ),
    "NotKept": (
        "NumberOfNotificationsFailedToRedriveToDlq",
        "Lost for one subscriber. Mend its DLQ's policy, then publish the order again, which the others know.",
    ),
    "NotJson": (
        "NumberOfNotificationsFilteredOut-InvalidMessageBody",
        "A filter dropped what is no JSON. Mend the publisher, then publish the order again.",
    ),
}


class FanOut(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        self.alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        self.logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)

        self.key = Key(self, "Key", enable_key_rotation=True, removal_policy=RemovalPolicy.DESTROY)
        topics = self.format_arn(service="sns", resource="*", arn_format=ArnFormat.NO_RESOURCE_NAME)
        self.key.add_to_resource_policy(  # without it SNS reaches no queue, and publishing still succeeds
            PolicyStatement(
                principals=[SNS],
                actions=["kms:GenerateDataKey*", "kms:Decrypt"],
                resources=["*"],
                conditions={"ArnLike": {"aws:SourceArn": topics}},  # the topic's own ARN would be circular
            )
        )
        self.order_placed = Topic(self, "OrderPlaced", master_key=self.key, enforce_ssl=True)
        of_publish = {"TOPIC_ARN": self.order_placed.topic_arn, "POWERTOOLS_SERVICE_NAME": "orders"}
        publish = self.function("Publish", "publish.handler", of_publish)
        self.order_placed.grant_publish(publish)  # and the use of its key

        large = SubscriptionFilter.numeric_filter(greater_than=50_000)
        only_large = {"order": FilterOrPolicy.policy({"total_cents": FilterOrPolicy.filter(large)})}
        self.subscriber("Ship", "app.shipping", "Shipments", ["dynamodb:PutItem"])
        self.subscriber(
            "Invoice", "app.invoicing", "Invoices", ["dynamodb:PutItem"], filter_policy_with_message_body=only_large
        )
        self.subscriber(
            "Count",
            "app.analytics",
            "Revenue",
            ["dynamodb:PutItem", "dynamodb:UpdateItem"],
            at_once=2,  # they contend for the item of the day
            time_to_live="expires",
        )

        for alarm_name, (metric, mend) in WHEN_SNS_FAILS.items():
            failures = self.order_placed.metric(metric, period=MINUTE, statistic="Sum")
            alarm(self, alarm_name, failures, self.alarms, what_to_do=mend)

        CfnOutput(self, "TopicArn", value=self.order_placed.topic_arn)
        CfnOutput(self, "PublishFunction", value=publish.function_name)

    def subscriber(
        self,
        name: str,
        handler: str,
        table_name: str,
        writes: list[str],
        at_once: int = 10,  # a backlog here must not take the account's concurrency from the others
        time_to_live: str | None = None,
        **subscription: Any,
    ) -> None:
        """A queue of its own under the topic, with what it needs to be late or broken alone."""
        dlq = Queue(  # not under the key, whose faults end here; must it be a key of yours: a second, which admits SNS
            self,
            f"To{name}Dlq",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        queue = Queue(
            self,
            f"To{name}",
            encryption_master_key=self.key,
            enforce_ssl=True,
            visibility_timeout=Duration.minutes(6),  # 6 x timeout + batching window (none)
            dead_letter_queue=DeadLetterQueue(queue=dlq, max_receive_count=5),
        )
        from_topic = {"ArnEquals": {"aws:SourceArn": self.order_placed.topic_arn}}
        queue.add_to_resource_policy(
            PolicyStatement(
                principals=[SNS], actions=["sqs:SendMessage"], resources=[queue.queue_arn], conditions=from_topic
            )
        )
        self.deliver(name, queue, dlq, **subscription)
        table = TableV2(
            self,
            table_name,
            partition_key=Attribute(name="id", type=AttributeType.STRING),
            time_to_live_attribute=time_to_live,
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.DESTROY,
        )
        service = handler.removeprefix("app.")
        variables = {"RECORDS_TABLE": table.table_name, "POWERTOOLS_SERVICE_NAME": service}
        function = self.function(name, handler, variables)
        table.grant(function, *writes)
        function.add_event_source(SqsEventSource(queue, report_batch_item_failures=True, max_concurrency=at_once))

        dead = dlq.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")
        redrive = f"Mend the cause, then move To{name}Dlq to To{name}, naming the destination."
        alarm(self, f"To{name}Dead", dead, self.alarms, what_to_do=redrive)
        age = queue.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum")
        late = "What is older than the queue's retention is deleted."
        alarm(self, f"To{name}Waits", age, self.alarms, above=3600, periods=5, what_to_do=late)

    def deliver(self, name: str, queue: Queue, dlq: Queue, **subscription: Any) -> None:
        Subscription(  # SqsSubscription would name the topic in the key's policy: a circular dependency
            self,
            f"To{name}Subscription",
            topic=self.order_placed,
            protocol=SubscriptionProtocol.SQS,
            endpoint=queue.queue_arn,
            raw_message_delivery=True,
            dead_letter_queue=dlq,  # the queue's own DLQ: what is in it belongs to this queue alone
            **subscription,
        )

    def function(self, name: str, handler: str, variables: dict[str, str]) -> PythonFunction:
        return PythonFunction(
            self,
            name,
            HERE,
            handler=handler,
            timeout=60,  # 10 records, one after the other
            log_group=self.logs,
            environment=variables,
        )
