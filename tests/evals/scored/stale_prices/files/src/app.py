import logging

import articles
import rows

logger = logging.getLogger()
logger.setLevel("INFO")


def project(record):
    change = record["dynamodb"]
    sku = change["Keys"]["sku"]["S"]
    image = articles.read(change["NewImage"])
    if rows.write(sku, image):
        logger.info("projected", extra={"sku": sku, "version": image["version"]})
    else:
        logger.info("older than the row", extra={"sku": sku, "version": image["version"]})


def handler(event, context):
    for record in event["Records"]:
        project(record)
