import json
import os

import boto3

members = boto3.resource("dynamodb").Table(os.environ["MEMBERS_TABLE"])
sqs = boto3.client("sqs")


def handler(event, context):
    member = json.loads(event["body"])
    welcome = {"email": member["email"], "name": member["name"]}
    known = False
    try:
        members.put_item(Item=welcome, ConditionExpression="attribute_not_exists(email)")
    except members.meta.client.exceptions.ConditionalCheckFailedException:
        known = True  # perhaps by a request that ended before it sent the mail on: the worker knows whether one went
    sqs.send_message(QueueUrl=os.environ["MAILS_URL"], MessageBody=json.dumps(welcome))
    if known:
        return {"statusCode": 409, "body": json.dumps({"error": "already a member"})}
    return {"statusCode": 201, "body": json.dumps({"email": member["email"]})}
