import json
import os

import boto3

client = boto3.client("dynamodb")
ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def book(key):
    table = os.environ["LEDGER"]
    mark = {"TableName": table, "Item": {"pk": {"S": key}}, "ConditionExpression": "attribute_not_exists(pk)"}
    count = {"TableName": table, "Key": {"pk": {"S": "count"}}, "UpdateExpression": "ADD n :one"}
    count["ExpressionAttributeValues"] = {":one": {"N": "1"}}
    try:
        client.transact_write_items(TransactItems=[{"Put": mark}, {"Update": count}])
    except client.exceptions.TransactionCanceledException as error:
        if error.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
            raise


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            book(json.loads(record["body"])["id"])
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
