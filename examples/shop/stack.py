"""Joins four examples to a shop, in which each order is charged, shipped and mailed once, or refunded."""

from pathlib import Path

from aws_cdk import Aws, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_apigatewayv2 import CfnIntegration, CfnRoute
from aws_cdk.aws_cloudwatch import Metric
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    PointInTimeRecoverySpecification,
    StreamViewType,
    TableEncryptionV2,
    TableV2,
)
from aws_cdk.aws_events import EventBus, EventPattern, Match, Rule
from aws_cdk.aws_events_targets import SqsQueue
from aws_cdk.aws_iam import PolicyStatement
from aws_cdk.aws_lambda import CfnPermission, EventSourceMapping, Function, StartingPosition
from aws_cdk.aws_lambda_event_sources import SqsDlq, SqsEventSource
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import DeadLetterQueue, Queue, QueueEncryption
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
MINUTE = Duration.minutes(1)
READ = [f"dynamodb:{action}" for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")]
INSERTED = '{"eventName": ["INSERT"]}'
MOVED = '{"eventName": ["INSERT", "MODIFY"]}'
SETTLED = '{"dynamodb": {"NewImage": {"state": {"S": ["DONE", "REFUSED", "UNKNOWN"]}}}}'
REFUNDED = '{"dynamodb": {"NewImage": {"state": {"S": ["DONE", "REFUSED"]}}}}'
COMPLETED = '{"dynamodb": {"NewImage": {"status": {"S": ["COMPLETED"]}}}}'


class Shop(Stack):
    """The other stacks' outputs are its parameters: each can be deployed and deleted on its own."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)

        def given(name: str) -> str:
            return CfnParameter(self, name).value_as_string

        alarms = Topic.from_topic_arn(self, "Alarms", given("AlarmTopicArn"))
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)
        commands = {each: (given(f"{each}Url"), given(f"{each}Arn")) for each in ("Payments", "Shipping", "Refunds")}
        shipments, bus_name, domain = given("ShipmentsTable"), given("BusName"), given("Domain")

        progress = self.table("Progress", "order_id", dynamo_stream=StreamViewType.NEW_IMAGE, **KEPT)
        customers = self.table("Customers", "customer", **KEPT)
        prices = self.table("Prices", "sku")
        records = self.table("MailRecords", "mail_id", time_to_live_attribute="expires")

        mails_dlq, left_behind = self.queue("MailsDlq"), self.queue("LeftBehind")
        mails = Queue(
            self,
            "Mails",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.minutes(3),  # 6 x timeout, and longer than a claim's 30 + 30 s
            dead_letter_queue=DeadLetterQueue(queue=mails_dlq, max_receive_count=24),  # 23 pauses, see template.yaml
        )

        def function(name: str, module: str, timeout: int = 30, **variables: str) -> Function:
            variables["POWERTOOLS_SERVICE_NAME"] = "shop"
            handler = f"{module}.handler"
            return PythonFunction(
                self, name, HERE, handler=handler, timeout=timeout, log_group=logs, environment=variables
            )

        follow = function(
            "Follow",
            "follow",
            60,
            PROGRESS_TABLE=progress.table_name,
            CUSTOMERS_TABLE=customers.table_name,
            PRICES_TABLE=prices.table_name,
            LEFT_BEHIND_URL=left_behind.queue_url,
            **{f"{each.upper()}_URL": url for each, (url, _) in commands.items()},
        )
        progress.grant(follow, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
        customers.grant(follow, "dynamodb:GetItem")
        prices.grant(follow, "dynamodb:GetItem")
        queues = [*(arn for _, arn in commands.values()), left_behind.queue_arn]
        follow.add_to_role_policy(PolicyStatement(actions=["sqs:SendMessage"], resources=queues))
        for event, stream, pattern in (
            ("Placed", "OrdersStreamArn", INSERTED),
            ("Charged", "LedgerStreamArn", SETTLED),
            ("Shipped", "ShipmentsStreamArn", COMPLETED),
            ("Refunded", "RefundsStreamArn", REFUNDED),
        ):
            self.follow_stream(f"Follow{event}", follow, given(stream), pattern, left_behind)

        announce = function("Announce", "announce", BUS_NAME=bus_name, LEFT_BEHIND_URL=left_behind.queue_url)
        bus = EventBus.from_event_bus_name(self, "Bus", bus_name)
        bus.grant_put_events_to(announce)
        announce.add_to_role_policy(PolicyStatement(actions=["sqs:SendMessage"], resources=[left_behind.queue_arn]))
        self.follow_stream("AnnounceMoved", announce, str(progress.table_stream_arn), MOVED, left_behind)

        give_up = function("GiveUp", "give_up", 25, CARRIER_URL=given("CarrierUrl"), SHIPMENTS_TABLE=shipments)
        writes = [f"dynamodb:{action}Item" for action in ("Get", "Put", "Update", "Delete")]
        table_arn = f"arn:{Aws.PARTITION}:dynamodb:{Aws.REGION}:{Aws.ACCOUNT_ID}:table/{shipments}"
        give_up.add_to_role_policy(PolicyStatement(actions=writes, resources=[table_arn]))
        unshipped = Queue.from_queue_arn(self, "Unshipped", given("ShippingDlqArn"))
        give_up.add_event_source(SqsEventSource(unshipped, batch_size=1, report_batch_item_failures=True))

        mail = function(
            "Mail", "mail", MAILS_TABLE=records.table_name, MAILS_URL=mails.queue_url, SENDER=f"orders@{domain}"
        )
        records.grant(mail, *writes)
        identity = f"arn:{Aws.PARTITION}:ses:{Aws.REGION}:{Aws.ACCOUNT_ID}:identity/{domain}"
        mail.add_to_role_policy(PolicyStatement(actions=["ses:SendEmail"], resources=[identity]))
        mail.add_event_source(  # grants ChangeMessageVisibility too
            SqsEventSource(mails, batch_size=1, report_batch_item_failures=True, max_concurrency=2)
        )
        Rule(
            self,
            "ToMail",
            event_bus=bus,
            event_pattern=EventPattern(
                source=["shop.orders"],
                detail_type=["OrderRejected", "OrderDeclined", "OrderShipped", "OrderRefunded"],
                detail={"data": {"email": Match.exists()}},
            ),
            targets=[SqsQueue(mails, dead_letter_queue=mails_dlq, retry_attempts=20, max_event_age=Duration.hours(1))],
        )

        status = function("Status", "status", PROGRESS_TABLE=progress.table_name)
        progress.grant(status, "dynamodb:GetItem")
        api, authorizer = given("ApiId"), given("AuthorizerId")
        integration = CfnIntegration(
            self,
            "StatusIntegration",
            api_id=api,
            integration_type="AWS_PROXY",
            integration_uri=status.function_arn,
            payload_format_version="2.0",
        )
        CfnRoute(
            self,
            "StatusRoute",
            api_id=api,
            route_key="GET /orders/{order_id}/status",
            target=f"integrations/{integration.ref}",
            authorization_type="JWT",
            authorizer_id=authorizer,
        )
        arn = f"arn:{Aws.PARTITION}:execute-api:{Aws.REGION}:{Aws.ACCOUNT_ID}:{api}/*/GET/orders/*/status"
        CfnPermission(
            self,
            "MayAsk",
            action="lambda:InvokeFunction",
            function_name=status.function_name,
            principal="apigateway.amazonaws.com",
            source_arn=arn,
        )

        def counted(metric: str) -> Metric:
            service = {"service": "shop"}
            return Metric(namespace="Shop", metric_name=metric, dimensions_map=service, statistic="Sum", period=MINUTE)

        help_it = "An order without a known customer or article, or a refund that was refused."
        help_it += " Progress says which; call the customer."
        alarm(self, "OrderNeedsHelp", counted("OrderNeedsHelp"), alarms, what_to_do=help_it)
        write = "A mail was refused, or nobody knows whether it was sent. MailRecords says why; write by hand."
        alarm(self, "MailInDoubt", counted("MailInDoubt"), alarms, what_to_do=write)
        given_up = give_up.metric_invocations(period=MINUTE, statistic="Sum")
        alarm(self, "OrdersGivenUp", given_up, alarms, what_to_do=GIVEN_UP)
        for name, queue, mend in (
            (
                "MailsDead",
                mails_dlq,
                "Mails could not be sent for 4 hours. Mend the cause, redrive MailsDlq.",
            ),
            ("OrdersLeftBehind", left_behind, STAND_STILL),
        ):
            waiting = queue.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")
            alarm(self, name, waiting, alarms, what_to_do=mend)
        for name, stuck, what in (("FollowStuck", follow, FOLLOW_STUCK), ("AnnounceStuck", announce, ANNOUNCE_STUCK)):
            age = stuck.metric("IteratorAge", period=MINUTE, statistic="Maximum")
            alarm(self, name, age, alarms, above=900_000, periods=5, what_to_do=what)  # milliseconds

        for made in (progress, customers, prices, records):
            CfnOutput(self, f"{made.node.id}Table", value=made.table_name)
        for made in (mails, mails_dlq, left_behind):
            CfnOutput(self, f"{made.node.id}Url", value=made.queue_url)
        CfnOutput(self, "FollowFunction", value=follow.function_name)

    def table(self, name: str, key: str, **more: object) -> TableV2:
        more = {"removal_policy": RemovalPolicy.DESTROY, **more}
        encryption = TableEncryptionV2.aws_managed_key()
        by = Attribute(name=key, type=AttributeType.STRING)
        return TableV2(self, name, partition_key=by, encryption=encryption, **more)

    def queue(self, name: str) -> Queue:
        two_weeks, managed = Duration.days(14), QueueEncryption.SQS_MANAGED
        return Queue(self, name, encryption=managed, enforce_ssl=True, retention_period=two_weeks)

    def follow_stream(self, name: str, function: Function, stream: str, pattern: str, left_behind: Queue) -> None:
        function.add_to_role_policy(PolicyStatement(actions=READ, resources=[stream]))
        EventSourceMapping(
            self,
            name,
            target=function,
            event_source_arn=stream,
            starting_position=StartingPosition.TRIM_HORIZON,  # LATEST misses what is written meanwhile
            filters=[{"pattern": pattern}],
            batch_size=10,
            report_batch_item_failures=True,
            bisect_batch_on_error=True,
            max_record_age=Duration.hours(12),
            on_failure=SqsDlq(left_behind),
        )


KEPT = {
    "point_in_time_recovery_specification": PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
    "removal_policy": RemovalPolicy.RETAIN,
}
STAND_STILL = "Orders stand still. Mend the cause; invoke Follow or Announce with the Records that each message holds, "
STAND_STILL += "or names by their place in a stream."
GIVEN_UP = "Orders could not be shipped, and are refunded. Redrive none of them: GiveUp asks the carrier to cancel, "
GIVEN_UP += "until it has. What it logs again and again is no order; delete it."
FOLLOW_STUCK = "Orders are 15 minutes late. Mend what Follow logs within 12 hours, or records are given up."
ANNOUNCE_STUCK = "Events are 15 minutes late. Mend what Announce logs within 12 hours, or they are given up."
