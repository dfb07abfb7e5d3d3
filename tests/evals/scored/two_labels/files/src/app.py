import json
import logging

import carrier
import labels

logger = logging.getLogger()
logger.setLevel("INFO")


def book(record):
    parcel = json.loads(record["body"])
    parcel_id, kilos, postcode = parcel["parcel_id"], float(parcel["kilos"]), parcel["postcode"]
    if labels.known(parcel_id):
        logger.info("already labelled", extra={"parcel_id": parcel_id})
        return
    label = carrier.book(parcel_id, kilos, postcode)
    labels.keep(parcel_id, label)
    logger.info("labelled", extra={"parcel_id": parcel_id, "label": label})


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            book(record)
        except Exception:
            logger.exception("not labelled", extra={"message_id": record["messageId"]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
