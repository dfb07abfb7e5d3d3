"""The second delivery of what was begun marks it as done, whatever became of the first."""

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


def done(job):
    name = {"pk": f"job#{job['id']}"}
    state = table.get_item(Key=name, ConsistentRead=True).get("Item", {}).get("state")
    if state is None:
        table.put_item(Item={**name, "state": "begun"}, ConditionExpression="attribute_not_exists(pk)")
        close = {"Put": {"TableName": table.name, "Item": {**name, "state": "done"}}}
        table.meta.client.transact_write_items(TransactItems=[close, once_more(f"total#{job['id']}")])
    elif state == "begun":
        table.put_item(Item={**name, "state": "done"})


def handler(event, _):
    for record in event["Records"]:
        try:
            done(json.loads(record["body"]))
        except Exception:
            return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    return {"batchItemFailures": []}
