import json
import os
import time

import boto3

functions = boto3.client("lambda")
dynamodb = boto3.resource("dynamodb")


def ask(event, context):
    failed = []
    for record in event["Records"]:
        try:
            job = {"id": str(json.loads(record["body"])["id"])}
            functions.invoke(FunctionName=os.environ["RENDER"], InvocationType="Event", Payload=json.dumps(job))
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def render(event, context):
    time.sleep(1.5)  # whoever looks before has seen nothing yet
    dynamodb.Table(os.environ["LEDGER"]).put_item(Item={"pk": event["id"], "rendered": True})
