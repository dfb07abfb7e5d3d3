import json
import os

import boto3

notes = boto3.resource("dynamodb").Table(os.environ["NOTES"])
words = {}  # of the one tenant of this environment


def handler(event, context):
    try:
        note = json.loads(event["body"])
        words[note["note_id"]] = str(note["text"])
    except (TypeError, ValueError, KeyError):
        return {"statusCode": 400, "body": "a note has a note_id and a text"}
    item = {"tenant": context.tenant_id, "id": note["note_id"], "text": words[note["note_id"]], "of": sorted(words)}
    notes.put_item(Item=item)
    return {"statusCode": 200, "body": json.dumps({"id": note["note_id"]})}
