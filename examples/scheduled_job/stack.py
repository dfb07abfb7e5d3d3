"""Orders one pickup a night and sends each reminder once, at the hour of its time zone."""

import json
from pathlib import Path

from aws_cdk import ArnFormat, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack, TimeZone
from aws_cdk.aws_cloudwatch import CfnAlarm, ComparisonOperator, Metric, TreatMissingData
from aws_cdk.aws_dynamodb import Attribute, AttributeType, TableEncryptionV2, TableV2
from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda_destinations import SqsDestination
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_scheduler import (
    CfnScheduleGroup,
    Schedule,
    ScheduleExpression,
    ScheduleGroup,
    ScheduleTargetInput,
    TimeWindow,
)
from aws_cdk.aws_scheduler_targets import LambdaInvoke
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import Queue, QueueEncryption
from constructs import Construct

from cdk_parts import PythonFunction, alarm

HERE = Path(__file__).parent


class ScheduledJob(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        alarms = Topic.from_topic_arn(self, "Alarms", CfnParameter(self, "AlarmTopicArn").value_as_string)
        carrier_url = CfnParameter(self, "CarrierUrl").value_as_string
        logs = LogGroup(self, "Logs", retention=RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)

        nightly = CfnScheduleGroup(self, "Nightly")  # L2 gives the group a fixed name
        reminders = CfnScheduleGroup(self, "Reminders")
        scheduler_role = Role(
            self,
            "SchedulerRole",
            assumed_by=ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={  # not a schedule's ARN: the role would never be assumed
                    "StringEquals": {
                        "aws:SourceAccount": self.account,
                        "aws:SourceArn": [nightly.attr_arn, reminders.attr_arn],
                    }
                },
            ),
        )
        undelivered = Queue(
            self,
            "Undelivered",
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        done = TableV2(
            self,
            "Done",
            partition_key=Attribute(name="id", type=AttributeType.STRING),
            time_to_live_attribute="expiration",
            encryption=TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.DESTROY,
        )
        fire = PythonFunction(
            self,
            "Fire",
            HERE,
            handler="fire.handler",
            timeout=30,  # under the minute until Lambda's retry: a dead attempt does not block it
            log_group=logs,
            environment={
                "CARRIER_URL": carrier_url,
                "DONE_TABLE": done.table_name,
                "POWERTOOLS_SERVICE_NAME": "jobs",
            },
            max_event_age=Duration.hours(1),
            on_failure=SqsDestination(undelivered),  # what the function raises never reaches its schedule's DLQ
        )
        writes = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
        done.grant(fire, "dynamodb:GetItem", *writes)
        Schedule(
            self,
            "FireOrderPickup",
            schedule=ScheduleExpression.cron(  # an hour that clocks never skip or repeat
                minute="15", hour="4", time_zone=TimeZone.AMERICA_NEW_YORK
            ),
            schedule_group=ScheduleGroup.from_schedule_group_name(self, "Group", nightly.ref),
            time_window=TimeWindow.flexible(Duration.minutes(15)),
            target=LambdaInvoke(  # lets the role use Fire and the queue, which the reminders need too
                fire,
                role=scheduler_role,
                input=ScheduleTargetInput.from_text(
                    '{"job": "pickups", "id": "nightly", "at": "<aws.scheduler.scheduled-time>"}'
                ),
                retry_attempts=185,
                max_event_age=Duration.hours(1),
                dead_letter_queue=undelivered,
            ),
        )

        target = {
            "Arn": fire.function_arn,
            "RoleArn": scheduler_role.role_arn,
            "DeadLetterConfig": {"Arn": undelivered.queue_arn},
            "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 3600},
        }
        plan_reminders = PythonFunction(
            self,
            "PlanReminders",
            HERE,
            handler="plan.handler",
            timeout=15,
            log_group=logs,
            environment={
                "REMINDERS_GROUP": reminders.ref,
                "TARGET": json.dumps(target, separators=(",", ":")),
                "POWERTOOLS_SERVICE_NAME": "jobs",
            },
        )
        its_schedules = self.format_arn(
            service="scheduler",
            resource="schedule",
            resource_name=f"{reminders.ref}/*",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        changes = ("CreateSchedule", "GetSchedule", "UpdateSchedule", "DeleteSchedule")
        plan_reminders.add_to_role_policy(
            PolicyStatement(actions=[f"scheduler:{each}" for each in changes], resources=[its_schedules])
        )
        plan_reminders.add_to_role_policy(
            PolicyStatement(
                actions=["iam:PassRole"],  # grant_pass_role would let it pass the role to any service
                resources=[scheduler_role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            )
        )

        waiting = undelivered.metric_approximate_number_of_messages_visible(
            period=Duration.minutes(1), statistic="Maximum"
        )
        mend = "A job failed for good. Mend the cause, then invoke Fire with the payload."
        alarm(self, "Failed", waiting, alarms, what_to_do=mend)
        pickups = Metric(
            namespace="Shop",
            metric_name="pickups",
            dimensions_map={"service": "jobs"},
            statistic="Sum",
            period=Duration.hours(1),
        )
        no_pickup = alarm(
            self,
            "NoPickup",
            pickups,
            alarms,
            above=1,
            periods=26,  # a day can have 25 hours, and retries last one
            comparison_operator=ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=TreatMissingData.BREACHING,
            what_to_do="No pickup was ordered for 26 hours.",
        )
        made = no_pickup.node.default_child
        assert isinstance(made, CfnAlarm)
        made.warm_up_configuration = CfnAlarm.WarmUpConfigurationProperty(  # L2 has no warm-up
            warm_up_period_duration_in_minutes=1560, only_start_evaluating_after_warm_up_period_ends=True
        )

        CfnOutput(self, "PlanFunction", value=plan_reminders.function_name)
        CfnOutput(self, "FireFunction", value=fire.function_name)
        CfnOutput(self, "NightlyGroup", value=nightly.ref)
        CfnOutput(self, "RemindersGroup", value=reminders.ref)
        CfnOutput(self, "UndeliveredUrl", value=undelivered.queue_url)
