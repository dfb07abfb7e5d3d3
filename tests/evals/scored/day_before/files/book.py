import json
import os
from datetime import datetime

import boto3

appointments = boto3.resource("dynamodb").Table(os.environ["APPOINTMENTS_TABLE"])


def handler(event, context):
    appointment = event["pathParameters"]["appointment"]
    if event["requestContext"]["http"]["method"] == "DELETE":
        appointments.delete_item(Key={"appointment": appointment})
        return {"statusCode": 204}
    body = json.loads(event["body"])
    at = datetime.fromisoformat(body["at"])
    if at.tzinfo is None:
        return {"statusCode": 422, "body": json.dumps({"error": "at which time zone's clock?"})}
    appointments.put_item(Item={"appointment": appointment, "at": body["at"], "mail": body["mail"]})
    return {"statusCode": 200, "body": json.dumps({"appointment": appointment})}
