import json

import nordlog


def handler(event, context):
    failures = []
    for message in event["Records"]:  # one by one: the mapping says how many environments call at one time
        try:
            order = json.loads(message["body"])
            nordlog.call("PUT", order["id"], order)
        except Exception as error:
            print(json.dumps({"level": "ERROR", "message": repr(error), "id": message["messageId"]}))
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}
