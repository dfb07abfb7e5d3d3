"""A loan is scored, approved by a person in time, drawn up and paid out at most once; what fails is told."""

from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk.aws_iam import PolicyStatement
from aws_cdk.aws_lambda import Alias, DurableConfig, VersionOptions
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import Queue, QueueEncryption
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent


class DurableWorkflow(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        partners_url = CfnParameter(self, "PartnersUrl").value_as_string
        approval = CfnParameter(self, "ApprovalSeconds", type="Number", default=259200).value_as_string
        withdrawal = CfnParameter(self, "WithdrawalSeconds", type="Number", default=86400).value_as_string
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        self.logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)

        approvals = self.queue("Approvals", days=3)  # later is too late
        failed = self.queue("Failed", days=14)
        workflow = self.function(
            "Workflow",
            timeout=120,  # of one invocation: all that runs between two waits
            durable_config=DurableConfig(
                execution_timeout=Duration.days(7),  # both waits, and an outage of each step
                retention_period=Duration.days(90),  # for so long after its end a loan's id starts nothing
            ),
            # Executions go on in the version that began them, which CDK would delete with the next one.
            current_version_options=VersionOptions(removal_policy=RemovalPolicy.RETAIN),
            dead_letter_queue=failed,  # the events of executions that failed
            environment={
                "PARTNERS_URL": partners_url,
                "APPROVALS_URL": approvals.queue_url,
                "APPROVAL_SECONDS": approval,
                "WITHDRAWAL_SECONDS": withdrawal,
            },
        )
        approvals.grant(workflow, "sqs:SendMessage")
        live = Alias(self, "WorkflowAliaslive", alias_name="live", version=workflow.current_version)

        # whoever takes loans calls it, and may call it again
        start = self.function("Start", environment={"WORKFLOW": live.function_arn})
        live.grant_invoke(start)
        decide = self.function("Decide", environment={})  # whoever shows Approvals to people calls it
        decide.add_to_role_policy(
            PolicyStatement(
                actions=["lambda:SendDurableExecutionCallbackSuccess"],
                resources=[f"{workflow.function_arn}:*"],  # executions are named by version, never by alias
            )
        )

        dead = failed.metric_approximate_number_of_messages_visible(period=Duration.minutes(1), statistic="Maximum")
        mend = (
            "A loan's workflow failed. Read its history; was it paid out? "
            "Finish it by hand, or start it under a new id."
        )
        alarm(self, "FailedLoans", dead, alarms, what_to_do=mend)

        CfnOutput(self, "StartName", value=start.function_name)
        CfnOutput(self, "DecideName", value=decide.function_name)
        CfnOutput(self, "WorkflowName", value=workflow.function_name)
        CfnOutput(self, "ApprovalsUrl", value=approvals.queue_url)
        CfnOutput(self, "FailedUrl", value=failed.queue_url)

    def queue(self, name: str, days: int) -> Queue:
        return Queue(
            self,
            name,
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(days),
        )

    def function(self, name: str, environment: dict[str, str], timeout: int = 20, **more: Any) -> PythonFunction:
        return PythonFunction(
            self,
            name,
            HERE,
            handler=f"{name.lower()}.handler",
            timeout=timeout,
            log_group=self.logs,
            environment={"POWERTOOLS_SERVICE_NAME": "loans", **environment},
            **more,
        )
