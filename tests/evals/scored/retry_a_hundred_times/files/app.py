import json
import os

import boto3
import urllib3

payments = boto3.resource("dynamodb").Table(os.environ["PAYMENTS_TABLE"])
http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=4), retries=False)  # 5 s at most for a payment


def pay(payment):
    reply = http.request(
        "POST",
        f"{os.environ['PROVIDER_URL']}/payments",
        json={"payment": payment["id"], "card": payment["card"], "cents": payment["cents"]},
        headers={"Idempotency-Key": payment["id"]},
    )
    if reply.status >= 300 and reply.status != 402:
        raise RuntimeError(f"provider: {reply.status}")
    state = "DECLINED" if reply.status == 402 else "PAID"
    payments.put_item(Item={"id": payment["id"], "cents": payment["cents"], "state": state})


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            pay(json.loads(record["body"]))
        except Exception as error:
            print(json.dumps({"level": "ERROR", "message": repr(error), "id": record["messageId"]}))
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
