import json
import os

import boto3

s3 = boto3.client("s3")


def handler(event, context):
    """A customer gets an address for one upload of its own."""
    body = json.loads(event["body"])
    key = f"{body['customer']}/{body['name']}"
    address = s3.generate_presigned_url(
        "put_object", Params={"Bucket": os.environ["UPLOADS"], "Key": key}, ExpiresIn=300
    )
    return {"statusCode": 201, "body": json.dumps({"address": address})}
