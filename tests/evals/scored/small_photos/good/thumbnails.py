import json
import logging

import boto3
from resize import NotAPhoto, thumbnail

logger = logging.getLogger()
s3 = boto3.client("s3")


def scale(message):
    detail = json.loads(message["body"])["detail"]
    bucket, key = detail["bucket"]["name"], detail["object"]["key"]  # EventBridge does not encode keys
    try:
        small = thumbnail(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except NotAPhoto:
        logger.warning("no thumbnail: %s is no photo", key)
        return
    s3.put_object(Bucket=bucket, Key=key.replace("uploads/", "thumbnails/", 1), Body=small, ContentType="image/jpeg")


def handler(event, context):
    failures = []
    for message in event["Records"]:
        try:
            scale(message)
        except Exception:
            logger.exception("no thumbnail")
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}
