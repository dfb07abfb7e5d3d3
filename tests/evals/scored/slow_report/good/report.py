import json
import os
import re
import time
import uuid

import boto3

jobs = boto3.resource("dynamodb").Table(os.environ["JOBS_TABLE"])
sqs = boto3.client("sqs")
s3 = boto3.client("s3")
KEPT = 7 * 86_400  # seconds, as long as the bucket keeps a report
LINK = 300  # seconds for which a link can be followed


def start(company, month):
    job = {"company": company, "id": str(uuid.uuid4()), "month": month, "status": "running"}
    jobs.put_item(Item=job | {"expires": int(time.time()) + KEPT})
    # If this fails, the caller is told so, and asks for another; nobody knows the id of this one.
    wanted = {"company": company, "id": job["id"], "month": month}
    sqs.send_message(QueueUrl=os.environ["REPORTS_URL"], MessageBody=json.dumps(wanted))
    return {"statusCode": 202, "body": json.dumps({"id": job["id"], "status": "running"})}


def look_up(company, job_id):
    job = jobs.get_item(Key={"company": company, "id": job_id}).get("Item")
    if job is None:
        return {"statusCode": 404, "body": json.dumps({"error": "no such report"})}
    told = {"id": job_id, "status": job["status"]}
    if job["status"] == "done":
        place = {"Bucket": os.environ["REPORTS_BUCKET"], "Key": job["place"]}
        told["url"] = s3.generate_presigned_url("get_object", Params=place, ExpiresIn=LINK)
    return {"statusCode": 200, "body": json.dumps(told)}


def handler(event, context):
    company = event["requestContext"]["authorizer"]["jwt"]["claims"]["custom:company"]
    if event["requestContext"]["http"]["method"] == "GET":
        return look_up(company, event["pathParameters"]["id"])
    month = json.loads(event["body"])["month"]
    if not re.fullmatch(r"\d{4}-\d\d", month):
        return {"statusCode": 422, "body": json.dumps({"error": "month is like 2026-10"})}
    return start(company, month)
