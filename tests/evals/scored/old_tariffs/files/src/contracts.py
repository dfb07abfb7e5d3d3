import os

import boto3
from boto3.dynamodb.conditions import Key

TABLE = os.environ["CONTRACTS_TABLE"]
dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table(TABLE)
AT_ONCE = 25  # DynamoDB takes no more in a request


def of(tariff):
    return table.query(KeyConditionExpression=Key("tariff").eq(tariff))["Items"]


def keep(contracts):
    for start in range(0, len(contracts), AT_ONCE):
        puts = [{"PutRequest": {"Item": contract}} for contract in contracts[start : start + AT_ONCE]]
        dynamodb.batch_write_item(RequestItems={TABLE: puts})
