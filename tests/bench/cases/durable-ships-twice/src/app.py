import os
import uuid

import boto3
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import Duration

parcels = boto3.resource("dynamodb").Table(os.environ["PARCELS"])


def ship(order):
    parcels.put_item(Item={"parcel": str(uuid.uuid4()), "order": order})


@durable_execution
def handler(event, context):
    order = event["detail"]["order"]
    context.wait(Duration.from_days(1))
    context.step(lambda _: ship(order), "ship")
