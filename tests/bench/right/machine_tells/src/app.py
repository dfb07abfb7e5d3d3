import os

import boto3

claims = boto3.resource("dynamodb").Table(os.environ["CLAIMS"])


def handler(event, context):
    claims.put_item(Item={"id": event["claim"], "points": event["score"]["points"]})
