import os

import boto3
import urllib3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

members = boto3.resource("dynamodb").Table(os.environ["MEMBERS_TABLE"])
http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=4), retries=False)
worker = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def welcome(record):
    member = record.json_body
    key = {"email": member["email"]}
    if "mailed" in members.get_item(Key=key, ConsistentRead=True).get("Item", {}):
        return
    mail = http.request("POST", os.environ["MAIL_URL"], json={"to": member["email"], "name": member["name"]})
    if mail.status >= 300:
        raise RuntimeError(f"mail: {mail.status}")
    members.update_item(Key=key, UpdateExpression="SET mailed = :yes", ExpressionAttributeValues={":yes": True})


def handler(event, context):
    return process_partial_response(event=event, record_handler=welcome, processor=worker, context=context)
