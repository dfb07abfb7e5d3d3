import os
import random
import time

import boto3
from boto3.dynamodb.conditions import Key

TABLE = os.environ["CONTRACTS_TABLE"]
dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table(TABLE)
AT_ONCE = 25  # DynamoDB takes no more in a request
TRIES = 8


class NotKept(Exception):
    pass


def of(tariff):
    page = table.query(KeyConditionExpression=Key("tariff").eq(tariff))
    yield from page["Items"]
    while page.get("LastEvaluatedKey"):
        start = page["LastEvaluatedKey"]
        page = table.query(KeyConditionExpression=Key("tariff").eq(tariff), ExclusiveStartKey=start)
        yield from page["Items"]


def keep(contracts):
    for start in range(0, len(contracts), AT_ONCE):
        left = {TABLE: [{"PutRequest": {"Item": contract}} for contract in contracts[start : start + AT_ONCE]]}
        for attempt in range(TRIES):
            left = dynamodb.batch_write_item(RequestItems=left).get("UnprocessedItems")
            if not left:
                break
            time.sleep(random.uniform(0, 0.1 * 2**attempt))
        if left:
            raise NotKept(f"{len(left[TABLE])} of a batch")
