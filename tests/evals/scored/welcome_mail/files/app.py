import json
import os

import boto3
import urllib3

members = boto3.resource("dynamodb").Table(os.environ["MEMBERS_TABLE"])
http = urllib3.PoolManager(timeout=8, retries=False)


def handler(event, context):
    member = json.loads(event["body"])
    try:
        members.put_item(
            Item={"email": member["email"], "name": member["name"]}, ConditionExpression="attribute_not_exists(email)"
        )
    except members.meta.client.exceptions.ConditionalCheckFailedException:
        return {"statusCode": 409, "body": json.dumps({"error": "already a member"})}
    mail = http.request("POST", os.environ["MAIL_URL"], json={"to": member["email"], "name": member["name"]})
    if mail.status >= 300:
        raise RuntimeError(f"mail: {mail.status}")
    return {"statusCode": 201, "body": json.dumps({"email": member["email"]})}
