import json
from concurrent.futures import ThreadPoolExecutor

import nordlog


def send(message):
    try:
        order = json.loads(message["body"])
        nordlog.call("PUT", order["id"], order)
    except Exception as error:
        print(json.dumps({"level": "ERROR", "message": repr(error), "id": message["messageId"]}))
        return {"itemIdentifier": message["messageId"]}
    return None


def handler(event, context):
    with ThreadPoolExecutor(10) as pool:
        failures = [failure for failure in pool.map(send, event["Records"]) if failure]
    return {"batchItemFailures": failures}
