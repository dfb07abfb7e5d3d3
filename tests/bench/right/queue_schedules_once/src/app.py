"""A reminder a week after each order, once: the schedule's name is the order's, and a second one is refused."""

import json
import os
from datetime import UTC, datetime, timedelta

import boto3

scheduler = boto3.client("scheduler")


def handler(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        due = datetime.now(UTC) + timedelta(days=7)
        try:
            scheduler.create_schedule(
                Name=f"reminder-{order['order_id']}",
                ScheduleExpression=f"at({due:%Y-%m-%dT%H:%M:%S})",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={
                    "Arn": os.environ["QUEUE_ARN"],
                    "RoleArn": os.environ["ROLE_ARN"],
                    "Input": json.dumps({"order_id": order["order_id"]}),
                },
            )
        except scheduler.exceptions.ConflictException:
            continue
    return {"batchItemFailures": []}
