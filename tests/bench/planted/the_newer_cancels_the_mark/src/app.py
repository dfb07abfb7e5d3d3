"""Doing one event takes the mark of the one before it, of which a repeat is then done again."""

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
    if "Item" in table.get_item(Key={"pk": f"mark#{job['id']}"}, ConsistentRead=True):
        return
    before = table.get_item(Key={"pk": "last"}, ConsistentRead=True).get("Item", {}).get("id", "")
    new = {"Put": {"TableName": table.name, "Item": {"pk": "last", "id": job["id"]}}}
    changes = [mark(f"mark#{job['id']}"), once_more(f"total#{job['id']}"), new]
    if before:
        changes.append({"Delete": {"TableName": table.name, "Key": {"pk": f"mark#{before}"}}})
    table.meta.client.transact_write_items(TransactItems=changes)


def handler(event, _):
    for record in event["Records"]:
        try:
            done(json.loads(record["body"]))
        except Exception:
            return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    return {"batchItemFailures": []}
