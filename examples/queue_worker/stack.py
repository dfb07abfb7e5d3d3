"""Books one shipment for each order, however often the queue delivers it, at a carrier that dedupes by our key."""

from pathlib import Path

from aws_cdk import CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_cloudwatch import Metric
from aws_cdk.aws_dynamodb import Attribute, AttributeType, StreamViewType, TableEncryptionV2, TableV2
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import DeadLetterQueue, Queue, QueueEncryption
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
MINUTE = Duration.minutes(1)


class QueueWorker(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        carrier_url = CfnParameter(self, "CarrierUrl").value_as_string
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)

        dlq = Queue(
            self,
            "OrdersDlq",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),  # counts from the first send, so longer than the source's
        )
        orders = Queue(
            self,
            "Orders",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.minutes(6),  # 6 x timeout + batching window (none)
            dead_letter_queue=DeadLetterQueue(queue=dlq, max_receive_count=40),  # 39 pauses, see template.yaml
        )
        shipments = TableV2(
            self,
            "Shipments",
            partition_key=Attribute(name="id", type=AttributeType.STRING),
            dynamo_stream=StreamViewType.NEW_IMAGE,  # what comes next reads it, as the shop does
            time_to_live_attribute="expiration",
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.DESTROY,
        )
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)
        ship_orders = PythonFunction(
            self,
            "ShipOrders",
            HERE,
            handler="app.handler",
            timeout=60,  # 10 records, one after the other
            log_group=logs,
            environment={
                "CARRIER_URL": carrier_url,
                "ORDERS_URL": orders.queue_url,
                "SHIPMENTS_TABLE": shipments.table_name,
                "POWERTOOLS_SERVICE_NAME": "shipping",
            },
        )
        writes = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
        shipments.grant(ship_orders, "dynamodb:GetItem", *writes)  # grant_read_write_data would add Scan and more
        source = SqsEventSource(
            orders,
            batch_size=10,
            report_batch_item_failures=True,
            max_concurrency=5,  # what the carrier allows; an invocation makes one call at a time
        )
        ship_orders.add_event_source(source)  # grants ChangeMessageVisibility too

        dead = dlq.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")
        mend = "An order could not be shipped. Find the cause, mend it, redrive OrdersDlq."
        alarm(self, "DeadLetters", dead, alarms, what_to_do=mend)
        refused = Metric(
            namespace="Shop",
            metric_name="OrderRefused",
            dimensions_map={"service": "shipping"},
            statistic="Sum",
            period=MINUTE,
        )
        tell = "The carrier refused an order for good. Its record in Shipments says why; tell the customer."
        alarm(self, "Refusals", refused, alarms, what_to_do=tell)
        delayed = Metric(
            namespace="Shop",
            metric_name="OrderDelayed",
            dimensions_map={"service": "shipping"},
            statistic="Sum",
            period=Duration.minutes(15),  # the longest pause: it stays on while they wait
        )
        look = "Orders wait for their eighth try or a later one: is the carrier down? They outlast 4 hours of it."
        alarm(self, "Delayed", delayed, alarms, what_to_do=look)
        age = orders.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum")
        speed_up = "Orders wait; a message older than the queue's retention is deleted."
        alarm(self, "Backlog", age, alarms, above=3600, periods=5, what_to_do=speed_up)

        CfnOutput(self, "OrdersUrl", value=orders.queue_url)
        CfnOutput(self, "OrdersArn", value=orders.queue_arn)
        CfnOutput(self, "OrdersDlqUrl", value=dlq.queue_url)
        CfnOutput(self, "OrdersDlqArn", value=dlq.queue_arn)
        CfnOutput(self, "ShipmentsTable", value=shipments.table_name)
        CfnOutput(self, "ShipmentsStreamArn", value=str(shipments.table_stream_arn))
        CfnOutput(self, "FunctionName", value=ship_orders.function_name)
