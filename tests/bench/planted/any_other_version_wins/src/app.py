"""A write is refused only if the version is the same: an older one overwrites a newer one."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["LEDGER"])
taken = table.meta.client.exceptions.ConditionalCheckFailedException


def done(job):
    item = {"pk": f"stock#{job['id']}", "version": int(job["version"]), "left": int(job["left"])}
    other = "attribute_not_exists(pk) OR version <> :version"
    try:
        table.put_item(Item=item, ConditionExpression=other, ExpressionAttributeValues={":version": item["version"]})
    except taken:
        return


def handler(event, _):
    for record in event["Records"]:
        try:
            done(json.loads(record["body"]))
        except Exception:
            return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    return {"batchItemFailures": []}
