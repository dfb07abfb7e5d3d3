"""Lets a new version have traffic only after it has refused an order that is none, as it should."""

import json
import os
from typing import Any

import boto3
from botocore.config import Config

NEW_VERSION = os.environ["NEW_VERSION"]
once = Config(connect_timeout=5, read_timeout=70, retries={"total_max_attempts": 1})  # together below its own timeout
lambda_ = boto3.client("lambda", config=once)
codedeploy = boto3.client("codedeploy")
PROBE: dict[str, Any] = {"messageId": "probe", "receiptHandle": "none", "body": "{}", "eventSource": "aws:sqs"}
PROBE |= {"attributes": {"ApproximateReceiveCount": "1"}}


def handler(event: dict, _context: Any) -> None:
    status = "Failed"
    try:
        prove()
        status = "Succeeded"
    finally:  # whatever went wrong: without a word CodeDeploy waits until it gives up
        codedeploy.put_lifecycle_event_hook_execution_status(
            deploymentId=event["DeploymentId"],
            lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
            status=status,
        )


def prove() -> None:
    """It starts, reads its variables and knows a bad order; nothing is shipped."""
    answer = lambda_.invoke(FunctionName=NEW_VERSION, Payload=json.dumps({"Records": [PROBE]}))
    payload = json.load(answer["Payload"])  # the status is 200 whatever the function did
    if "FunctionError" in answer or payload != {"batchItemFailures": [{"itemIdentifier": "probe"}]}:
        raise RuntimeError(f"{NEW_VERSION} answered {payload}")
