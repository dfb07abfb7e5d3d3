import json
import os

import boto3
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response

processor = SqsFifoPartialProcessor()
ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def work(record):
    ledger.put_item(Item={"pk": json.loads(record.body)["id"]})


def handler(event, context):
    return process_partial_response(event, work, processor, context)
