import json
import logging

import contracts

logger = logging.getLogger()
logger.setLevel("INFO")


def move(record):
    change = json.loads(record["body"])
    tariff, cents = change["tariff"], int(change["cents"])
    moved = [{**contract, "cents": cents} for contract in contracts.of(tariff)]
    contracts.keep(moved)
    logger.info("moved", extra={"tariff": tariff, "contracts": len(moved)})


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            move(record)
        except Exception:
            logger.exception("not moved", extra={"message_id": record["messageId"]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
