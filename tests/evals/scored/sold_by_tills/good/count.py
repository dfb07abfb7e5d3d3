import base64
import json
import logging
import os
import time
from collections import Counter

import boto3
from botocore.config import Config

logger = logging.getLogger()
dynamodb = boto3.resource("dynamodb", config=Config(retries={"mode": "standard", "total_max_attempts": 5})).meta.client
STOCK, COUNTED = os.environ["STOCK_TABLE"], os.environ["COUNTED_TABLE"]
KEPT = 7 * 86_400  # seconds: longer than a till is offline and a record is in the stream


def sale_of(record):
    """The sale's id and what was sent, by article. None if the record is no sale."""
    try:
        sale = json.loads(base64.b64decode(record["kinesis"]["data"]))
        sold = Counter()
        for line in sale["lines"]:
            sold[str(line["sku"])] += int(line["quantity"])
        return str(sale["sale_id"]), sold
    except (ValueError, KeyError, TypeError):
        logger.error("no sale: %s", record["kinesis"]["data"])
        return None


def count(sale_id, sold):
    """The stock and the mark that the sale was counted change together or not at all."""
    mark = {"sale_id": sale_id, "expires": int(time.time()) + KEPT}
    known = {"TableName": COUNTED, "Item": mark, "ConditionExpression": "attribute_not_exists(sale_id)"}
    less = [
        {
            "TableName": STOCK,
            "Key": {"sku": sku},
            "UpdateExpression": "ADD on_hand :sold",
            "ExpressionAttributeValues": {":sold": -quantity},
        }
        for sku, quantity in sold.items()
    ]
    try:
        dynamodb.transact_write_items(TransactItems=[{"Put": known}, *({"Update": update} for update in less)])
    except dynamodb.exceptions.TransactionCanceledException as canceled:
        if canceled.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
            raise  # another sale of the same article at the same moment, or too many at once


def handler(event, context):
    for record in event["Records"]:
        if sale := sale_of(record):
            try:
                count(*sale)
            except Exception:
                logger.exception("not counted: %s", sale[0])
                return {"batchItemFailures": [{"itemIdentifier": record["kinesis"]["sequenceNumber"]}]}
    return {"batchItemFailures": []}
