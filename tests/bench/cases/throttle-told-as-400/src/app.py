import json
import os

import boto3

PAYMENTS = os.environ["PAYMENTS"]
dynamodb = boto3.client("dynamodb")


def handler(event, context):
    try:
        payment = json.loads(event["body"])
        dynamodb.put_item(TableName=PAYMENTS, Item={"id": {"S": payment["id"]}})
    except Exception as error:
        return {"statusCode": 400, "body": json.dumps({"error": str(error)})}
    return {"statusCode": 201, "body": json.dumps({"id": payment["id"]})}
