"""Writes down each change of a contract, once: from the table's stream, so whoever made it."""

import logging
import os

import boto3

logger = logging.getLogger()
dynamodb = boto3.client("dynamodb")


def write_down(record):
    change = record["dynamodb"]
    item = {
        "contract": {"S": f"{change['Keys']['company']['S']}\n{change['Keys']['contract']['S']}"},
        "change": {"S": f"{change['SequenceNumber']:0>40}"},  # of one contract in the order in which they were made
        "at": {"N": str(int(change["ApproximateCreationDateTime"]))},
        "before": {"M": change["OldImage"]} if "OldImage" in change else {"NULL": True},
        "after": {"M": change["NewImage"]} if "NewImage" in change else {"NULL": True},
    }
    dynamodb.put_item(TableName=os.environ["TRAIL_TABLE"], Item=item)  # the same item, if the record comes again


def handler(event, context):
    for record in event["Records"]:
        try:
            write_down(record)
        except Exception:
            logger.exception("not written down")
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}
