import json
import os

import boto3
import urllib3

subscriptions = boto3.resource("dynamodb").Table(os.environ["SUBSCRIPTIONS_TABLE"])
http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=5), retries=False)


class NotCharged(Exception):
    pass


def charge(renewal):
    key = {"id": renewal["id"]}
    subscription = subscriptions.get_item(Key=key).get("Item", {"ended": True})
    charged = int(subscription.get("charged_months", 0))
    if "ended" in subscription or renewal["month"] <= charged:
        return
    if renewal["month"] > charged + 1:
        raise NotCharged("an earlier month is not charged yet")
    reply = http.request(
        "POST",
        f"{os.environ['PAYMENTS_URL']}/charges",
        json={"subscription": renewal["id"], "cents": int(subscription["cents"])},
        headers={"Idempotency-Key": f"{renewal['id']}-{subscription['start']}-{renewal['month']}"},
    )
    if reply.status >= 300:
        raise NotCharged(f"{renewal}: {reply.status}")
    subscriptions.update_item(
        Key=key,
        UpdateExpression="SET charged_months = :month",
        ConditionExpression="attribute_not_exists(charged_months) OR charged_months < :month",
        ExpressionAttributeValues={":month": renewal["month"]},
    )


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            charge(json.loads(record["body"]))
        except Exception as error:
            print(json.dumps({"level": "ERROR", "message": repr(error), "id": record["messageId"]}))
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
