"""A reminder a week after each order."""

import json
import os
import uuid
from datetime import UTC, datetime, timedelta

import boto3

scheduler = boto3.client("scheduler")


def handler(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        due = datetime.now(UTC) + timedelta(days=7)
        scheduler.create_schedule(
            Name=f"reminder-{uuid.uuid4()}",
            ScheduleExpression=f"at({due:%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": os.environ["QUEUE_ARN"],
                "RoleArn": os.environ["ROLE_ARN"],
                "Input": json.dumps({"order_id": order["order_id"]}),
            },
        )
    return {"batchItemFailures": []}
