import json
import os

import boto3

states = boto3.client("stepfunctions")


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            job = json.loads(record["body"])
            try:
                name, text = job["id"], record["body"]
                states.start_execution(stateMachineArn=os.environ["FLOW"], name=name, input=text)
            except states.exceptions.ExecutionAlreadyExists:
                pass  # started by an earlier delivery
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
