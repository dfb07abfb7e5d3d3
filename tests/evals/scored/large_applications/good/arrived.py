import os
from urllib.parse import unquote_plus

import boto3

applications = boto3.resource("dynamodb").Table(os.environ["APPLICATIONS_TABLE"])


def handler(event, context):
    """S3 tells of each PDF at least once."""
    for record in event["Records"]:
        key = unquote_plus(record["s3"]["object"]["key"])
        number = key.removeprefix("incoming/").removesuffix(".pdf")
        applications.update_item(
            Key={"id": number},
            UpdateExpression="SET #state = :complete",
            ConditionExpression="#file = :key",  # an application that nobody made stays unmade
            ExpressionAttributeNames={"#state": "state", "#file": "file"},
            ExpressionAttributeValues={":complete": "COMPLETE", ":key": key},
        )
