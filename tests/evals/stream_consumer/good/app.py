"""Keeps the newest price of each product; the checkpoint is the first record that failed."""

import base64
import json
import os

import boto3

PRICES = os.environ["PRICES_TABLE"]

dynamodb = boto3.client("dynamodb")


def keep(change: dict) -> None:
    item = {"sku": {"S": change["sku"]}, "cents": {"N": str(change["cents"])}, "version": {"N": str(change["version"])}}
    try:
        dynamodb.put_item(
            TableName=PRICES,
            Item=item,
            ConditionExpression="attribute_not_exists(sku) OR version < :version",
            ExpressionAttributeValues={":version": item["version"]},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return


def handler(event: dict, context: object) -> dict:
    for position, record in enumerate(event["Records"]):
        try:
            keep(json.loads(base64.b64decode(record["kinesis"]["data"])))
        except Exception:
            if position == 0:
                raise  # an error lets Lambda halve the batch; named, the first record brings the whole batch again
            return {"batchItemFailures": [{"itemIdentifier": record["kinesis"]["sequenceNumber"]}]}
    return {"batchItemFailures": []}
