import json
import os

import boto3

dynamodb = boto3.client("dynamodb")
ACCOUNTS, MOVEMENTS = os.environ["ACCOUNTS_TABLE"], os.environ["MOVEMENTS_TABLE"]


def post(movement):
    """Book a movement once; one without cover is refused."""
    known = dynamodb.get_item(TableName=MOVEMENTS, Key={"id": {"S": movement["id"]}})
    if "Item" in known:
        return
    key = {"account": {"S": movement["account"]}}
    account = dynamodb.get_item(TableName=ACCOUNTS, Key=key, ConsistentRead=True).get("Item", {"balance": {"N": "0"}})
    before = int(account["balance"]["N"])
    after = before + movement["cents"]
    noted = {"id": {"S": movement["id"]}, "account": key["account"], "cents": {"N": str(movement["cents"])}}
    noted["state"] = {"S": "BOOKED" if after >= 0 else "REFUSED"}
    changes = [
        {
            "Put": {
                "TableName": MOVEMENTS,
                "Item": noted,
                "ConditionExpression": "attribute_not_exists(id)",
            }
        }
    ]
    if after >= 0:
        changes.append(
            {
                "Update": {
                    "TableName": ACCOUNTS,
                    "Key": key,
                    "UpdateExpression": "SET balance = :after",
                    "ConditionExpression": "attribute_not_exists(balance) OR balance = :before",
                    "ExpressionAttributeValues": {":before": {"N": str(before)}, ":after": {"N": str(after)}},
                }
            }
        )
    dynamodb.transact_write_items(TransactItems=changes)


def handler(event, context):
    failures, held = [], set()
    for record in event["Records"]:
        group = record["attributes"]["MessageGroupId"]
        try:
            if group in held:
                raise RuntimeError("an earlier movement of this account waits")
            post(json.loads(record["body"]))
        except Exception as error:
            print(json.dumps({"level": "ERROR", "message": repr(error), "id": record["messageId"]}))
            held.add(group)
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
