import logging
from urllib.parse import unquote_plus

import bookings
import statements

logger = logging.getLogger()
logger.setLevel("INFO")


def handler(event, context):
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        try:
            lines = statements.read(bucket, key)
        except statements.Gone:  # branches delete what they uploaded by mistake
            logger.info("gone before it was booked", extra={"key": key})
            continue
        for line in lines:
            bookings.book(key, line)
        logger.info("booked", extra={"key": key, "lines": len(lines)})
