import json
import re

import crunch


def handler(event, context):
    company = event["requestContext"]["authorizer"]["jwt"]["claims"]["custom:company"]
    month = json.loads(event["body"])["month"]
    if not re.fullmatch(r"\d{4}-\d\d", month):
        return {"statusCode": 422, "body": json.dumps({"error": "month is like 2026-10"})}
    return {"statusCode": 200, "headers": {"content-type": "text/csv"}, "body": crunch.report(company, month)}
