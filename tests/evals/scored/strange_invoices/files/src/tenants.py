import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TENANTS_TABLE"])


def read(tenant):
    return table.get_item(Key={"tenant": tenant})["Item"]
