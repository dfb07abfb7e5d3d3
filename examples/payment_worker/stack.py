"""Charges each payment at most once, at a provider without idempotency keys; unknown outcomes wait for a human."""

from pathlib import Path

from aws_cdk import CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_cloudwatch import Metric
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    GlobalSecondaryIndexPropsV2,
    PointInTimeRecoverySpecification,
    StreamViewType,
    TableEncryptionV2,
    TableV2,
)
from aws_cdk.aws_iam import PolicyStatement
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import DeadLetterQueue, Queue, QueueEncryption
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
MINUTE = Duration.minutes(1)


class PaymentWorker(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        provider_url = CfnParameter(self, "ProviderUrl").value_as_string
        service = CfnParameter(self, "ServiceName", default="payments").value_as_string  # tells two such stacks apart
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)

        dlq = Queue(
            self,
            "PaymentsDlq",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),  # counts from the first send, so longer than the source's
        )
        payments = Queue(
            self,
            "Payments",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.minutes(6),  # 6 x timeout, and longer than a claim's 60 + 30 s
            dead_letter_queue=DeadLetterQueue(queue=dlq, max_receive_count=40),  # 39 pauses, see template.yaml
        )
        ledger = TableV2(  # nothing in it expires: a claim that did would be charged again
            self,
            "Ledger",
            partition_key=Attribute(name="payment_id", type=AttributeType.STRING),
            dynamo_stream=StreamViewType.NEW_IMAGE,  # what comes next reads it, as the shop does
            global_secondary_indexes=[  # holds what is UNKNOWN or CLAIMED only, so that a human can list it
                GlobalSecondaryIndexPropsV2(
                    index_name="Unsettled",
                    partition_key=Attribute(name="unsettled", type=AttributeType.STRING),
                    sort_key=Attribute(name="deadline", type=AttributeType.NUMBER),
                )
            ],
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            deletion_protection=True,
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.RETAIN,
        )
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)
        variables = {
            "PAYMENTS_URL": payments.queue_url,
            "LEDGER_TABLE": ledger.table_name,
            "POWERTOOLS_SERVICE_NAME": service,
        }
        charge = PythonFunction(
            self,
            "Charge",
            HERE,
            handler="app.handler",
            timeout=60,  # the call takes up to 22 s, the ledger's two writes up to 18 s
            log_group=logs,
            environment={**variables, "PROVIDER_URL": provider_url},
        )
        resolve = PythonFunction(  # a human invokes it, or a program that asks the provider
            self, "Resolve", HERE, handler="resolve.handler", timeout=30, log_group=logs, environment=variables
        )
        reads_and_writes = ["dynamodb:GetItem", "dynamodb:UpdateItem"]  # ledger.grant would add the index
        writes = [*reads_and_writes, "dynamodb:PutItem", "dynamodb:DeleteItem"]
        charge.add_to_role_policy(PolicyStatement(actions=writes, resources=[ledger.table_arn]))
        resolve.add_to_role_policy(PolicyStatement(actions=reads_and_writes, resources=[ledger.table_arn]))
        resolve.add_to_role_policy(PolicyStatement(actions=["sqs:SendMessage"], resources=[payments.queue_arn]))
        source = SqsEventSource(
            payments,
            batch_size=1,  # a death leaves one outcome unknown, and the call has the whole time
            report_batch_item_failures=True,
            max_concurrency=5,  # what the provider allows
        )
        charge.add_event_source(source)  # grants ChangeMessageVisibility too

        unknown = Metric(
            namespace="Shop",
            metric_name="PaymentUnknown",
            dimensions_map={"service": service},
            statistic="Sum",
            period=MINUTE,
        )
        ask = "A card may have been charged. List the index Unsettled, ask the provider, invoke Resolve."
        alarm(self, "Unknown", unknown, alarms, what_to_do=ask)
        dead = dlq.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")
        mend = "A payment was not settled in 40 receives. Find the cause, mend it, redrive PaymentsDlq."
        alarm(self, "DeadLetters", dead, alarms, what_to_do=mend)
        delayed = Metric(
            namespace="Shop",
            metric_name="PaymentDelayed",
            dimensions_map={"service": service},
            statistic="Sum",
            period=Duration.minutes(15),  # the longest pause: it stays on while they wait
        )
        look = "Payments wait for their eighth try or a later one: is the provider down? They outlast 4 hours of it."
        alarm(self, "Delayed", delayed, alarms, what_to_do=look)
        age = payments.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum")
        speed_up = "Payments wait; a message older than the queue's retention is deleted."
        alarm(self, "Backlog", age, alarms, above=3600, periods=5, what_to_do=speed_up)

        CfnOutput(self, "PaymentsUrl", value=payments.queue_url)
        CfnOutput(self, "PaymentsArn", value=payments.queue_arn)
        CfnOutput(self, "PaymentsDlqUrl", value=dlq.queue_url)
        CfnOutput(self, "LedgerTable", value=ledger.table_name)
        CfnOutput(self, "LedgerStreamArn", value=str(ledger.table_stream_arn))
        CfnOutput(self, "ChargeFunction", value=charge.function_name)
        CfnOutput(self, "ResolveFunction", value=resolve.function_name)
