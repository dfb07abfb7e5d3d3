import json
import logging
import os

import boto3

parcels = boto3.resource("dynamodb").Table(os.environ["PARCELS"])
events = boto3.client("events")
logger = logging.getLogger()


def move(scan):
    parcels.update_item(
        Key={"parcel_id": scan["parcel_id"]},
        UpdateExpression="SET depot = :depot, #at = :at",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":depot": scan["depot"], ":at": scan["at"]},
    )
    entry = {"Source": "depots", "DetailType": "ParcelMoved", "Detail": json.dumps(scan)}
    events.put_events(Entries=[entry | {"EventBusName": os.environ["SHOP"]}])


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            move(json.loads(record["body"]))
        except Exception:
            logger.exception("not moved")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
