import os

import boto3
import mail

appointments = boto3.resource("dynamodb").Table(os.environ["APPOINTMENTS_TABLE"])


def handler(event, context):
    appointment, at = event["appointment"], event["at"]
    booked = appointments.get_item(Key={"appointment": appointment}, ConsistentRead=True).get("Item")
    if booked is None or booked["at"] != at:
        return  # canceled or moved while this was on its way
    mail.send(booked["mail"], "Your appointment", f"We expect you on {at}.", key=f"{appointment}/{at}")
