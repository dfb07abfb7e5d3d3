"""A repeat takes the mark away, so that the third delivery is done again."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def done(job):
    try:
        table.put_item(Item={"pk": f"mark#{job['id']}"}, ConditionExpression="attribute_not_exists(pk)")
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        table.delete_item(Key={"pk": f"mark#{job['id']}"})
        return
    table.update_item(
        Key={"pk": f"total#{job['id']}"}, UpdateExpression="ADD orders :one", ExpressionAttributeValues={":one": 1}
    )


def handler(event, _):
    for record in event["Records"]:
        try:
            done(json.loads(record["body"]))
        except Exception:
            return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    return {"batchItemFailures": []}
