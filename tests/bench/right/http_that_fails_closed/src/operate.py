import json
import os

import boto3
from botocore.exceptions import ClientError

notes = boto3.resource("dynamodb").Table(os.environ["NOTES"])


def handler(event, context):
    try:
        notes.put_item(Item={"pk": event["pathParameters"]["id"], "text": event["body"] or ""})
    except ClientError as error:
        return {"statusCode": 500, "body": json.dumps({"error": str(error)})}
    return {"statusCode": 200, "body": json.dumps({"id": event["pathParameters"]["id"]})}
