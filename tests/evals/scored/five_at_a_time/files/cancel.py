import json

import nordlog


def handler(event, context):
    failures = []
    for message in event["Records"]:
        try:
            nordlog.call("DELETE", json.loads(message["body"])["id"])
        except Exception as error:
            print(json.dumps({"level": "ERROR", "message": repr(error), "id": message["messageId"]}))
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}
