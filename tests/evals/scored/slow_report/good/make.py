import json
import logging
import os

import boto3
import crunch

logger = logging.getLogger()
jobs = boto3.resource("dynamodb").Table(os.environ["JOBS_TABLE"])
s3 = boto3.client("s3")
LAST = int(os.environ["MOST_RECEIVES"])


def settled(key, status, **more):
    names = {"#status": "status"} | {f"#{name}": name for name in more}
    values = {":status": status} | {f":{name}": value for name, value in more.items()}
    jobs.update_item(
        Key=key,
        UpdateExpression="SET #status = :status" + "".join(f", #{name} = :{name}" for name in more),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )


def make(wanted):
    key = {"company": wanted["company"], "id": wanted["id"]}
    if jobs.get_item(Key=key, ConsistentRead=True)["Item"]["status"] == "done":
        return  # the message came again
    place = f"{wanted['id']}.csv"
    body = crunch.report(wanted["company"], wanted["month"]).encode()
    s3.put_object(Bucket=os.environ["REPORTS_BUCKET"], Key=place, Body=body, ContentType="text/csv")
    settled(key, "done", place=place)


def handler(event, context):
    failures = []
    for message in event["Records"]:
        try:
            wanted = json.loads(message["body"])
            try:
                make(wanted)
            except Exception:
                if int(message["attributes"]["ApproximateReceiveCount"]) >= LAST:
                    settled({"company": wanted["company"], "id": wanted["id"]}, "failed")
                raise
        except Exception:
            logger.exception("no report yet")
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}
