import csv
import io
import logging
import os
import re
from urllib.parse import unquote_plus

import boto3

logger = logging.getLogger()
s3 = boto3.client("s3")
prices = boto3.resource("dynamodb").Table(os.environ["PRICES_TABLE"])
NEWEST = {"sku": "#newest-file"}  # no article: what the table's prices are from


def handler(event, context):
    for record in event["Records"]:
        load(record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))


def load(bucket, key):
    version = version_of(key)
    if version < prices.get_item(Key=NEWEST).get("Item", {}).get("version", ""):
        logger.warning("%s is older than what was loaded", key)
        return
    lines = io.TextIOWrapper(s3.get_object(Bucket=bucket, Key=key)["Body"], encoding="utf-8-sig", newline="")
    broken = 0
    with prices.batch_writer(overwrite_by_pkeys=["sku"]) as batch:
        for row in csv.DictReader(lines, delimiter=";"):
            try:
                item = item_of(row)
            except ValueError:
                broken += 1
                logger.error("broken line in %s: %s", key, row)
                continue
            batch.put_item(Item=item)
    # After the last price: a load that is cut off before is done again as a whole.
    prices.put_item(Item={**NEWEST, "version": version, "broken": broken})


def version_of(key):
    """`2026-11-28 0002` of `incoming/prices-2026-11-28-2.csv`: newer ones sort behind."""
    day, number = re.search(r"(\d{4}-\d\d-\d\d)(?:-(\d+))?\.csv$", key).groups()
    return f"{day} {int(number or 1):04}"


def item_of(row):
    if not row["sku"] or not row["price"] or not row["name"]:
        raise ValueError("a field is empty")
    return {"sku": row["sku"], "cents": round(float(row["price"].replace(",", ".")) * 100), "name": row["name"]}
