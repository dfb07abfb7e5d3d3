import os
from decimal import Decimal

import boto3

contracts = boto3.resource("dynamodb").Table(os.environ["CONTRACTS_TABLE"])


def handler(event, context):
    for contract in event["contracts"]:
        contracts.update_item(
            Key={"company": contract["company"], "contract": contract["contract"]},
            UpdateExpression="SET discount = :percent",
            ConditionExpression="attribute_exists(contract)",
            ExpressionAttributeValues={":percent": Decimal(str(event["percent"]))},
        )
