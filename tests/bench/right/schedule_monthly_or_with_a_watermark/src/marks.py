"""What was done is marked when it is done; whoever gets it twice knows it by its key."""

import json
import os

import boto3

done = boto3.resource("dynamodb").Table(os.environ["DONE"])
sqs = boto3.client("sqs")


def send_once(key):
    if "Item" not in done.get_item(Key={"pk": key}, ConsistentRead=True):
        sqs.send_message(QueueUrl=os.environ["BILLS"], MessageBody=json.dumps({"key": key}))
        done.put_item(Item={"pk": key})
