"""One schedule for each appointment that is more than a day ahead."""

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta

import boto3

scheduler = boto3.client("scheduler")
DAY = timedelta(hours=24)


def schedule_of(appointment):
    """A schedule's name may hold few characters, and 64 of them."""
    name = hashlib.sha256(appointment.encode()).hexdigest()
    return {"GroupName": os.environ["SCHEDULE_GROUP"], "Name": name}


def plan(appointment, at):
    due = (datetime.fromisoformat(at) - DAY).astimezone(UTC)
    if due <= datetime.now(UTC):
        cancel(appointment)
        return
    schedule = {
        **schedule_of(appointment),
        "ScheduleExpression": f"at({due:%Y-%m-%dT%H:%M:%S})",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": os.environ["REMIND_ARN"],
            "RoleArn": os.environ["ROLE_ARN"],
            "Input": json.dumps({"appointment": appointment, "at": at}),
            "DeadLetterConfig": {"Arn": os.environ["DLQ_ARN"]},
            "RetryPolicy": {"MaximumEventAgeInSeconds": 43_200},
        },
    }
    try:
        scheduler.create_schedule(**schedule)
    except scheduler.exceptions.ConflictException:
        scheduler.update_schedule(**schedule)


def cancel(appointment):
    try:
        scheduler.delete_schedule(**schedule_of(appointment))
    except scheduler.exceptions.ResourceNotFoundException:
        return  # it has fired, or there never was one
