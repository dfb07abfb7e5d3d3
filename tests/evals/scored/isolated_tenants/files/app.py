import json

from formulas import evaluate  # what customers write, in a sandbox of its own


def handler(event, context):
    body = json.loads(event["body"])
    return {"statusCode": 200, "body": json.dumps({"value": evaluate(body["formula"], body.get("values", {}))})}
