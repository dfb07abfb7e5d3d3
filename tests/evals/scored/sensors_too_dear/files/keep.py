import os
from decimal import Decimal

import boto3

readings = boto3.resource("dynamodb").Table(os.environ["READINGS_TABLE"])


def handler(event, context):
    """One reading: {"device": "d-17", "at": 1793610000, "celsius": 21.5}; `at` is when it was measured, in seconds."""
    device, at, celsius = event["device"], int(event["at"]), Decimal(str(event["celsius"]))
    readings.put_item(Item={"device": device, "what": "last", "at": at, "celsius": celsius})
    hour = f"hour {at // 3600 * 3600}"
    highest = readings.get_item(Key={"device": device, "what": hour}).get("Item", {}).get("celsius")
    if highest is None or celsius > highest:
        readings.put_item(Item={"device": device, "what": hour, "celsius": celsius})
