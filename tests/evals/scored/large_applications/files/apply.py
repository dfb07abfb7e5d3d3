import base64
import json
import os
import uuid

import boto3

applications = boto3.resource("dynamodb").Table(os.environ["APPLICATIONS_TABLE"])
s3 = boto3.client("s3")


def handler(event, context):
    """{"name": "Ada", "email": "ada@example.com", "filename": "cv.pdf", "content": "…"}, the PDF in base64."""
    sent = json.loads(event["body"])
    number = str(uuid.uuid4())
    s3.put_object(Bucket=os.environ["FILES_BUCKET"], Key=sent["filename"], Body=base64.b64decode(sent["content"]))
    applications.put_item(
        Item={"id": number, "name": sent["name"], "email": sent["email"], "file": sent["filename"], "state": "COMPLETE"}
    )
    return {"statusCode": 201, "body": json.dumps({"id": number})}
