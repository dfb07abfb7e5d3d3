import os
from datetime import UTC, datetime

import boto3
import urllib3

subscriptions = boto3.resource("dynamodb").Table(os.environ["SUBSCRIPTIONS_TABLE"])
http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=5), retries=False)


def handler(event, context):
    """A subscription: id, start (the day on which it began, 2026-01-31), zone (Europe/Berlin), cents; ended if it has.

    The provider charges each time, unless it gets an Idempotency-Key that it knows; it keeps keys for 30 days.
    """
    today = datetime.now(UTC)
    if today.day != 1:
        return
    for subscription in subscriptions.scan()["Items"]:
        if "ended" not in subscription:
            charge = {"subscription": subscription["id"], "cents": int(subscription["cents"])}
            http.request("POST", f"{os.environ['PAYMENTS_URL']}/charges", json=charge)
