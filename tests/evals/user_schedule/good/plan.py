"""Plans one reminder for one user, on the clock of the user's zone."""

import json
import os
from datetime import datetime
from typing import Any

import boto3

GROUP = os.environ["SCHEDULE_GROUP"]

scheduler = boto3.client("scheduler")


def plan(user: str, reminder: str, at: datetime, zone: str, text: str) -> None:
    """The same reminder again replaces nothing and fails nowhere."""
    wanted: dict[str, Any] = {
        "GroupName": GROUP,
        "Name": f"{user}.{reminder}",
        "ScheduleExpression": f"at({at:%Y-%m-%dT%H:%M:%S})",
        "ScheduleExpressionTimezone": zone,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": os.environ["TARGET_ARN"],
            "RoleArn": os.environ["ROLE_ARN"],
            "DeadLetterConfig": {"Arn": os.environ["DLQ_ARN"]},
            "RetryPolicy": {"MaximumRetryAttempts": 20, "MaximumEventAgeInSeconds": 3600},
            "Input": json.dumps({"user": user, "reminder": reminder, "text": text}),
        },
    }
    try:
        scheduler.create_schedule(**wanted)
    except scheduler.exceptions.ConflictException:
        return


def cancel(user: str, reminder: str) -> None:
    try:
        scheduler.delete_schedule(GroupName=GROUP, Name=f"{user}.{reminder}")
    except scheduler.exceptions.ResourceNotFoundException:
        return
