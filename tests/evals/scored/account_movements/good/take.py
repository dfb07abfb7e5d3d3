import hashlib
import json
import os

import boto3

sqs = boto3.client("sqs")


def handler(event, context):
    """A bank tells of a movement; it calls again, with the same id, until it is answered with 202.

    {"id": "m-77", "account": "DE89 3704 0044 0532 0130 00", "cents": -1250}
    """
    movement = json.loads(event["body"])
    body = {"id": movement["id"], "account": movement["account"], "cents": int(movement["cents"])}
    sqs.send_message(
        QueueUrl=os.environ["MOVEMENTS_URL"],
        MessageBody=json.dumps(body),
        MessageGroupId=hashlib.sha256(str(body["account"]).encode()).hexdigest(),  # any account fits the alphabet
        MessageDeduplicationId=hashlib.sha256(str(body["id"]).encode()).hexdigest(),
    )
    return {"statusCode": 202, "body": json.dumps({"id": movement["id"]})}
