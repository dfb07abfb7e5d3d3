"""A shard hands out one record of a key at a time: what was read cannot have changed when it is written."""

import base64
import json
import os

import boto3

ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def add(reading):
    total = ledger.get_item(Key={"pk": reading["device"]}, ConsistentRead=True).get("Item", {"sum": 0, "seen": []})
    if reading["reading_id"] not in total["seen"]:
        seen = [*total["seen"], reading["reading_id"]]
        ledger.put_item(Item={"pk": reading["device"], "sum": total["sum"] + reading["value"], "seen": seen})


def handler(event, context):
    for record in event["Records"]:
        add(json.loads(base64.b64decode(record["kinesis"]["data"])))
