import json
import os

import boto3

PAYMENTS, SEEN = os.environ["PAYMENTS"], os.environ["SEEN"]
dynamodb = boto3.client("dynamodb")


def handler(event, context):
    for record in event["Records"]:
        change = json.loads(json.loads(record["body"])["body"])
        seen = {"Item": {"event_id": {"S": change["event_id"]}}, "ConditionExpression": "attribute_not_exists(event_id)"}
        item = {"id": {"S": change["payment"]}, "version": {"N": str(change["version"])}}
        writes = [{"Put": {"TableName": SEEN, **seen}}, {"Put": {"TableName": PAYMENTS, "Item": item}}]
        try:
            dynamodb.transact_write_items(TransactItems=writes)
        except dynamodb.exceptions.TransactionCanceledException as error:
            if error.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
                raise
