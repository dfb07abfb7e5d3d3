import json
import os
from datetime import UTC, datetime

import boto3
from periods import due

subscriptions = boto3.resource("dynamodb").Table(os.environ["SUBSCRIPTIONS_TABLE"])
sqs = boto3.client("sqs")


def pages():
    start = {}
    while True:
        page = subscriptions.scan(**start)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def handler(event, context):
    """Each hour, so that a run that was missed is made good by the next."""
    now, failed = datetime.now(UTC), []
    for subscription in pages():
        try:
            months = [] if "ended" in subscription else list(due(subscription, now))
        except (KeyError, ValueError) as error:
            failed.append(f"{subscription['id']}: {error!r}")
            continue
        for month in months:
            body = {"id": subscription["id"], "month": month}
            sqs.send_message(QueueUrl=os.environ["RENEWALS_URL"], MessageBody=json.dumps(body))
    if failed:
        raise RuntimeError(f"not looked at: {failed}")
