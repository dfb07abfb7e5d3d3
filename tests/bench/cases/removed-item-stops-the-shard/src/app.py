import os

import boto3

mails = boto3.resource("dynamodb").Table(os.environ["MAILS"])


def handler(event, context):
    for record in event["Records"]:
        user = record["dynamodb"]["NewImage"]["user"]["S"]
        mails.put_item(Item={"user": user, "text": "welcome"})
