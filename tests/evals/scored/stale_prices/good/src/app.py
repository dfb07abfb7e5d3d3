import logging

import articles
import rows

logger = logging.getLogger()
logger.setLevel("INFO")


def project(record):
    change = record["dynamodb"]
    sku = change["Keys"]["sku"]["S"]
    if record["eventName"] == "REMOVE":
        written = rows.remove(sku, articles.version(change["OldImage"]))
    else:
        written = rows.write(sku, articles.read(change["NewImage"]))
    logger.info("projected" if written else "older than the row", extra={"sku": sku})


def handler(event, context):
    for record in event["Records"]:
        try:
            project(record)
        except Exception:
            number = record["dynamodb"]["SequenceNumber"]
            logger.exception("not projected", extra={"sequence_number": number})
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}
