import json
import logging

from ledger import Ledger
from provider import Provider

logger = logging.getLogger()
logger.setLevel("INFO")
ledger = Ledger()
provider = Provider()


def charge(record):
    order = json.loads(record["body"])
    order_id, cents = order["order_id"], int(order["cents"])
    if ledger.charged(order_id):
        logger.info("skipped", extra={"order_id": order_id})
        return
    reference = provider.charge(order_id, cents)
    ledger.remember(order_id, cents, reference)
    logger.info("charged", extra={"order_id": order_id, "reference": reference})


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            charge(record)
        except Exception:
            logger.exception("not charged", extra={"message_id": record["messageId"]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
