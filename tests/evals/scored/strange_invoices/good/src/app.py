import json
import logging

import mails
import tenants
from statement import text_of

logger = logging.getLogger()
logger.setLevel("INFO")


def make(record):
    order = json.loads(record["body"])
    tenant = tenants.read(order["tenant"])
    mails.send(order["statement_id"], tenant["mail"], text_of(order["lines"]), copies=tenant.get("copies"))
    return {"tenant": order["tenant"], "statement_id": order["statement_id"]}


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            logger.info("handed over", extra=make(record))
        except Exception:
            logger.exception("not handed over", extra={"message_id": record["messageId"]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
