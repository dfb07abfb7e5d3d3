import json
import logging

import mails
import tenants
from statement import Statement

logger = logging.getLogger()
logger.setLevel("INFO")
statement = Statement()


def make(record):
    order = json.loads(record["body"])
    tenant = tenants.read(order["tenant"])
    for line in order["lines"]:
        statement.add(line["text"], line["cents"])
    mails.send(order["statement_id"], tenant["mail"], statement.text(), copies=tenant.get("copies"))
    logger.info("handed over", extra={"tenant": order["tenant"], "statement_id": order["statement_id"]})
    statement.clear()


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            make(record)
        except Exception:
            logger.exception("not handed over", extra={"message_id": record["messageId"]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
