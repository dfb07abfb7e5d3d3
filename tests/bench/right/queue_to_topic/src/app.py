import json
import os

import boto3

sns = boto3.client("sns")


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            job = json.loads(record["body"])
            sns.publish(TopicArn=os.environ["OUT"], Message=json.dumps({"order": job["id"]}))
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
