"""An order is reserved, charged and booked, or nothing of it remains and the caller knows why, or a human does."""

from pathlib import Path

from aws_cdk import Aws, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_cloudwatch import Metric, TreatMissingData
from aws_cdk.aws_dynamodb import Attribute, AttributeType, PointInTimeRecoverySpecification, TableEncryptionV2, TableV2
from aws_cdk.aws_events import EventField, EventPattern, Rule, RuleTargetInput, Schedule
from aws_cdk.aws_events_targets import LambdaFunction, SqsQueue
from aws_cdk.aws_iam import PolicyStatement
from aws_cdk.aws_lambda_destinations import SqsDestination
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import Queue, QueueEncryption
from aws_cdk.aws_stepfunctions import DefinitionBody, LogLevel, LogOptions, StateMachine, StateMachineType
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent
MINUTE, HOUR = Duration.minutes(1), Duration.hours(1)


class Saga(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        payments_url = CfnParameter(self, "PaymentsUrl").value_as_string
        carrier_url = CfnParameter(self, "CarrierUrl").value_as_string
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        self.logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)

        marks = self.table("Steps", "id")  # no TTL: a mark that expires lets a late step run
        stock = self.table("Stock", "sku")
        of_steps = {"STEPS_TABLE": marks.table_name}
        of_stock = {**of_steps, "STOCK_TABLE": stock.table_name}
        payments = {**of_steps, "PARTNER_URL": payments_url}
        reserve_stock = self.function("ReserveStock", "stock.reserve", **of_stock)
        release_stock = self.function("ReleaseStock", "stock.release", **of_stock)
        charge_card = self.function("ChargeCard", "partner.charge", **payments)
        refund_card = self.function("RefundCard", "partner.refund", **payments)
        # the last step, because a booking has no undo
        book_shipment = self.function("BookShipment", "partner.book", PARTNER_URL=carrier_url, **of_steps)
        for function in (reserve_stock, charge_card):  # a step marks itself before it acts; its undo changes the mark
            marks.grant(function, "dynamodb:PutItem")
        for function in (release_stock, refund_card):
            marks.grant(function, "dynamodb:UpdateItem")
        for function in (reserve_stock, release_stock):
            stock.grant(function, "dynamodb:UpdateItem")

        half_done = self.queue("HalfDone")  # executions for a human; after 14 days a question is void
        steps = [reserve_stock, release_stock, charge_card, refund_card, book_shipment]
        place_order = StateMachine(
            self,
            "PlaceOrder",
            state_machine_type=StateMachineType.STANDARD,  # Express runs a name twice, and no redrive resumes it
            definition_body=DefinitionBody.from_string((HERE / "statemachine.asl.json").read_text()),
            definition_substitutions={
                "HalfDone": half_done.queue_url,
                **{step.node.id: step.function_arn for step in steps},
            },
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
        half_done.grant(place_order, "sqs:SendMessage")

        machine = {"STATE_MACHINE": place_order.state_machine_arn}
        start_order = self.function("StartOrder", "start.handler", **machine)  # whoever takes orders calls it
        place_order.grant_start_execution(start_order)
        executions = f"arn:{Aws.PARTITION}:states:{Aws.REGION}:{Aws.ACCOUNT_ID}:execution"
        of_this = f"{executions}:{place_order.state_machine_name}:*"
        describe = PolicyStatement(actions=["states:DescribeExecution"], resources=[of_this])
        start_order.add_to_role_policy(describe)

        unreported = self.queue("Unreported")  # what neither the rule nor the sweep could tell
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
            targets=[
                SqsQueue(
                    half_done,
                    message=RuleTargetInput.from_object(
                        {
                            "execution": EventField.from_path("$.detail.executionArn"),
                            "status": EventField.from_path("$.detail.status"),
                        }
                    ),
                    dead_letter_queue=unreported,
                )
            ],
        )
        sweep = self.function(  # status events are best effort, so one may never come
            "Sweep",
            "sweep.handler",
            timeout=300,
            on_failure=SqsDestination(unreported),
            HALF_DONE_URL=half_done.queue_url,
            **machine,
        )
        place_order.grant(sweep, "states:ListExecutions")
        sweep.add_to_role_policy(describe)
        half_done.grant(sweep, "sqs:SendMessage")
        Rule(
            self,
            "SweepHourly",
            schedule=Schedule.rate(HOUR),
            targets=[LambdaFunction(sweep, dead_letter_queue=unreported)],
        )

        def waiting(queue: Queue) -> Metric:
            return queue.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")

        mend = "An order is neither done nor undone. Read HalfDone, mend the cause, answer or redrive."
        alarm(self, "HalfDoneOrders", waiting(half_done), alarms, what_to_do=mend)
        look = "A half-done order or a sweep could not be reported. Look for it by hand."
        alarm(self, "UnreportedOrders", waiting(unreported), alarms, what_to_do=look)
        late = "A clock ended an order without its compensations. Undo or finish it by hand."
        timed_out = place_order.metric_timed_out(period=MINUTE, statistic="Sum")
        alarm(self, "TimedOutOrders", timed_out, alarms, what_to_do=late)
        stopped = "Somebody stopped an order without its compensations. Undo or finish it by hand."
        aborted = place_order.metric_aborted(period=MINUTE, statistic="Sum")
        alarm(self, "AbortedOrders", aborted, alarms, what_to_do=stopped)
        repair = "Lost status events are found by nobody. See why Sweep fails or does not run."
        failed_sweeps = sweep.metric_errors(period=HOUR, statistic="Sum")
        missing = TreatMissingData.BREACHING
        alarm(self, "SweepStopped", failed_sweeps, alarms, what_to_do=repair, periods=2, treat_missing_data=missing)
        failed = place_order.metric_failed(period=Duration.minutes(5), statistic="Sum")
        many = "More orders fail than declined cards explain; that each was undone is what Sweep checks."
        alarm(self, "FailedOrders", failed, alarms, above=20, what_to_do=many)

        CfnOutput(self, "StartOrderName", value=start_order.function_name)
        CfnOutput(self, "StateMachineArn", value=place_order.state_machine_arn)
        CfnOutput(self, "StepsTable", value=marks.table_name)
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

    def queue(self, name: str) -> Queue:
        return Queue(
            self,
            name,
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )

    def function(
        self, name: str, handler: str, timeout: int = 20, on_failure: SqsDestination | None = None, **variables: str
    ) -> PythonFunction:
        return PythonFunction(
            self,
            name,
            HERE,
            handler=handler,
            timeout=timeout,  # of a step below its task's TimeoutSeconds: it is dead before it is tried again or undone
            log_group=self.logs,
            environment={**variables, "POWERTOOLS_SERVICE_NAME": "orders"},
            on_failure=on_failure,
        )
