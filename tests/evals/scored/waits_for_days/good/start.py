import json
import logging
import os

import boto3

WORKFLOW = os.environ["WORKFLOW"]
functions = boto3.client("lambda")
logger = logging.getLogger()


def start(expense):
    """The name makes a repeat the same execution; waited for, it would have 15 minutes."""
    functions.invoke(
        FunctionName=WORKFLOW,
        InvocationType="Event",
        DurableExecutionName=f"expense-{expense['expense_id']}",
        Payload=json.dumps(expense, sort_keys=True),
    )


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            start(json.loads(record["body"]))
        except Exception:
            logger.exception("not started", extra={"message_id": record["messageId"]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
