import json
import os

import boto3

accounts = boto3.resource("dynamodb").Table(os.environ["ACCOUNTS_TABLE"])
movements = boto3.resource("dynamodb").Table(os.environ["MOVEMENTS_TABLE"])


def post(movement):
    """Book a movement; one without cover is refused."""
    account = accounts.get_item(Key={"account": movement["account"]}).get("Item", {"balance": 0})
    balance = int(account["balance"]) + movement["cents"]
    state = "BOOKED" if balance >= 0 else "REFUSED"
    if state == "BOOKED":
        accounts.put_item(Item={"account": movement["account"], "balance": balance})
    movements.put_item(Item={**movement, "state": state})


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            post(json.loads(record["body"]))
        except Exception as error:
            print(json.dumps({"level": "ERROR", "message": repr(error), "id": record["messageId"]}))
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
