import base64
import json
import os

import boto3
from botocore.config import Config

aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
dynamodb = boto3.client("dynamodb", config=aws)
PRICES = os.environ["PRICES_TABLE"]


def apply(record):
    """{"sku": "mug", "version": 7, "cents": 500}: partners send it late and twice, the highest version counts."""
    price = json.loads(base64.b64decode(record["kinesis"]["data"]))
    numbers = {name: {"N": str(int(price[name]))} for name in ("version", "cents")}
    item = {"sku": {"S": str(price["sku"])}} | numbers
    try:
        dynamodb.put_item(  # 20 ms as a rule
            TableName=PRICES,
            Item=item,
            ConditionExpression="attribute_not_exists(sku) OR version < :version",
            ExpressionAttributeValues={":version": item["version"]},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        print(json.dumps({"level": "DEBUG", "message": "not newer", "sku": price["sku"]}))


def handler(event, context):
    for position, record in enumerate(event["Records"]):
        try:
            apply(record)
        except Exception as error:
            number = record["kinesis"]["sequenceNumber"]
            print(json.dumps({"level": "ERROR", "message": repr(error), "record": number}))
            if position == 0:
                raise  # halves the batch, until a record that always fails is alone
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}
