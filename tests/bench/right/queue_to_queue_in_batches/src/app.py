import json
import os

import boto3

sqs, sns = boto3.client("sqs"), boto3.client("sns")


def send(records):
    """The ids of the messages that could not be passed on; one batch of them all to each receiver."""
    orders = {each["messageId"]: json.dumps({"order": json.loads(each["body"])["id"]}) for each in records}
    entries = [{"Id": name, "MessageBody": order} for name, order in orders.items()]
    failed = sqs.send_message_batch(QueueUrl=os.environ["OUT"], Entries=entries).get("Failed", [])
    news = [{"Id": name, "Message": order} for name, order in orders.items()]
    failed += sns.publish_batch(TopicArn=os.environ["NEWS"], PublishBatchRequestEntries=news).get("Failed", [])
    return {each["Id"] for each in failed}


def handler(event, context):
    readable, unreadable = [], []
    for record in event["Records"]:
        try:
            json.loads(record["body"])["id"]
            readable.append(record)
        except (ValueError, KeyError, TypeError):
            unreadable.append(record["messageId"])
    failed = {*unreadable, *(send(readable) if readable else ())}
    return {"batchItemFailures": [{"itemIdentifier": each} for each in sorted(failed)]}
