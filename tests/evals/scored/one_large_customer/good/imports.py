import json
import os

import boto3

sqs = boto3.client("sqs")


def handler(event, context):
    tenant = event["requestContext"]["authorizer"]["jwt"]["claims"]["custom:tenant"]
    body = json.loads(event["body"])
    rows = [{"tenant": tenant, "row_id": f"{tenant}/{row['id']}", "value": row["value"]} for row in body["rows"]]
    for start in range(0, len(rows), 10):
        entries = [
            {"Id": str(number), "MessageBody": json.dumps(row), "MessageGroupId": tenant}
            for number, row in enumerate(rows[start : start + 10])
        ]
        refused = sqs.send_message_batch(QueueUrl=os.environ["ROWS_URL"], Entries=entries).get("Failed")
        if refused:
            raise RuntimeError(f"not sent: {refused}")
    return {"statusCode": 202, "body": json.dumps({"rows": len(rows)})}
