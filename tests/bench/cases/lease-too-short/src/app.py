import json
import os
import time

import boto3

claims = boto3.resource("dynamodb").Table(os.environ["CLAIMS"])
sqs = boto3.client("sqs")
DONE = 10**11


def claim(key):
    claims.put_item(
        Item={"pk": key, "until": int(time.time()) + 30},  # the function lives for 60 seconds
        ConditionExpression="attribute_not_exists(pk) OR #until < :now",
        ExpressionAttributeNames={"#until": "until"},
        ExpressionAttributeValues={":now": int(time.time())},
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            order = json.loads(record["body"])["id"]
            claim(order)
            sqs.send_message(QueueUrl=os.environ["OUT"], MessageBody=json.dumps({"order": order, "by": record["receiptHandle"] + str(time.time_ns())}))
            claims.update_item(
                Key={"pk": order},
                UpdateExpression="SET #until = :never",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":never": DONE},
            )
        except claims.meta.client.exceptions.ConditionalCheckFailedException as error:
            if int(error.response["Item"]["until"]["N"]) != DONE:
                failed.append({"itemIdentifier": record["messageId"]})  # somebody else is at it
        except Exception:
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
