import base64
import json
import os
from contextlib import suppress

import boto3
from botocore.exceptions import ClientError

dynamodb, sqs = boto3.client("dynamodb"), boto3.client("sqs")
READINGS, UNREADABLE = os.environ["READINGS_TABLE"], os.environ["UNREADABLE_URL"]
KEPT_FOR = 40 * 86400  # seconds
BEST = {"last": "at", "hour": "celsius"}  # of two of a kind, the one with the higher value of this is kept


def readable(record):
    """A reading with its time and its temperature as DynamoDB writes numbers; raises what is no reading."""
    reading = json.loads(base64.b64decode(record["kinesis"]["data"]))
    return str(reading["device"]), int(reading["at"]), float(reading["celsius"])


def best(records):
    """Of a batch, what each item has to be at least: a write for each device and hour instead of two a reading."""
    items = {}
    for record in records:
        try:
            device, at, celsius = readable(record)
        except (ValueError, KeyError, TypeError):
            sqs.send_message(QueueUrl=UNREADABLE, MessageBody=json.dumps(record))
            continue
        hour = at // 3600 * 3600
        for what, value in (("last", at), (f"hour {hour}", celsius)):
            if (device, what) not in items or value > items[device, what][0]:
                items[device, what] = (value, at, celsius, hour)
    return items


def keep(device, what, value, at, celsius, hour):
    item = {"device": {"S": device}, "what": {"S": what}, "at": {"N": str(at)}, "celsius": {"N": repr(celsius)}}
    if what != "last":
        item["expires"] = {"N": str(hour + KEPT_FOR)}
    with suppress(dynamodb.exceptions.ConditionalCheckFailedException):  # a late reading, or one that comes again
        dynamodb.put_item(
            TableName=READINGS,
            Item=item,
            ConditionExpression="attribute_not_exists(device) OR #value < :value",
            ExpressionAttributeNames={"#value": BEST[what.split()[0]]},
            ExpressionAttributeValues={":value": {"N": repr(value)}},
        )


def handler(event, context):
    for (device, what), item in best(event["Records"]).items():
        try:
            keep(device, what, *item)
        except ClientError as error:
            print(json.dumps({"level": "ERROR", "message": repr(error), "device": device}))
            raise  # the whole batch comes again, and what is kept already stays as it is
