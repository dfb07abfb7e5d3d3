import json
import os

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

events = boto3.client("events")
read = TypeDeserializer().deserialize
BUS = os.environ["BUS"]
MOST_ENTRIES, MOST_BYTES = 10, 900_000  # of one call, which EventBridge limits to 10 and to less than 1 MB


def paid(record):
    """The event of an order that has just been paid, with what other teams need of it; None for any other change."""
    new = {name: read(value) for name, value in record["dynamodb"].get("NewImage", {}).items()}
    old = {name: read(value) for name, value in record["dynamodb"].get("OldImage", {}).items()}
    if new.get("status") != "PAID" or old.get("status") == "PAID":
        return None
    detail = {
        "version": 1,
        "id": new["id"],
        "cents": new["cents"],
        "goods": new["goods"],
        "address": new["address"],
        "to_ship": any(not one["digital"] for one in new["goods"]),
    }
    return {
        "EventBusName": BUS,
        "Source": "shop.orders",
        "DetailType": "OrderPaid",
        "Detail": json.dumps(detail, default=int),
    }


def send(waiting):
    """The number of the first record whose event the bus did not take, None if it took all."""
    if not waiting:
        return None
    try:
        taken = events.put_events(Entries=[entry for _, entry in waiting])["Entries"]
    except ClientError as error:
        print(json.dumps({"level": "ERROR", "message": repr(error)}))
        return waiting[0][0]
    for (number, _), result in zip(waiting, taken, strict=True):
        if "ErrorCode" in result:
            print(json.dumps({"level": "ERROR", "message": result["ErrorCode"], "record": number}))
            return number
    return None


def published(records):
    """The number of the record from which on the batch has to come again, None for none."""
    waiting, size = [], 0
    for record in records:
        number = record["dynamodb"]["SequenceNumber"]
        try:
            entry = paid(record)
        except Exception as error:
            print(json.dumps({"level": "ERROR", "message": repr(error), "record": number}))
            return send(waiting) or number
        if entry is None:
            continue
        weight = len(entry["Detail"].encode()) + 100
        if len(waiting) == MOST_ENTRIES or size + weight > MOST_BYTES:
            refused = send(waiting)
            if refused:
                return refused
            waiting, size = [], 0
        waiting.append((number, entry))
        size += weight
    return send(waiting)


def handler(event, context):
    number = published(event["Records"])
    if number == event["Records"][0]["dynamodb"]["SequenceNumber"]:
        raise RuntimeError(
            f"not published: {number}"
        )  # only an error halves the batch, down to a record that always fails
    return {"batchItemFailures": [{"itemIdentifier": number}] if number else []}
