import json


def handler(event, context):
    print(event["body"])
    return {"statusCode": 200, "body": json.dumps({"received": True})}
