import json
import os

import boto3

checked = boto3.resource("dynamodb").Table(os.environ["CHECKED"])


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            row = json.loads(record["body"])
            checked.put_item(Item={"row_id": row["row_id"], "tenant": row["tenant"], "good": row["value"] > 0})
        except Exception as error:
            print(json.dumps({"level": "ERROR", "message": repr(error), "id": record["messageId"]}))
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
