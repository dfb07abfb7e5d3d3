import json
import os

import boto3

events = boto3.client("events")


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            job = json.loads(record["body"])
            entry = {"EventBusName": os.environ["OUT"], "Source": "shop", "DetailType": "Placed"}
            answer = events.put_events(Entries=[{**entry, "Detail": json.dumps({"order": job["id"]})}])
            if answer["FailedEntryCount"]:
                raise RuntimeError(answer["Entries"])
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
