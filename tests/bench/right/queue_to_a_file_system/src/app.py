import json
import os
from pathlib import Path

ORDERS = Path("/mnt/orders")


def keep(order_id, record):
    new = ORDERS / f".{record['messageId']}.new"
    new.write_text(json.dumps({"order_id": order_id}))
    os.replace(new, ORDERS / f"{order_id}.json")


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            keep(json.loads(record["body"])["order_id"], record)
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
