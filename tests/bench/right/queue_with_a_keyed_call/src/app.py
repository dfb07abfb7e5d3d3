import json
import os
import urllib.request


def charge(order):
    headers = {"Content-Type": "application/json", "Idempotency-Key": order["id"]}
    body = json.dumps({"order": order["id"]}).encode()
    urllib.request.urlopen(urllib.request.Request(os.environ["PAYMENT_URL"], body, headers), timeout=3).close()


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            charge(json.loads(record["body"]))
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
