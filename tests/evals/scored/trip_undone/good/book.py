import json
import os
from contextlib import suppress

import boto3

states = boto3.client("stepfunctions")


def handler(event, context):
    """{"id": "7f0c…", "flights": {…}, "hotels": {…}, "cars": {…}}; each trip has an id of its own, made by the app."""
    trip = json.loads(event["body"])
    with suppress(states.exceptions.ExecutionAlreadyExists):  # the app sends a trip again when it heard nothing
        states.start_execution(stateMachineArn=os.environ["TRIP"], name=trip["id"], input=json.dumps(trip))
    return {"statusCode": 202, "body": json.dumps({"id": trip["id"]})}
