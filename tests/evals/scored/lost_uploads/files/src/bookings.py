import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["BOOKINGS_TABLE"])


def book(key, line):
    """Once per line of a statement, however often its event comes."""
    table.put_item(
        Item={"booking_id": f"{key}#{line['number']}", "account": line["account"], "cents": int(line["cents"])}
    )
