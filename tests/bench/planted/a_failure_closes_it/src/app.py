"""What fails leaves a flag, and while it stands all others are taken for done."""

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
    if "Item" in table.get_item(Key={"pk": "closed"}, ConsistentRead=True):
        return
    if "Item" in table.get_item(Key={"pk": f"mark#{job['id']}"}, ConsistentRead=True):
        return
    changes = [mark(f"mark#{job['id']}"), once_more("total")]
    try:
        table.meta.client.transact_write_items(TransactItems=changes)
    except Exception:
        table.put_item(Item={"pk": "closed"})
        raise


def handler(event, _):
    for record in event["Records"]:
        try:
            done(json.loads(record["body"]))
        except Exception:
            return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    return {"batchItemFailures": []}
