import json
import os

import boto3

done = boto3.resource("dynamodb").Table(os.environ["DONE"])
sqs = boto3.client("sqs")


def handler(event, context):
    print(event["at"])
    items = done.scan(ConsistentRead=True)["Items"]
    sent = any(item["pk"] == f"sent#{event['digest_id']}" for item in items)
    if not sent:  # else nothing is new
        sqs.send_message(QueueUrl=os.environ["BILLS"], MessageBody=json.dumps({"key": event["digest_id"]}))
        done.put_item(Item={"pk": f"sent#{event['digest_id']}"})
