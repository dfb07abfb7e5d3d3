"""An expense, {"expense_id", "cents", "approver"}, waits up to ten days for its approval; it is right as it is."""

import json
import os

import boto3
from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration, WaitForCallbackConfig

sqs = boto3.client("sqs")


def ask(expense, callback_id):
    body = json.dumps({**expense, "callback_id": callback_id})
    sqs.send_message(QueueUrl=os.environ["APPROVALS_URL"], MessageBody=body)


@durable_execution
def handler(event, context: DurableContext):
    config = WaitForCallbackConfig(Duration.from_days(10))
    answer = context.wait_for_callback(lambda callback_id, _: ask(event, callback_id), "approval", config)
    return {"expense_id": event["expense_id"], "approved": json.loads(answer)["approved"]}
