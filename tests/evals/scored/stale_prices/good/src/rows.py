import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["ROWS_TABLE"])
refused = table.meta.client.exceptions.ConditionalCheckFailedException


def write(sku, image):
    """False if the row is as new already."""
    try:
        table.update_item(
            Key={"sku": sku},
            UpdateExpression="SET version = :version, #name = :name, cents = :cents",
            ConditionExpression="attribute_not_exists(version) OR version < :version",
            ExpressionAttributeNames={"#name": "name"},
            ExpressionAttributeValues={f":{key}": value for key, value in image.items()},
        )
    except refused:
        return False
    return True


def remove(sku, version):
    """False if the row is newer: the article came back."""
    try:
        table.delete_item(
            Key={"sku": sku},
            ConditionExpression="attribute_not_exists(version) OR version <= :version",
            ExpressionAttributeValues={":version": version},
        )
    except refused:
        return False
    return True
