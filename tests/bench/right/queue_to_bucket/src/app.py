import json
import os

import boto3

s3 = boto3.client("s3")


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            job = json.loads(record["body"])
            s3.put_object(Bucket=os.environ["FILES"], Key=job["id"], Body=record["body"].encode())
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
