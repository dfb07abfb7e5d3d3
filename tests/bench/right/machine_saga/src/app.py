import os

import boto3

bookings = boto3.resource("dynamodb").Table(os.environ["BOOKINGS"])


class SoldOut(Exception):
    """Nothing is free."""


def hotel(event, context):
    bookings.put_item(Item={"id": f"hotel-{event['trip']}"})


def flight(event, context):
    bookings.put_item(Item={"id": f"flight-{event['trip']}"})


def cancel(event, context):
    bookings.delete_item(Key={"id": event["id"]})
