import json
import os

import boto3

sqs = boto3.client("sqs")


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            job = json.loads(record["body"])
            sqs.send_message(QueueUrl=os.environ["OUT"], MessageBody=json.dumps({"order": job["id"]}))
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
