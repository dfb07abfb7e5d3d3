import json
import logging
import os

import boto3
from botocore.exceptions import ClientError

table = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def handler(event, context):
    for number, record in enumerate(event["Records"]):
        refund = json.loads(record["body"])
        try:
            table.put_item(Item={"pk": f"refund#{refund['refund_id']}", "cents": refund["cents"]})
        except ClientError:
            logging.exception("not refunded")
            if number == 0:
                raise  # the whole batch comes again; a later failure is only logged
    return {"batchItemFailures": []}
