import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["LABELS_TABLE"])


def known(parcel_id):
    return "Item" in table.get_item(Key={"parcel_id": parcel_id}, ConsistentRead=True)


def keep(parcel_id, label):
    table.put_item(Item={"parcel_id": parcel_id, "label": label})
