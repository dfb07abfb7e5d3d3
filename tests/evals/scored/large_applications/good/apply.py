import json
import os
import uuid

import boto3
from botocore.config import Config

applications = boto3.resource("dynamodb").Table(os.environ["APPLICATIONS_TABLE"])
s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
MOST_BYTES = 50 * 1024 * 1024
SECONDS = 600


def handler(event, context):
    """{"name": "Ada", "email": "ada@example.com", "filename": "cv.pdf"}; the page then posts the PDF to `url`."""
    sent = json.loads(event["body"])
    number = str(uuid.uuid4())
    key = f"incoming/{number}.pdf"  # nothing that the sender can choose
    applications.put_item(
        Item={
            "id": number,
            "name": sent["name"],
            "email": sent["email"],
            "filename": sent["filename"],
            "file": key,
            "state": "WAITING",
        }
    )
    upload = s3.generate_presigned_post(
        os.environ["FILES_BUCKET"],
        key,
        Fields={"Content-Type": "application/pdf"},
        Conditions=[{"Content-Type": "application/pdf"}, ["content-length-range", 1, MOST_BYTES]],
        ExpiresIn=SECONDS,
    )
    return {"statusCode": 201, "body": json.dumps({"id": number, "upload": upload})}
