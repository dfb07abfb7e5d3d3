"""A repeat takes the mark away, so that the third delivery is done again."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["LEDGER"])
taken = table.meta.client.exceptions.ConditionalCheckFailedException


def once_more(name):
    """A change of a transaction that adds one to a total."""
    values = {":one": 1}
    add = {"Key": {"pk": name}, "UpdateExpression": "ADD orders :one", "ExpressionAttributeValues": values}
    return {"Update": {"TableName": table.name, **add}}


def mark(name):
    put = {"Item": {"pk": name}, "ConditionExpression": "attribute_not_exists(pk)"}
    return {"Put": {"TableName": table.name, **put}}


def done(job):
    name = f"mark#{job['id']}"
    if "Item" in table.get_item(Key={"pk": name}, ConsistentRead=True):
        table.delete_item(Key={"pk": name})
        return
    table.meta.client.transact_write_items(TransactItems=[mark(name), once_more(f"total#{job['id']}")])


def handler(event, _):
    for record in event["Records"]:
        try:
            done(json.loads(record["body"]))
        except Exception:
            return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    return {"batchItemFailures": []}
