import json
import os

import boto3

events = boto3.client("events")
HOURS = {"graz": 20, "bern": 30, "lyon": 40}


def handler(event, context):
    scan = event["detail"]
    detail = {"parcel_id": scan["parcel_id"], "depot": scan["depot"], "hours": HOURS[scan["depot"]]}
    entry = {
        "EventBusName": os.environ["SHOP"],
        "Source": "depots",
        "DetailType": "ArrivalEstimated",
        "Detail": json.dumps(detail),
    }
    if events.put_events(Entries=[entry])["FailedEntryCount"]:
        raise RuntimeError("not published")
