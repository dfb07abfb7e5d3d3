"""An order is reserved, charged and booked, or nothing of it remains and the caller knows why."""

from pathlib import Path

from aws_cdk import Aws, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_dynamodb import Attribute, AttributeType, PointInTimeRecoverySpecification, TableEncryptionV2, TableV2
from aws_cdk.aws_events import EventPattern, Rule, RuleTargetInput
from aws_cdk.aws_events_targets import SqsQueue
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import Queue, QueueEncryption
from aws_cdk.aws_stepfunctions import DefinitionBody, LogLevel, LogOptions, StateMachine, StateMachineType
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
MINUTE = Duration.minutes(1)


class Saga(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        payments_url = CfnParameter(self, "PaymentsUrl").value_as_string
        carrier_url = CfnParameter(self, "CarrierUrl").value_as_string
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        self.logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)

        self.steps = self.table("Steps", "id")  # no TTL: a mark that expires lets a late step run
        stock = self.table("Stock", "sku")
        of_stock, payments, carrier = (
            {"STOCK_TABLE": stock.table_name},
            {"PARTNER_URL": payments_url},
            {"PARTNER_URL": carrier_url},
        )
        reserve_stock = self.step("ReserveStock", "stock.reserve", of_stock)
        release_stock = self.step("ReleaseStock", "stock.release", of_stock, undoes=True)
        steps = [
            reserve_stock,
            release_stock,
            self.step("ChargeCard", "partner.charge", payments),
            self.step("RefundCard", "partner.refund", payments, undoes=True),
            self.step("BookShipment", "partner.book", carrier),
            self.step("CancelShipment", "partner.cancel", carrier, undoes=True),
        ]
        for function in (reserve_stock, release_stock):
            stock.grant(function, "dynamodb:UpdateItem")

        place_order = StateMachine(
            self,
            "PlaceOrder",
            state_machine_type=StateMachineType.STANDARD,  # Express runs a name twice, and no redrive resumes it
            definition_body=DefinitionBody.from_string((HERE / "statemachine.asl.json").read_text()),
            definition_substitutions={step.node.id: step.function_arn for step in steps},
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
                include_execution_data=False,  # the input holds an address
            ),
        )
        for step in steps:
            step.grant_invoke(place_order)  # a definition given as text grants nothing

        half_done = Queue(  # ARNs of executions for a human to redrive, which is possible for 14 days
            self,
            "HalfDone",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        Rule(  # also by States.Runtime, States.DataLimitExceeded and StopExecution, which no Catch sees
            self,
            "EndedHalfDone",
            event_pattern=EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [place_order.state_machine_arn],
                    "$or": [
                        {"status": ["TIMED_OUT", "ABORTED"]},
                        # AWS does not document `error`: should it be missing, each failed order is reported
                        {"status": ["FAILED"], "error": [{"anything-but": {"prefix": "Undone."}}, {"exists": False}]},
                    ],
                },
            ),
            targets=[SqsQueue(half_done, message=RuleTargetInput.from_event_path("$.detail.executionArn"))],
        )

        waiting = half_done.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")
        mend = "An order is neither done nor undone. Mend the cause, redrive the executions in HalfDone."
        alarm(self, "HalfDoneOrders", waiting, alarms, what_to_do=mend)
        failed = place_order.metric_failed(period=Duration.minutes(5), statistic="Sum")
        look = "More orders fail than declined cards explain."
        alarm(self, "FailedOrders", failed, alarms, above=20, what_to_do=look)

        CfnOutput(self, "StateMachineArn", value=place_order.state_machine_arn)
        CfnOutput(self, "StepsTable", value=self.steps.table_name)
        CfnOutput(self, "StockTable", value=stock.table_name)
        CfnOutput(self, "HalfDoneUrl", value=half_done.queue_url)

    def table(self, name: str, key: str) -> TableV2:
        return TableV2(
            self,
            name,
            partition_key=Attribute(name=key, type=AttributeType.STRING),
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def step(self, name: str, handler: str, variables: dict[str, str], undoes: bool = False) -> PythonFunction:
        """A step marks itself before it acts; undoing it changes that mark."""
        made = PythonFunction(
            self,
            name,
            HERE,
            handler=handler,
            timeout=20,  # below the tasks' TimeoutSeconds: a step is dead before it is undone
            log_group=self.logs,
            environment={"STEPS_TABLE": self.steps.table_name, **variables},
        )
        self.steps.grant(made, "dynamodb:UpdateItem" if undoes else "dynamodb:PutItem")
        return made
