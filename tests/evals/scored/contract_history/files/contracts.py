import json
import os

import boto3

contracts = boto3.resource("dynamodb").Table(os.environ["CONTRACTS_TABLE"])


def handler(event, context):
    company = event["requestContext"]["authorizer"]["jwt"]["claims"]["custom:company"]
    key = {"company": company, "contract": event["pathParameters"]["contract"]}
    if event["requestContext"]["http"]["method"] == "DELETE":
        contracts.delete_item(Key=key)
        return {"statusCode": 204}
    terms = json.loads(event["body"])
    contracts.put_item(Item={**key, "tariff": terms["tariff"], "seats": int(terms["seats"])})
    return {"statusCode": 200, "body": json.dumps(key)}
